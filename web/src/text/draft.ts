/** The words of the draft of a report. In Indonesian whatever the page speaks: it goes to an Indonesian office. */
export const words = {
  title: "Rancangan laporan dugaan pelanggaran pemilihan",
  intro:
    "Diisi di perangkat ini saja; tidak dikirim dan tidak disimpan. Cetak, tanda tangani seperti di KTP, lalu serahkan kepada pengawas pemilu terdekat. Isian mengikuti formulir laporan Bawaslu; petugas dapat meminta formulir aslinya.",
  introEnglish: "Filled in on this device alone, neither sent nor kept. It is in Indonesian, for an Indonesian office.",
  reporter: "1. Pelapor",
  name: "Nama",
  birth: "Tempat dan tanggal lahir",
  sex: "Jenis kelamin",
  occupation: "Pekerjaan",
  citizenship: "Kewarganegaraan",
  indonesia: "Indonesia",
  address: "Alamat",
  phone: "Nomor telepon",
  reported: "2. Terlapor",
  reportedWho: "Nama, bila diketahui",
  reportedAddress: "Alamat, bila diketahui",
  what: "3. Peristiwa yang dilaporkan",
  listed: "Nama orang yang tercantum (boleh pelapor sendiri)",
  happened: "Peristiwa",
  where: "Tempat kejadian",
  when: "Waktu kejadian, bila diketahui",
  known: "Tanggal diketahui",
  witnesses: "4. Saksi",
  witness: "Nama dan alamat saksi, bila ada",
  evidence: "5. Bukti",
  evidenceList: "Bukti yang dilampirkan",
  evidenceGiven: (date: string) => `1. Cetakan hasil pemeriksaan tanggal ${date}\n2. Salinan KTP-el`,
  chronology: "6. Uraian kejadian",
  chronologyHint: "Urutan kejadian dengan kata-kata sendiri",
  place: "Tempat dan tanggal:",
  signature: "Tanda tangan pelapor (seperti di KTP-el):",
  print: "Cetak rancangan",
  close: "Tutup",
  about: (label: string) => `Tentang: ${label}`,
  /** Where one NIK was checked. */
  mine: {
    intro: "Ditulis seolah-olah NIK ini milik Anda; bila milik orang lain, ubah kata-katanya.",
    introEnglish: "It is worded as if the NIK were yours; if it is somebody else's, change the words.",
    event: (list: string, date: string, candidate: string, status: string) =>
      `Data kependudukan saya dipakai tanpa izin saya: saya tercantum sebagai pendukung ${candidate} (status: ${status}) dalam “${list}” per ${date}. Saya tidak pernah memberi dukungan itu.`,
    chronology: (date: string) =>
      `Pada tanggal ${date} saya memeriksa NIK saya dan menemukan bahwa saya tercantum sebagai pendukung. `,
  },
  /** About one of several people, whoever reports it. */
  somebodys: {
    intro: "Satu rancangan untuk satu orang. Pelapor ialah yang menandatanganinya: orang itu sendiri, atau orang lain.",
    introEnglish: "It is about one person. The reporter is whoever signs it: that person, or another.",
    event: (list: string, date: string, candidate: string, status: string) =>
      `Data kependudukan orang tersebut di atas dipakai tanpa izinnya: ia tercantum sebagai pendukung ${candidate} (status: ${status}) dalam “${list}” per ${date}. Ia tidak pernah memberi dukungan itu.`,
    chronology: (date: string) =>
      `Pada tanggal ${date} NIK orang tersebut diperiksa, dan ternyata ia tercantum sebagai pendukung. `,
  },
};
