//! Why there is no answer.

use core::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $english:literal, $indonesian:literal;)*) => {
        /// Which check failed, or what could not be had. Codes are stable. It displays as an English sentence.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The fixed code, in snake case.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// The sentence in Indonesian.
            pub fn indonesian(self) -> &'static str {
                match self {
                    $(Self::$name => $indonesian,)*
                }
            }
        }

        impl fmt::Display for Reason {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $english,)*
                })
            }
        }
    };
}

reasons! {
    /// No policy was given, none is pinned, and the service's could not be had.
    PolicyUnavailable = "policy_unavailable",
        "no trust policy was given and the service's could not be fetched",
        "kebijakan kepercayaan tidak diberikan, dan milik layanan tidak dapat diambil";
    /// The service's policy does not parse.
    PolicyInvalid = "policy_invalid",
        "the service's trust policy is malformed",
        "kebijakan kepercayaan milik layanan tidak terbaca";
    /// The pinned policy in the cache cannot be read. It is not replaced silently.
    PolicyDamaged = "policy_damaged",
        "the pinned trust policy in the cache is damaged: give the policy, or remove the file to trust the service anew",
        "kebijakan kepercayaan yang tersimpan di perangkat ini rusak";
    /// The checkpoint is not signed as the policy demands.
    Policy = "policy",
        "the list is not signed as the trust policy demands",
        "daftar ini tidak ditandatangani seperti yang diminta kebijakan kepercayaan";
    /// Too few of the policy's witnesses cosigned.
    QuorumNotMet = "quorum_not_met",
        "too few witnesses of the trust policy have seen this list",
        "terlalu sedikit saksi dalam kebijakan kepercayaan yang telah melihat daftar ini";
    /// The service has no such list.
    NotCovered = "not_covered",
        "the service has no such list",
        "layanan ini tidak mempunyai daftar itu";
    /// The manifest does not parse or contradicts itself.
    ManifestInvalid = "manifest_invalid",
        "the list's manifest is malformed or contradicts itself",
        "keterangan daftar (manifes) tidak terbaca atau bertentangan dengan dirinya sendiri";
    /// The manifest is another dataset's.
    WrongDataset = "wrong_dataset",
        "the service sent the manifest of another list",
        "layanan mengirim keterangan daftar lain";
    /// The manifest is not in the log as its proof says.
    LogProofInvalid = "log_proof_invalid",
        "the proof that the list is in the public log does not hold",
        "bukti bahwa daftar ini ada dalam catatan publik tidak sah";
    /// Past its validity.
    Stale = "stale",
        "the list has expired and there is no newer one: the answer could be out of date",
        "masa berlaku daftar sudah lewat dan belum ada yang lebih baru: jawabannya bisa usang";
    /// Published in the device's future.
    PublishedAhead = "published_ahead",
        "the list is dated in the future: check the clock of this device",
        "tanggal daftar ada di masa depan: periksa jam perangkat ini";
    /// The stretch is marked weak.
    Weak = "weak",
        "the list has a weak stretch, for tests only, and was not accepted",
        "daftar ini memakai penguatan lemah, hanya untuk percobaan, dan tidak diterima";
    /// An older epoch than one seen before.
    Rollback = "rollback",
        "the service showed an older list than the one this device has seen",
        "layanan menunjukkan daftar yang lebih lama daripada yang pernah dilihat perangkat ini";
    /// Another manifest for an epoch seen before.
    SecondManifest = "second_manifest",
        "the publisher logged two different manifests for one epoch",
        "penerbit mencatat dua keterangan yang berbeda untuk satu terbitan";
    /// Two checkpoints of one size and different roots.
    Fork = "fork",
        "the public log was forked: two checkpoints of the same size differ",
        "catatan publik bercabang: dua titik periksa berukuran sama isinya berbeda";
    /// The log does not contain what it contained before.
    LogInconsistent = "log_inconsistent",
        "the public log rewrote its history since this device last saw it",
        "catatan publik menulis ulang riwayatnya sejak terakhir dilihat perangkat ini";
    /// The tiles are not those of the checkpoint.
    LogTilesInvalid = "log_tiles_invalid",
        "the public log's files do not belong to its checkpoint",
        "berkas catatan publik tidak cocok dengan titik periksanya";
    /// The list's log proof, or what would show that the log only grew, could not be had.
    LogUnavailable = "log_unavailable",
        "the proof that the list is in the public log, or that the log only grew, is missing",
        "bukti bahwa daftar ini ada dalam catatan publik, atau bahwa catatan itu hanya bertambah, tidak ada";
    /// The key of the evaluation changed unannounced.
    WrongKey = "wrong_key",
        "the publisher's evaluation key changed without having been announced",
        "kunci evaluasi penerbit berganti tanpa pengumuman";
    /// The manifests that would have announced a new key could not be had.
    KeyChangeUnproven = "key_change_unproven",
        "the publisher's evaluation key changed, and that it was announced could not be verified",
        "kunci evaluasi penerbit berganti, dan pengumumannya tidak dapat diperiksa";
    /// The key changed, and too many epochs lie between to look for the announcement. Nobody did wrong.
    AwayTooLong = "away_too_long",
        "the publisher's evaluation key changed since this device last looked, which is too long ago to follow",
        "kunci evaluasi penerbit berganti sejak perangkat ini terakhir memeriksa, dan itu sudah terlalu lama";
    /// An epoch broke another rule of what may change.
    SuccessionBroken = "succession_broken",
        "the list does not follow from the one this device has seen",
        "daftar ini tidak menyambung dengan yang pernah dilihat perangkat ini";
    /// Offline, and the cache does not hold what is needed.
    Offline = "offline",
        "offline, and the list is not in the cache",
        "perangkat luring, dan daftar belum tersimpan";
    /// The filter shard could not be had.
    FilterUnavailable = "filter_unavailable",
        "the filter could not be fetched",
        "saringan (filter) tidak dapat diambil";
    /// The filter shard has another length.
    FilterLength = "filter_length",
        "the filter has another length than the manifest says",
        "panjang saringan tidak seperti yang tertulis dalam manifes";
    /// The filter shard's header disagrees.
    FilterHeader = "filter_header",
        "the filter's header disagrees with the manifest",
        "kepala saringan tidak sesuai dengan manifes";
    /// The filter shard's hash disagrees.
    FilterDigest = "filter_digest",
        "the filter's hash is not the manifest's",
        "hash saringan bukan yang tertulis dalam manifes";
    /// The filter shard's tree disagrees.
    FilterRoot = "filter_root",
        "the filter's tree is not the manifest's",
        "pohon hash saringan bukan yang tertulis dalam manifes";
    /// The stretch's memory could not be had.
    OutOfMemory = "out_of_memory",
        "this device has not enough memory free for the computation: close other programs",
        "memori perangkat ini tidak cukup untuk perhitungan: tutup program lain";
    /// The stretch could not be computed.
    StretchRefused = "stretch_refused",
        "the computation that the list asks for is not possible",
        "perhitungan yang diminta daftar ini tidak dapat dilakukan";
    /// The list has no filter, and the settings forbid to ask.
    ConfirmationNeeded = "confirmation_needed",
        "this list has no filter: only the service can answer, and it was not to be asked",
        "daftar ini tidak mempunyai saringan: hanya layanan yang dapat menjawab, dan layanan tidak boleh dihubungi";
    /// The list has no filter, and its buckets are so small that to fetch one would tell who asks.
    TooFewPeople = "too_few_people",
        "so few people share a bucket of this list that to ask would tell who asks",
        "bagian daftar ini dipakai bersama oleh terlalu sedikit orang, sehingga bertanya akan menunjukkan siapa yang bertanya";
    /// No mirror of the list gave what tells something beside the evaluation, and the service was not to be asked for it.
    NoMirror = "no_mirror",
        "none of the list's mirrors gave the part that was needed, and the service was not to see it beside the evaluation",
        "tidak satu pun cermin daftar ini memberikan bagian yang diperlukan, dan layanan tidak boleh melihatnya di samping evaluasi";
    /// The evaluation's response does not parse.
    EvaluationInvalid = "evaluation_invalid",
        "the service's evaluation is malformed",
        "evaluasi dari layanan tidak terbaca";
    /// The evaluation's batch does not hold what was sent.
    EvaluationForeign = "evaluation_foreign",
        "the service evaluated something other than what was sent",
        "evaluasi dari layanan bukan untuk yang dikirim";
    /// The proof over the evaluation's batch does not verify.
    ProofInvalid = "proof_invalid",
        "the proof of the evaluation does not verify under the list's key",
        "bukti evaluasi dari layanan tidak sah";
    /// The key is served no more, and no newer list is there.
    KeyRetired = "key_retired",
        "the service no longer serves the key of this list",
        "kunci daftar ini tidak dilayani lagi";
    /// A bucket could not be had.
    BucketUnavailable = "bucket_unavailable",
        "the sealed bucket could not be fetched",
        "bagian tersegel daftar tidak dapat diambil";
    /// A bucket response of another length.
    BucketLength = "bucket_length",
        "the sealed bucket has another length than the manifest says",
        "panjang bagian tersegel tidak seperti yang tertulis dalam manifes";
    /// A bucket response with another number of hashes.
    BucketHashes = "bucket_hashes",
        "the sealed bucket's proof is not of the table's depth",
        "jumlah hash bagian tersegel tidak benar";
    /// A bucket response whose entries are not whole.
    BucketEntries = "bucket_entries",
        "the sealed bucket's entries are not whole",
        "isi bagian tersegel terpotong";
    /// A bucket response whose padding is not zero.
    BucketPadding = "bucket_padding",
        "the sealed bucket's padding is not empty",
        "pengisi bagian tersegel bukan nol";
    /// A bucket that is not in the table, or not there.
    BucketRoot = "bucket_root",
        "the sealed bucket is not the one that the manifest commits to",
        "bagian tersegel bukan yang dijamin oleh manifes";
    /// A bucket whose entries are out of order or misplaced.
    BucketOrder = "bucket_order",
        "the sealed bucket's entries are out of order",
        "urutan isi bagian tersegel tidak benar";
    /// A record is there and does not open.
    RecordUnreadable = "record_unreadable",
        "a sealed record is there but cannot be read",
        "catatan tersegel ada tetapi tidak dapat dibaca";
    /// Too many requests from here.
    RateLimited = "rate_limited",
        "too many checks came from this network: try again later",
        "terlalu banyak pemeriksaan dari jaringan ini: coba lagi nanti";
    /// The dataset's evaluation budget is used up.
    BudgetExhausted = "budget_exhausted",
        "the service has given all the confirmations that it gives for now: try again later",
        "jatah kepastian dari layanan sedang habis: coba lagi nanti";
    /// The service is overloaded or broken.
    ServiceUnavailable = "service_unavailable",
        "the service is not available at the moment: try again later",
        "layanan sedang tidak tersedia: coba lagi nanti";
    /// No connection, or to what speaks neither TLS nor HTTP, as the address would have it.
    Unreachable = "unreachable",
        "the service could not be reached",
        "layanan tidak dapat dihubungi";
    /// No response in time.
    TimedOut = "timed_out",
        "the service did not respond in time",
        "layanan tidak menjawab pada waktunya";
    /// The response broke off.
    Interrupted = "interrupted",
        "the connection to the service broke off",
        "sambungan ke layanan terputus";
    /// A response over the longest possible.
    ResponseTooLong = "response_too_long",
        "the service sent more than a correct response can hold",
        "layanan mengirim lebih banyak daripada isi jawaban yang benar";
    /// A status that the protocol does not know there.
    UnexpectedStatus = "unexpected_status",
        "the service refused a request that should be answered",
        "layanan menolak permintaan yang semestinya dijawab";
}

impl Reason {
    /// Whether trying again later may help, with nobody having done wrong.
    pub fn is_passing(self) -> bool {
        matches!(
            self,
            Self::RateLimited
                | Self::BudgetExhausted
                | Self::ServiceUnavailable
                | Self::Unreachable
                | Self::TimedOut
                | Self::Interrupted
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_snake_case_and_distinct() {
        let mut codes: Vec<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert!(codes.iter().all(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }

    #[test]
    fn no_sentence_reads_as_an_answer() {
        for reason in Reason::ALL {
            for text in [&reason.to_string(), reason.indonesian()] {
                assert!(!text.contains("not listed") && !text.contains("tidak tercantum"), "{text}");
                assert!(!text.ends_with('.') && !text.is_empty(), "{text}");
            }
        }
    }
}
