//! What somebody who got no answer can do.

use std::path::Path;

use ceknik_client::Reason;

/// One or two sentences, in Indonesian and in English. `policy` is where the pinned policy is kept.
pub(super) fn advice(reason: Reason, policy: Option<&Path>) -> String {
    use Reason as R;
    let both = |id: &str, en: &str| format!("{id} / {en}");
    match reason {
        R::RateLimited | R::BudgetExhausted | R::ServiceUnavailable => both("Coba lagi nanti.", "Try again later."),
        R::Unreachable | R::TimedOut | R::Interrupted => {
            both("Periksa koneksi internet, lalu coba lagi.", "Check the connection and try again.")
        }
        R::NotCovered => both(
            "Periksa alamat layanan dan id daftar.",
            "Check --server and --dataset; SERVER/v1/datasets names the lists that are there.",
        ),
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
        R::PolicyUnavailable => both(
            "Berikan kebijakan kepercayaan dari penerbit.",
            "Get the policy from the publisher and give it with --policy FILE.",
        ),
        R::PolicyDamaged => {
            let file = policy.map_or_else(|| "policy".to_owned(), |path| path.display().to_string());
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

    #[test]
    fn every_reason_has_its_advice_in_both_languages() {
        for &reason in Reason::ALL {
            let advice = advice(reason, None);
            let (id, en) = advice.split_once(" / ").unwrap();
            assert!(id.ends_with('.') && en.ends_with('.'), "{advice}");
            // Nobody is accused where nobody did wrong, and nobody is sent away to try again who was lied to.
            assert!(!(reason.is_passing() && advice.contains("did not pass a check")), "{advice}");
        }
        let lie = advice(Reason::BucketRoot, None);
        assert!(lie.ends_with("tell the publisher and the supervisor this code: bucket_root."), "{lie}");
    }

    #[test]
    fn a_damaged_policy_is_named() {
        let advice = advice(Reason::PolicyDamaged, Some(Path::new("cache/host/policy")));
        assert!(advice.ends_with("remove cache/host/policy to trust the service anew."), "{advice}");
    }
}
