//! What a verdict says, in Indonesian and in English, in this order.

use ceknik_core::encoding::hex;
use ceknik_core::evidence::{Check, Finding, Verdict};

/// On which trust a verdict rests: a policy from elsewhere.
pub(super) const PINNED: &str = "Kebijakan kepercayaan: yang diberikan dengan --policy. Kebijakan itu tidak boleh berasal dari pembawa \
     bukti. / Trust policy: the one given with --policy. It must not come from whoever brought the evidence.";
/// On which it does not.
pub(super) const UNPINNED: &str = "PERHATIAN: kunci catatan publik tidak dijamin siapa pun. Siapa saja dapat membuat daftar, catatan, dan \
     bukti dengan kuncinya sendiri: bandingkan kunci di atas dengan yang diumumkan penerbit di tempat lain. / NOTE: nobody vouched for \
     the log's key. Anybody can make a list, a log and evidence with a key of his own: compare the key above with what the publisher \
     made known elsewhere.";
/// Said where the publisher broke the rules.
pub(super) const MISBEHAVIOUR: &str = "Ini kesalahan penerbit, dan berkas ini membuktikannya: simpan berkasnya, dan laporkan kepada \
     pengawas. / This is the publisher's fault, and this file proves it: keep the file, and tell the supervisor.";

/// A hash in groups that can be compared by eye.
pub(crate) fn grouped(sha256: &[u8; 32]) -> String {
    let groups: Vec<String> = sha256.chunks(4).map(hex).collect();
    groups.join(" ")
}

/// What the file shows, in one line.
pub(super) fn headline(verdict: &Verdict) -> &'static str {
    match verdict.finding {
        Finding::Listed { .. } if verdict.cell_is_set == Some(false) => {
            "TERCANTUM, tetapi saringan (filter) penerbit menyatakan tidak / LISTED, although the publisher's filter says not listed"
        }
        Finding::Listed { .. } => "TERCANTUM / LISTED",
        Finding::NotListed => "TIDAK TERCANTUM / not listed",
        Finding::Unreadable { .. } => {
            "ADA CATATAN yang tidak dapat dibaca siapa pun / THERE IS A RECORD that nobody can read"
        }
        Finding::Nothing { .. } => {
            "BUKTI INI TIDAK SAH, dan tidak menunjukkan apa pun: bukan tercantum, dan bukan tidak tercantum / THIS EVIDENCE DOES NOT \
             HOLD, and shows nothing: neither that the NIK was listed nor that it was not"
        }
    }
}

/// What a check is of.
pub(super) fn meaning(check: Check) -> &'static str {
    match check {
        Check::Form => "berkas bukti utuh / the file is whole",
        Check::Manifest => "keterangan daftar (manifes) benar bentuknya / the manifest is well-formed",
        Check::LogProof => "bukti catatan publik benar bentuknya / the log proof is well-formed",
        Check::LogKey => "catatan publik yang dipercaya menandatanganinya / the trusted log signed it",
        Check::Witnesses => "cukup banyak saksi melihatnya / enough witnesses saw it",
        Check::Inclusion => "daftar ada dalam catatan publik / the list is in the log",
        Check::Origin => "daftar menyebut catatan itu / the list names that log",
        Check::Dataset => "daftar yang diminta / the list that was asked for",
        Check::Weak => "bukan daftar percobaan / no list for tests",
        Check::Blind => "bilangan pembuta sah / the blind is one",
        Check::Elements => "unsur evaluasi sah / the elements are some",
        Check::Evaluation => "dievaluasi dengan kunci daftar / evaluated with the list's key",
        Check::FilterPresence => "bagian saringan ada bila perlu / a filter block where there is a filter",
        Check::Blinded => "dibuat untuk NIK ini / made for this NIK",
        Check::FilterBlock => "bagian saringan untuk NIK ini / the filter block of this NIK",
        Check::BucketLength => "panjang bagian tersegel / length of the bucket",
        Check::BucketHashes => "jumlah hash bagian tersegel / hashes of the bucket",
        Check::BucketEntries => "isi bagian tersegel utuh / entries of the bucket are whole",
        Check::BucketPadding => "pengisi bagian tersegel nol / padding of the bucket is zero",
        Check::BucketRoot => "bagian tersegel untuk NIK ini, dari daftar ini / the list's bucket of this NIK",
        Check::BucketOrder => "urutan isi bagian tersegel / order of the bucket's entries",
        Check::Record => "catatan terbaca, bila ada / the record, if any, can be read",
    }
}

/// What somebody can do whose evidence fails a check.
pub(super) fn advice(check: Check) -> &'static str {
    match check {
        Check::Form => {
            "Minta berkas aslinya, tanpa dibuka atau disimpan ulang oleh program lain. / Ask for the file as it was made, not opened or \
             saved by another program."
        }
        Check::LogKey => {
            "Periksa apakah --policy milik penerbit daftar ini, dan yang berlaku waktu itu. Bila benar, bukti ini dibuat dengan \
             catatan lain. / Check whether --policy is this list's publisher's, and the one of that time. If it is, the evidence was \
             made with another log."
        }
        Check::Witnesses => {
            "Kebijakan meminta lebih banyak saksi daripada yang menandatangani waktu itu: mintalah bukti baru, atau kebijakan \
             yang berlaku waktu itu. / The policy asks for more witnesses than had signed by then: ask for evidence to be made again, \
             or use the policy of that time."
        }
        Check::Dataset => {
            "Bukti ini tentang daftar lain: mintalah bukti dari daftar itu. / The evidence is of another list: ask for evidence of the \
             right one."
        }
        Check::Weak => {
            "Daftar percobaan tidak membuktikan apa pun; --accept-weak menerimanya. / A list for tests proves nothing; --accept-weak \
             accepts it."
        }
        Check::Blinded => {
            "Ketik ulang NIK dari KTP. Bila benar, bukti ini milik orang lain. / Type the NIK on the identity card again. If it is \
             right, the evidence is somebody else's."
        }
        Check::Manifest | Check::LogProof => {
            "Berkas ini diubah, atau dibuat oleh program yang lebih baru: mintalah berkas aslinya, atau bukti baru. / The file was \
             altered, or made by a newer program: ask for the file as it was made, or for new evidence."
        }
        Check::Inclusion
        | Check::Origin
        | Check::Blind
        | Check::Elements
        | Check::Evaluation
        | Check::FilterPresence
        | Check::FilterBlock
        | Check::BucketLength
        | Check::BucketHashes
        | Check::BucketEntries
        | Check::BucketPadding
        | Check::BucketRoot
        | Check::BucketOrder
        | Check::Record => {
            "Berkas ini diubah setelah dibuat: mintalah berkas aslinya, dan bandingkan SHA-256 dengan yang tercetak. / The file was \
             altered after it was made: ask for the file as it was made, and compare the SHA-256 with the printed one."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_said_in_both_languages() {
        for check in Check::ALL {
            for text in [meaning(*check), advice(*check), PINNED, UNPINNED, MISBEHAVIOUR] {
                assert_eq!(text.matches(" / ").count(), 1, "{text}");
            }
            // A failure is never an answer.
            assert!(!advice(*check).contains("TERCANTUM") && !meaning(*check).contains("listed"), "{check:?}");
        }
    }

    #[test]
    fn a_hash_is_grouped() {
        let text = grouped(&core::array::from_fn(|n| n as u8));
        assert_eq!(text, "00010203 04050607 08090a0b 0c0d0e0f 10111213 14151617 18191a1b 1c1d1e1f");
    }
}
