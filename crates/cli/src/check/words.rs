//! What is said in Indonesian and in English, in this order, beside what the client says by itself.

use ceknik_client::Unconfirmed;
use ceknik_core::NikError;
use ceknik_core::manifest::Text;

/// A publisher's text on one line: with a line of its own it could pass for an answer.
pub(crate) fn line(text: &str) -> String {
    text.replace('\n', " ")
}

/// A publisher's text in both languages.
pub(crate) fn pair(text: &Text) -> String {
    format!("{} / {}", line(&text.id), line(&text.en))
}

/// Why a line is no NIK, in Indonesian. The English is the error's own.
pub(crate) fn no_nik(error: NikError) -> String {
    match error {
        NikError::TooLong { .. } => "baris ini terlalu panjang untuk sebuah NIK".to_owned(),
        NikError::Character { position } => {
            format!("karakter ke-{position} bukan angka, spasi, titik, atau tanda hubung")
        }
        NikError::Empty => "tidak ada angka; NIK terdiri dari 16 angka".to_owned(),
        NikError::Length { digits } => format!("ada {digits} angka; NIK terdiri dari 16 angka"),
    }
}

/// What a hit of the filter is worth.
pub(super) fn worth_of_a_hit(posterior_percent: Option<u8>) -> String {
    match posterior_percent {
        None => {
            "NIK ini cocok dengan saringan, yang juga terjadi pada orang yang tidak tercantum / the filter hits, which it does for \
                 people who are not listed as well"
                .to_owned()
        }
        Some(percent) => format!(
            "NIK ini cocok dengan saringan, yang juga terjadi pada orang yang tidak tercantum: bila hanya ini yang diketahui, peluang \
             tercantum paling tinggi {percent} % / the filter hits, which it does for people who are not listed as well: to \
             somebody who knows nothing else, listed with a chance of {percent} % at most"
        ),
    }
}

/// How to have it confirmed.
pub(super) fn confirm(because: Unconfirmed) -> &'static str {
    match because {
        Unconfirmed::LocalOnly => {
            "Untuk jawaban pasti, jalankan lagi tanpa --local-only. / For a definite answer run it again without --local-only."
        }
        Unconfirmed::Offline => {
            "Untuk jawaban pasti, jalankan lagi tanpa --offline. / For a definite answer run it again without --offline."
        }
        Unconfirmed::Unreachable => {
            "Layanan tidak dapat dihubungi; untuk jawaban pasti, coba lagi nanti. / The service could not be reached; for a \
             definite answer try again later."
        }
        Unconfirmed::TooFewPeople => {
            "Bagian daftar ini dipakai bersama oleh terlalu sedikit orang, sehingga bertanya akan menunjukkan siapa yang \
             bertanya; --least-people mengizinkannya. / So few people share a bucket of this list that to ask would tell who \
             asks; --least-people allows it."
        }
        Unconfirmed::NoMirror => {
            "Tidak satu pun cermin daftar ini memberikan bagian yang diperlukan. Coba lagi nanti, atau ambil dari layanan dengan \
             --without-mirrors: layanan itu lalu melihat bagian mana, di samping evaluasinya. / None of the list's mirrors gave \
             the bucket. Try again later, or take it from the service with --without-mirrors: the service then sees which, \
             beside the evaluation."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_lines_of_its_own_passes_for_no_answer() {
        let text = Text { id: "Daftar\n1. TIDAK TERCANTUM / not listed".into(), en: "List\n".into() };
        assert_eq!(pair(&text), "Daftar 1. TIDAK TERCANTUM / not listed / List ");
    }

    #[test]
    fn everything_is_said_in_both_languages() {
        use Unconfirmed::{LocalOnly, NoMirror, Offline, TooFewPeople, Unreachable};
        let told = [LocalOnly, Offline, Unreachable, TooFewPeople, NoMirror].map(confirm);
        let worth = [worth_of_a_hit(None), worth_of_a_hit(Some(50))];
        for text in told.into_iter().chain(worth.iter().map(String::as_str)) {
            assert_eq!(text.matches(" / ").count(), 1, "{text}");
        }
    }
}
