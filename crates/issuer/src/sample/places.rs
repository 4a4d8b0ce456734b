//! Places: Jakarta's districts with some of their villages, and where people of other provinces are born.

/// A district of Jakarta.
#[derive(Clone, Copy)]
pub(super) struct JakartaDistrict {
    /// Six digits, as in a NIK.
    pub(super) code: u32,
    pub(super) name: &'static str,
    /// Two of its *kelurahan*.
    pub(super) villages: [&'static str; 2],
}

const fn district(code: u32, name: &'static str, villages: [&'static str; 2]) -> JakartaDistrict {
    JakartaDistrict { code, name, villages }
}

/// All 44.
pub(super) const JAKARTA: [JakartaDistrict; 44] = [
    district(310_101, "Kepulauan Seribu Utara", ["Pulau Kelapa", "Pulau Panggang"]),
    district(310_102, "Kepulauan Seribu Selatan", ["Pulau Tidung", "Pulau Pari"]),
    district(317_101, "Gambir", ["Cideng", "Petojo Utara"]),
    district(317_102, "Sawah Besar", ["Pasar Baru", "Kartini"]),
    district(317_103, "Kemayoran", ["Serdang", "Sumur Batu"]),
    district(317_104, "Senen", ["Kwitang", "Kenari"]),
    district(317_105, "Cempaka Putih", ["Rawasari", "Cempaka Putih Timur"]),
    district(317_106, "Menteng", ["Cikini", "Pegangsaan"]),
    district(317_107, "Tanah Abang", ["Bendungan Hilir", "Petamburan"]),
    district(317_108, "Johar Baru", ["Tanah Tinggi", "Galur"]),
    district(317_201, "Penjaringan", ["Pluit", "Kapuk Muara"]),
    district(317_202, "Tanjung Priok", ["Sunter Agung", "Papanggo"]),
    district(317_203, "Koja", ["Lagoa", "Tugu Utara"]),
    district(317_204, "Cilincing", ["Marunda", "Semper Barat"]),
    district(317_205, "Pademangan", ["Ancol", "Pademangan Barat"]),
    district(317_206, "Kelapa Gading", ["Pegangsaan Dua", "Kelapa Gading Timur"]),
    district(317_301, "Cengkareng", ["Kapuk", "Duri Kosambi"]),
    district(317_302, "Grogol Petamburan", ["Tomang", "Jelambar"]),
    district(317_303, "Taman Sari", ["Glodok", "Mangga Besar"]),
    district(317_304, "Tambora", ["Jembatan Lima", "Angke"]),
    district(317_305, "Kebon Jeruk", ["Kedoya Utara", "Sukabumi Utara"]),
    district(317_306, "Kalideres", ["Tegal Alur", "Semanan"]),
    district(317_307, "Pal Merah", ["Slipi", "Kemanggisan"]),
    district(317_308, "Kembangan", ["Meruya Utara", "Joglo"]),
    district(317_401, "Tebet", ["Manggarai", "Bukit Duri"]),
    district(317_402, "Setiabudi", ["Karet", "Pasar Manggis"]),
    district(317_403, "Mampang Prapatan", ["Kuningan Barat", "Pela Mampang"]),
    district(317_404, "Pasar Minggu", ["Pejaten Barat", "Ragunan"]),
    district(317_405, "Kebayoran Lama", ["Cipulir", "Pondok Pinang"]),
    district(317_406, "Cilandak", ["Cipete Selatan", "Lebak Bulus"]),
    district(317_407, "Kebayoran Baru", ["Melawai", "Gandaria Utara"]),
    district(317_408, "Pancoran", ["Kalibata", "Duren Tiga"]),
    district(317_409, "Jagakarsa", ["Lenteng Agung", "Ciganjur"]),
    district(317_410, "Pesanggrahan", ["Bintaro", "Petukangan Utara"]),
    district(317_501, "Matraman", ["Utan Kayu Utara", "Pisangan Baru"]),
    district(317_502, "Pulogadung", ["Rawamangun", "Kayu Putih"]),
    district(317_503, "Jatinegara", ["Kampung Melayu", "Cipinang Muara"]),
    district(317_504, "Kramatjati", ["Cililitan", "Balekambang"]),
    district(317_505, "Pasar Rebo", ["Cijantung", "Kalisari"]),
    district(317_506, "Cakung", ["Penggilingan", "Pulo Gebang"]),
    district(317_507, "Duren Sawit", ["Klender", "Pondok Bambu"]),
    district(317_508, "Makasar", ["Halim Perdana Kusuma", "Kebon Pala"]),
    district(317_509, "Ciracas", ["Rambutan", "Susukan"]),
    district(317_510, "Cipayung", ["Lubang Buaya", "Setu"]),
];

/// A town of the province of a district code.
pub(super) fn birthplace(district: u32) -> &'static str {
    match district / 10_000 {
        11 => "Banda Aceh",
        12 => "Medan",
        13 => "Padang",
        14 => "Pekanbaru",
        15 => "Jambi",
        16 => "Palembang",
        17 => "Bengkulu",
        18 => "Bandar Lampung",
        19 => "Pangkalpinang",
        21 => "Tanjungpinang",
        32 => "Bandung",
        33 => "Semarang",
        34 => "Yogyakarta",
        35 => "Surabaya",
        36 => "Serang",
        51 => "Denpasar",
        52 => "Mataram",
        53 => "Kupang",
        61 => "Pontianak",
        62 => "Palangka Raya",
        63 => "Banjarmasin",
        64 => "Samarinda",
        65 => "Tarakan",
        71 => "Manado",
        72 => "Palu",
        73 => "Makassar",
        74 => "Kendari",
        75 => "Gorontalo",
        76 => "Mamuju",
        81 => "Ambon",
        82 => "Ternate",
        91 => "Jayapura",
        92 => "Manokwari",
        93 => "Merauke",
        94 => "Nabire",
        95 => "Wamena",
        96 => "Sorong",
        _ => "Jakarta",
    }
}
