//! What somebody who got no answer can do.

use std::path::Path;

use ceknik_client::{Reason, ServerUrl, TrustBasis};

/// What advice depends on beside the reason.
pub(super) struct Circumstances<'a> {
    /// The service that was asked.
    pub(super) server: &'a ServerUrl,
    /// Where the policy is from; none where none could be had, or the service's own failed at the first visit.
    pub(super) trust: Option<TrustBasis>,
    /// Where the pinned policy is kept.
    pub(super) pinned: Option<&'a Path>,
}

const NOT_COVERED: (&str, &str) = (
    "Periksa alamat layanan dan id daftar.",
    "Check --server and --dataset; SERVER/v1/datasets names the lists that are there.",
);
const NO_POLICY: (&str, &str) = (
    "Berikan kebijakan kepercayaan dari penerbit.",
    "Get the policy from the publisher and give it with --policy FILE.",
);

/// A few sentences, in Indonesian and in English.
pub(super) fn advice(reason: Reason, circumstances: &Circumstances<'_>) -> String {
    use Reason as R;
    let both = |id: &str, en: &str| format!("{id} / {en}");
    let Circumstances { server, trust, pinned } = *circumstances;
    match (reason, server.without_path(), trust) {
        // Something else can be wrong all the same, and nothing tells which.
        (R::NotCovered | R::PolicyUnavailable, Some(without), _) => {
            let (id, en) = if reason == R::NotCovered { NOT_COVERED } else { NO_POLICY };
            return both(
                &format!("Alamat layanan hampir selalu tanpa jalur di belakangnya: coba --server {without}. {id}"),
                &format!(
                    "The address of a service has hardly ever a path: try --server {without}, without what follows there. {en}"
                ),
            );
        }
        // From another machine it is not offered: who is on the way could make it so.
        (R::Unreachable, ..) if server.is_https() && server.is_loopback() => {
            return both(
                "Periksa alamat layanan: di perangkat ini sendiri alamatnya mungkin dimulai dengan http://.",
                "Check --server: on this machine itself the address may well begin with http://.",
            );
        }
        // The wrong file is by far the likeliest.
        (R::Policy, _, Some(TrustBasis::Given)) => {
            return both(
                "Berkas --policy itu mungkin milik penerbit lain, atau sudah lama: bandingkan catatan di dalamnya dengan yang \
                 diumumkan penerbit daftar ini, atau mintalah yang sekarang kepadanya. Bila berkas itu memang benar, daftar ini \
                 diganti di jalan atau oleh layanan: coba dari jaringan lain, dan laporkan kode ini kepada penerbit dan pengawas: \
                 policy.",
                "The file of --policy may be another publisher's, or an old one: compare the log in it with what this list's \
                 publisher made known, or ask there for the present file. If it is the right one, the list was exchanged on the \
                 way or by the service: try from another network, and tell the publisher and the supervisor this code: policy.",
            );
        }
        (R::Policy, _, Some(TrustBasis::PinnedBefore)) => {
            return both(
                "Daftar ini tidak cocok dengan kebijakan yang disimpan pada kunjungan pertama. Tanyakan kepada penerbit apakah \
                 catatannya berganti, dan berikan kebijakannya dengan --policy. Bila tidak berganti, daftar ini diganti di jalan \
                 atau oleh layanan: coba dari jaringan lain, dan laporkan kode ini kepada penerbit dan pengawas: policy.",
                "The list does not fit the policy that was kept at the first visit. Ask the publisher whether there is a new log, \
                 and give its policy with --policy FILE. If there is none, the list was exchanged on the way or by the service: \
                 try from another network, and tell the publisher and the supervisor this code: policy.",
            );
        }
        _ => {}
    }
    match reason {
        R::QuorumNotMet => both(
            "Kebijakan ini meminta lebih banyak saksi daripada yang telah melihat daftar ini. Saksi mungkin terlambat: coba lagi \
             nanti. Kebijakan itu mungkin pula milik penerbit lain, atau sudah lama: bandingkan dengan yang diumumkan penerbit. \
             Bila tetap begitu, daftar ini mungkin hanya ditunjukkan kepada Anda: laporkan kode ini kepada penerbit dan pengawas: \
             quorum_not_met.",
            "The policy asks for more witnesses than have seen this list. They may be late: try again later. The policy may be \
             another publisher's, or an old one: compare it with what the publisher made known. If it stays so, this list may \
             have been shown to you alone: tell the publisher and the supervisor this code: quorum_not_met.",
        ),
        R::RateLimited | R::BudgetExhausted | R::ServiceUnavailable => both("Coba lagi nanti.", "Try again later."),
        R::Unreachable => both(
            "Periksa alamat layanan dan koneksi internet, lalu coba lagi.",
            "Check --server and the connection, and try again.",
        ),
        R::TimedOut | R::Interrupted => {
            both("Periksa koneksi internet, lalu coba lagi.", "Check the connection and try again.")
        }
        R::NotCovered => both(NOT_COVERED.0, NOT_COVERED.1),
        R::Stale => both(
            "Tunggu atau minta daftar yang lebih baru dari penerbit.",
            "Wait for the publisher's next list, or ask for it.",
        ),
        R::PublishedAhead => {
            both("Periksa jam dan tanggal perangkat ini.", "Check the clock and the date of this device.")
        }
        R::Offline => both("Jalankan lagi tanpa --offline.", "Run it again without --offline."),
        R::ConfirmationNeeded => {
            both("Jalankan lagi tanpa --offline dan --local-only.", "Run it again without --offline and --local-only.")
        }
        R::Weak => both(
            "Daftar ini hanya untuk percobaan.",
            "This list is for tests; --accept-weak looks into it all the same.",
        ),
        R::OutOfMemory => both("Tutup program lain, lalu coba lagi.", "Close other programs and try again."),
        R::PolicyUnavailable => both(NO_POLICY.0, NO_POLICY.1),
        R::PolicyDamaged => {
            let file = pinned.map_or_else(|| "policy".to_owned(), |path| path.display().to_string());
            both(
                "Berikan kebijakan dengan --policy.",
                &format!("Give the policy with --policy FILE, or remove {file} to trust the service anew."),
            )
        }
        R::AwayTooLong => both(
            "Mintalah kebijakan (policy) kepada penerbit, lalu mulai lagi dengan --cache yang kosong.",
            "Get the policy from the publisher, and begin again with an empty --cache: what this one remembers is too old.",
        ),
        R::TooFewPeople => both(
            "Tanyakan kepada penerbit mengapa bagiannya sekecil itu.",
            "Ask the publisher why its buckets are so small; --least-people allows it all the same.",
        ),
        R::NoMirror => both(
            "Coba lagi nanti, atau ambil dari layanan dengan --without-mirrors.",
            "Try again later, or take it from the service with --without-mirrors, which then sees it beside the evaluation.",
        ),
        R::StretchRefused => {
            both("Perangkat ini tidak dapat menghitungnya.", "This device cannot compute it: try another one.")
        }
        // Somebody did wrong, or something on the way did.
        _ => both(
            &format!(
                "Yang dikirim tidak lolos pemeriksaan. Coba dari jaringan lain; bila tetap begitu, laporkan kode ini kepada \
                 penerbit dan pengawas: {}.",
                reason.code()
            ),
            &format!(
                "What was sent did not pass a check, altered on the way or by the service. Try from another network; if it \
                 stays so, tell the publisher and the supervisor this code: {}.",
                reason.code()
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advised(reason: Reason, server: &str, trust: Option<TrustBasis>) -> String {
        let (server, pinned) = (ServerUrl::parse(server).unwrap(), Some(Path::new("cache/host/policy")));
        advice(reason, &Circumstances { server: &server, trust, pinned })
    }

    #[test]
    fn every_reason_has_its_advice_in_both_languages() {
        let bases = [None, Some(TrustBasis::Given), Some(TrustBasis::PinnedBefore), Some(TrustBasis::PinnedNow)];
        for (&reason, trust) in Reason::ALL.iter().flat_map(|reason| bases.map(|trust| (reason, trust))) {
            for server in ["https://cek.example.org", "https://cek.example.org/v1"] {
                let advice = advised(reason, server, trust);
                let (id, en) = advice.split_once(" / ").unwrap();
                assert!(id.ends_with('.') && en.ends_with('.') && !en.contains(" / "), "{advice}");
                // Nobody is accused where nobody did wrong, and nobody is sent away to try again who was lied to.
                assert!(!(reason.is_passing() && advice.contains("did not pass a check")), "{advice}");
            }
        }
        let lie = advised(Reason::BucketRoot, "https://cek.example.org", Some(TrustBasis::Given));
        assert!(lie.ends_with("tell the publisher and the supervisor this code: bucket_root."), "{lie}");
    }

    /// On this machine many a service has no TLS. Elsewhere, who is on the way would have everybody do without.
    #[test]
    fn plain_http_is_offered_on_this_machine_alone() {
        for (server, offered) in [
            ("https://127.0.0.1:8080", true),
            ("https://localhost", true),
            ("https://cek.example.org", false),
            ("http://127.0.0.1:8080", false),
        ] {
            assert_eq!(advised(Reason::Unreachable, server, None).contains("http://"), offered, "{server}");
        }
        let advice = advised(Reason::Unreachable, "https://[::1]:8080", None);
        assert!(advice.ends_with(" / Check --server: on this machine itself the address may well begin with http://."));
    }

    #[test]
    fn a_damaged_policy_is_named() {
        let advice = advised(Reason::PolicyDamaged, "https://cek.example.org", None);
        assert!(advice.ends_with("remove cache/host/policy to trust the service anew."), "{advice}");
    }

    /// An attack is spoken of last, where a wrong file explains it as well.
    #[test]
    fn a_wrong_policy_comes_before_an_attack() {
        for trust in [TrustBasis::Given, TrustBasis::PinnedBefore] {
            let advice = advised(Reason::Policy, "https://cek.example.org", Some(trust));
            let place = |words: &str| advice.find(words).unwrap_or_else(|| panic!("no {words:?}: {advice}"));
            assert!(place(" publisher") < place("the list was exchanged on the way"), "{advice}");
        }
        // A service whose own policy does not fit its own list, at the first visit.
        let advice = advised(Reason::Policy, "https://cek.example.org", None);
        assert!(advice.contains("What was sent did not pass a check"), "{advice}");
    }
}
