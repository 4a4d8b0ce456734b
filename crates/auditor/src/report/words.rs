//! What text and page say in the same words, Indonesian before English.

use crate::findings::{Finding, Weight};
use crate::report::{Report, TrustBasis, Verdict};

/// The verdict in a few words, and what it means.
pub(super) fn verdict(verdict: Verdict) -> [(&'static str, &'static str); 2] {
    match verdict {
        Verdict::AllWell => [
            ("SEMUA SESUAI", "ALL IS WELL"),
            (
                "Semua yang dapat diperiksa dari luar sudah diperiksa, kali ini atau oleh audit terdahulu, dan memenuhi aturan. Apa yang \
                 tidak dilihat lagi disebut di bawah.",
                "Everything that can be checked from outside was checked, this time or by an earlier audit, and keeps the rules. What was \
                 not looked at again is said below.",
            ),
        ],
        Verdict::NotWhole => [
            ("TIDAK SEMUA DIPERIKSA", "NOT EVERYTHING WAS CHECKED"),
            (
                "Tidak ditemukan kesalahan, tetapi sebagian tidak dapat diperiksa; lihat di bawah.",
                "Nothing wrong was found, but something could not be checked; see below.",
            ),
        ],
        Verdict::Unlikely => [
            ("ANGKA YANG JARANG TERJADI", "UNLIKELY FIGURES"),
            (
                "Tidak ada aturan yang jelas dilanggar. Ada angka yang terjadi secara kebetulan pada satu dari 1.000 edisi yang jujur: \
                 belum tentu kesalahan; perhatikan edisi berikutnya.",
                "No rule was broken for certain. A figure would be so by chance in one of 1,000 honest epochs: that need not be wrong; \
                 look at the next epochs.",
            ),
        ],
        Verdict::Problem => [
            ("ADA MASALAH", "THERE IS A PROBLEM"),
            (
                "Penerbit atau layanan melanggar aturan, atau angkanya terjadi secara kebetulan hanya pada satu dari sejuta edisi yang \
                 jujur.",
                "The publisher or the service broke a rule, or its figures would be so by chance in one of a million honest epochs.",
            ),
        ],
        Verdict::Fork => [
            ("DUA SEJARAH", "TWO HISTORIES"),
            (
                "Catatan publik menunjukkan sejarah yang bertentangan dengan yang pernah ditunjukkannya. Simpan buktinya dan \
                 bandingkan dengan auditor lain.",
                "The public log shows a history that contradicts what it showed before. Keep the evidence, and compare with other \
                 auditors.",
            ),
        ],
    }
}

/// How much a finding weighs.
pub(super) fn weight(weight: Weight) -> (&'static str, &'static str) {
    match weight {
        Weight::Remark => ("catatan", "remark"),
        Weight::Chance => ("mungkin kebetulan", "may be chance"),
        Weight::Problem => ("masalah", "problem"),
        Weight::Fork => ("dua sejarah", "two histories"),
    }
}

/// How many a finding stands for, where it is not one, and whether it is told again.
pub(super) fn repeated(finding: &Finding) -> String {
    let more = finding.count - 1;
    let more = if more > 0 { format!(" (dan {more} lagi / and {more} more)") } else { String::new() };
    let told = if finding.told_before { " (sudah disampaikan / told before)" } else { "" };
    format!("{more}{told}")
}

/// What the audit rests on.
pub(super) fn trust(report: &Report) -> (&'static str, &'static str) {
    match report.trust.basis {
        TrustBasis::Given => {
            ("Kebijakan kepercayaan diberikan oleh auditor.", "The trust policy was given by the auditor.")
        }
        TrustBasis::FirstUse => (
            "Kebijakan kepercayaan diambil dari layanan itu sendiri, sekarang: apakah semua orang melihat yang sama belum diketahui.",
            "The trust policy was taken from the service itself, just now: whether everybody is shown the same is not known.",
        ),
        TrustBasis::Kept => (
            "Kebijakan kepercayaan diambil dari layanan itu sendiri pada audit terdahulu.",
            "The trust policy was taken from the service itself, at an earlier audit.",
        ),
    }
}

/// What no audit of this kind can see.
pub(super) const LIMITS: [(&str, &str); 4] = [
    (
        "Audit ini tidak melihat siapa yang tercantum. Bahwa tidak ada orang yang sengaja dihilangkan hanya dapat diperiksa oleh \
         pemegang daftar asli.",
        "This audit does not see who is listed. That nobody was left out can be checked by somebody who holds the raw list alone.",
    ),
    ("Jumlah penduduk adalah keterangan penerbit sendiri.", "The population is the publisher's own word."),
    (
        "Jumlah sel yang diharapkan adalah hitungan peluang: satu dari seribu edisi yang jujur berada di luar rentang.",
        "How many cells are expected is reckoned by chance: one of a thousand honest epochs lies outside of the range.",
    ),
    (
        "Peluang yang ditunjukkan berlaku bagi orang yang tidak tahu apa-apa lagi. Keluarga dan tetangga saling menunjukkan lebih \
         banyak.",
        "The chances that are shown are for somebody who knows nothing else. Families and neighbours tell more of each other.",
    ),
];

/// A number in groups of three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

/// A day of a time.
pub(super) fn day(time: &str) -> &str {
    time.split('T').next().unwrap_or(time)
}

/// A publisher's text on one line: with a line of its own it could pass for a verdict.
pub(super) fn line(text: &str) -> String {
    text.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1\u{202f}000"), (677_065, "677\u{202f}065")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
