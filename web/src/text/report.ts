/** The words of the draft of a report. In Indonesian whatever the page speaks: it goes to an Indonesian office. */
const words = {
  title: "Rancangan laporan dugaan pelanggaran pemilihan",
  intro:
    "Diisi di perangkat ini saja; tidak dikirim dan tidak disimpan. Cetak, tanda tangani seperti di KTP, lalu serahkan kepada pengawas pemilu terdekat. Isian mengikuti formulir laporan Bawaslu; petugas dapat meminta formulir aslinya. / Filled in on this device alone, neither sent nor kept; in Indonesian, for an Indonesian office.",
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
  event: (list: string, date: string, candidate: string, status: string) =>
    `Data kependudukan saya dipakai tanpa izin saya: saya tercantum sebagai pendukung ${candidate} (status: ${status}) dalam “${list}” per ${date}. Saya tidak pernah memberi dukungan itu.`,
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
  chronologyGiven: (date: string) =>
    `Pada tanggal ${date} saya memeriksa NIK saya dan menemukan bahwa saya tercantum sebagai pendukung. `,
  signature: "Tempat dan tanggal: ______________________     Tanda tangan pelapor: ______________________",
  print: "Cetak rancangan",
  close: "Tutup",
};

export function report(): typeof words {
  return words;
}
