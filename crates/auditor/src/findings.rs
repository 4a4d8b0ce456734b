//! What an audit finds, each by a name that does not change.

use core::fmt;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Worth knowing; no rule was broken.
    Remark,
    /// A figure that chance gives one honest epoch in 1,000.
    Chance,
    /// A rule of the specification was broken, or a figure is not what chance allows.
    Problem,
    /// Somebody was shown another log: the worst, and what was signed proves it.
    Fork,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $weight:ident, $id:literal, $en:literal;)*) => {
        /// What was found.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each says what it means")]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The fixed name, for machines.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// How much it weighs.
            pub fn weight(self) -> Weight {
                match self { $(Self::$name => Weight::$weight,)* }
            }

            /// What it means, in Indonesian.
            pub fn indonesian(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// What it means, in English.
            pub fn english(self) -> &'static str {
                match self { $(Self::$name => $en,)* }
            }
        }
    };
}

codes! {
    LogForked = "log_forked", Fork,
        "catatan publik bercabang: dua keadaan yang ditandatangani saling bertentangan", "the log was forked: two signed states of one size contradict each other";
    LogRewritten = "log_rewritten", Fork,
        "catatan publik menulis ulang sejarahnya", "the log rewrote its history";
    LogRolledBack = "log_rolled_back", Fork,
        "catatan publik ditunjukkan dalam keadaan lama, lebih pendek dari yang pernah dilihat", "an old state of the log is shown, shorter than one that was seen";
    CheckpointRefused = "checkpoint_refused", Problem,
        "catatan publik tidak ditandatangani seperti yang dituntut kebijakan", "the log is not signed as the policy demands";
    LogTiles = "log_tiles", Problem,
        "berkas catatan publik bukan milik keadaan yang ditandatangani", "the log's tiles are not those of the signed state";
    LogEntry = "log_entry", Problem,
        "isi catatan publik bukan yang ditandatangani", "entries of the log are not those that were signed";
    LogEntryWithheld = "log_entry_withheld", Problem,
        "isi catatan publik tidak dapat diambil", "entries of the log are withheld";
    LogTooLarge = "log_too_large", Problem,
        "catatan publik lebih besar daripada yang diikuti sebuah audit", "the log has more entries, bytes or lists than an audit follows";
    LeafMalformed = "leaf_malformed", Problem,
        "isi catatan publik bukan manifes yang sah", "an entry of the log is no valid manifest";
    LeafOfAnotherLog = "leaf_of_another_log", Problem,
        "manifes di catatan publik menyebut catatan lain", "a manifest in the log names another log";
    SecondLeaf = "second_leaf", Problem,
        "satu edisi dicatat dua kali: sejarah ditulis ulang", "one epoch was logged twice: an epoch was rewritten";
    EpochGap = "epoch_gap", Problem,
        "ada edisi yang terlewati", "an epoch is missing between two";
    SuccessionIdentity = "succession_identity", Problem,
        "edisi menyambung daftar lain", "an epoch goes on with another list";
    SuccessionEpoch = "succession_epoch", Problem,
        "nomor edisi tidak berurutan", "the number of an epoch does not follow";
    SuccessionTime = "succession_time", Problem,
        "waktu terbit edisi mundur", "an epoch was published before the one that it follows";
    SuccessionPrevious = "succession_previous", Problem,
        "edisi menyambung sejarah lain", "an epoch names another predecessor than the one that was logged";
    SuccessionKey = "succession_key", Problem,
        "kunci berganti tanpa diumumkan", "the key changed without having been announced";
    SuccessionAnnounced = "succession_announced", Problem,
        "kunci yang diumumkan tidak dipakai", "the key that was announced did not come";
    SuccessionGeneration = "succession_generation", Problem,
        "yang tetap dalam satu generasi berubah", "what is fixed within a generation changed";
    SuccessionGenerationNumber = "succession_generation_number", Problem,
        "nomor generasi mundur", "the number of a generation does not follow";
    SuccessionReuse = "succession_reuse", Problem,
        "generasi baru memakai ulang bagian generasi lama", "a new generation uses something of the old one again";
    SuccessionNoise = "succession_noise", Problem,
        "anggota atau derau tidak bertambah sesuai aturan", "members or noise did not grow as the rule says";
    SuccessionEpochFactor = "succession_epoch_factor", Problem,
        "faktor yang diumumkan untuk edisi salah", "the factor that was disclosed for an epoch is wrong";
    SecretReused = "secret_reused", Problem,
        "garam, benih atau kunci dipakai di dua daftar atau generasi", "a salt, seed or key is used in two lists or generations";
    Lapsed = "lapsed", Remark,
        "untuk beberapa waktu tidak ada edisi yang berlaku", "for some time no epoch was valid";
    ListWithheld = "list_withheld", Problem,
        "layanan tidak memberikan daftar yang ada di catatan publik", "the service does not give a list that is in the log";
    ListStale = "list_stale", Problem,
        "layanan memberikan edisi lama", "the service gives an old epoch";
    ListUnlogged = "list_unlogged", Problem,
        "layanan memberikan daftar yang tidak ada di catatan publik", "the service gives a list that is not in the log";
    ListExpired = "list_expired", Problem,
        "masa berlaku daftar habis", "the list has expired";
    ListAhead = "list_ahead", Problem,
        "daftar terbit di masa depan", "the list was published in the future";
    ListWeak = "list_weak", Problem,
        "daftar memakai peregangan lemah, hanya untuk uji coba", "the list has a weak stretch, for tests only: it protects nobody";
    ManifestAltered = "manifest_altered", Problem,
        "layanan memberikan manifes lain untuk edisi yang dicatat", "the service gives another manifest for an epoch than the logged one";
    ManifestWithheld = "manifest_withheld", Problem,
        "layanan tidak memberikan manifes edisi yang dicatat", "the service does not give the manifest of a logged epoch";
    LogProofInvalid = "log_proof_invalid", Problem,
        "bukti bahwa daftar ada di catatan publik tidak sah", "the proof that the list is in the log does not hold";
    FilterWithheld = "filter_withheld", Problem,
        "saringan edisi terbaru tidak dapat diambil", "the filter of the newest epoch is withheld";
    FilterLength = "filter_length", Problem,
        "panjang saringan bukan seperti di manifes", "the filter has another length than the manifest says";
    FilterHeader = "filter_header", Problem,
        "kepala saringan bukan seperti di manifes", "the filter's header is not that of the manifest";
    FilterDigest = "filter_digest", Problem,
        "saringan bukan yang disebut manifes", "the filter is not the one that the manifest names";
    FilterRoot = "filter_root", Problem,
        "pohon saringan bukan yang disebut manifes", "the filter's tree is not the one that the manifest names";
    CellsCleared = "cells_cleared", Problem,
        "sel saringan dihapus dalam satu generasi: orang yang tercantum bisa mendapat jawaban \"tidak tercantum\"", "cells of the filter were cleared within a generation: somebody who is listed may be told that he is not";
    CellsFewer = "cells_fewer", Problem,
        "sel saringan lebih sedikit daripada anggota dan derau yang diumumkan: ada anggota yang tidak dimasukkan, atau derau kurang dari yang dijanjikan", "fewer cells are set than the disclosed members and noise set: members are missing in the filter, or noise is less than promised";
    CellsMore = "cells_more", Problem,
        "sel saringan lebih banyak daripada anggota dan derau yang diumumkan: ada orang yang dibuat selalu cocok", "more cells are set than the disclosed members and noise set: cells were set for people who are no members";
    CellsUnlikely = "cells_unlikely", Chance,
        "jumlah sel saringan seperti ini terjadi secara kebetulan pada satu dari 1.000 edisi yang jujur; perhatikan edisi berikutnya", "so many cells are set by chance in one of 1,000 honest epochs: look at the next ones";
    NewCellsFewer = "new_cells_fewer", Problem,
        "sel baru lebih sedikit daripada anggota dan derau yang ditambahkan", "fewer cells are newly set than added members and noise set";
    NewCellsMore = "new_cells_more", Problem,
        "sel baru lebih banyak daripada anggota dan derau yang ditambahkan", "more cells are newly set than added members and noise set";
    NewCellsUnlikely = "new_cells_unlikely", Chance,
        "jumlah sel baru seperti ini terjadi secara kebetulan pada satu dari 1.000 edisi yang jujur; perhatikan edisi berikutnya", "so many cells are newly set by chance in one of 1,000 honest epochs: look at the next ones";
    BucketWithheld = "bucket_withheld", Problem,
        "sebagian daftar edisi terbaru tidak dapat diambil", "buckets of the newest epoch are withheld";
    BucketLength = "bucket_length", Problem,
        "panjang jawaban tidak sama", "a bucket response has another length than the manifest says";
    BucketHashes = "bucket_hashes", Problem,
        "bukti bagian daftar tidak berbentuk benar", "a bucket's path has another length than the tree";
    BucketEntries = "bucket_entries", Problem,
        "isi bagian daftar tidak utuh", "a bucket's entries are not whole";
    BucketPadding = "bucket_padding", Problem,
        "pengisi bagian daftar bukan nol", "a bucket's padding is not zero";
    BucketRoot = "bucket_root", Problem,
        "bagian daftar bukan milik manifes", "a bucket does not belong to the manifest's tree";
    BucketOrder = "bucket_order", Problem,
        "isi bagian daftar tidak berurutan atau salah tempat", "a bucket's entries are out of order or of another bucket";
    RecordsCount = "records_count", Problem,
        "jumlah catatan bukan seperti di manifes", "the table holds another number of records than the manifest says";
    ResponseBytes = "response_bytes", Remark,
        "jawaban lebih panjang daripada yang perlu", "bucket responses are longer than the fullest bucket needs";
    EvaluationInvalid = "evaluation_invalid", Problem,
        "jawaban evaluasi tidak berbentuk benar", "an evaluation is not of the form";
    EvaluationForeign = "evaluation_foreign", Problem,
        "jawaban evaluasi bukan untuk yang ditanyakan", "an evaluation is of other elements than those sent";
    ProofInvalid = "proof_invalid", Problem,
        "evaluasi memakai kunci lain daripada kunci manifes", "an evaluation was made with another key than the manifest's";
    EvaluationSize = "evaluation_size", Problem,
        "panjang jawaban evaluasi berbeda untuk permintaan yang sama", "evaluations of equal requests have different lengths";
    KeyNotServed = "key_not_served", Problem,
        "kunci manifes tidak dilayani", "the service does not evaluate under the manifest's key";
    ProblemDocument = "problem_document", Problem,
        "jawaban galat tidak seperti yang didokumentasikan", "an error is not answered as documented";
    LimitsUntold = "limits_untold", Problem,
        "batas tidak diberitahukan seperti yang didokumentasikan", "limits are not told as documented";
    LimitOverBudget = "limit_over_budget", Problem,
        "satu jaringan boleh melebihi anggaran evaluasi yang diumumkan", "one network may have more evaluations than the disclosed budget";
    ListRowMisses = "list_row_misses", Problem,
        "ada baris daftar yang tidak cocok dengan saringan: orang itu akan mendapat jawaban \"tidak tercantum\"", "rows of the list miss the filter: these people are told that they are not listed";
    ListCellsFewer = "list_cells_fewer", Problem,
        "selain daftar, sel lebih sedikit daripada derau", "beside the list, fewer cells are set than noise explains";
    ListCellsMore = "list_cells_more", Problem,
        "selain daftar, sel lebih banyak daripada derau", "beside the list, more cells are set than noise explains";
    ListCellsUnlikely = "list_cells_unlikely", Chance,
        "selain daftar, jumlah sel seperti ini terjadi secara kebetulan pada satu dari 1.000 edisi yang jujur", "beside the list, so many cells are set by chance in one of 1,000 honest epochs";
    ListMoreMembers = "list_more_members", Problem,
        "daftar memiliki lebih banyak orang daripada anggota yang diumumkan", "the list has more people than members are disclosed";
    ListSampleMissing = "list_sample_missing", Problem,
        "baris daftar yang dicoba tidak ada di daftar tersegel", "sampled rows of the list are not in the sealed table";
    ListSampleUnreadable = "list_sample_unreadable", Problem,
        "catatan dari baris yang dicoba tidak dapat dibuka", "records of sampled rows cannot be opened";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let code = Self::ALL.iter().find(|code| code.as_str() == text);
        code.copied().ok_or_else(|| serde::de::Error::custom("no code of a finding"))
    }
}

/// Something that was found, where, and the particulars.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Finding {
    /// What.
    pub code: Code,
    /// In which list.
    pub dataset: Option<String>,
    /// In which epoch.
    pub epoch: Option<u64>,
    /// The particulars, in English; of several alike, of the first.
    pub detail: String,
    /// How many it stands for.
    #[serde(default = "one")]
    pub count: u64,
    /// Whether an earlier audit with the same state told it already. Known of what stands in the log and was counted in verified
    /// files; what a service does is told as of now.
    #[serde(default)]
    pub told_before: bool,
}

fn one() -> u64 {
    1
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let Self { code, dataset, epoch, detail, count, told_before } = self;
        let mut finding = s.serialize_struct("Finding", 7)?;
        finding.serialize_field("code", code)?;
        finding.serialize_field("weight", &code.weight())?;
        finding.serialize_field("dataset", dataset)?;
        finding.serialize_field("epoch", epoch)?;
        finding.serialize_field("detail", detail)?;
        finding.serialize_field("count", count)?;
        finding.serialize_field("told_before", told_before)?;
        finding.end()
    }
}

impl Finding {
    /// A finding of the log or the service as a whole.
    pub fn new(code: Code, detail: impl fmt::Display) -> Self {
        Self { code, dataset: None, epoch: None, detail: detail.to_string(), count: 1, told_before: false }
    }

    /// Told by an earlier audit, or not.
    #[must_use]
    pub fn told(self, told_before: bool) -> Self {
        Self { told_before, ..self }
    }

    /// Of a list.
    #[must_use]
    pub fn of(self, dataset: impl fmt::Display) -> Self {
        Self { dataset: Some(dataset.to_string()), ..self }
    }

    /// Of an epoch of it.
    #[must_use]
    pub fn at(self, epoch: u64) -> Self {
        Self { epoch: Some(epoch), ..self }
    }

    /// Where it was found.
    pub fn place(&self) -> String {
        match (&self.dataset, self.epoch) {
            (Some(dataset), Some(epoch)) => format!("{dataset}, epoch {epoch}"),
            (Some(dataset), None) => dataset.clone(),
            (None, _) => "log".to_owned(),
        }
    }
}

/// Something that was not checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unchecked {
    /// In which list.
    pub dataset: Option<String>,
    /// In which epoch.
    pub epoch: Option<u64>,
    /// What was not checked, in English.
    pub what: String,
    /// Why.
    pub why: String,
    /// Whether that is as it may be: files of old epochs go, and nobody asked for a list to be compared. Where it is not, the
    /// audit is not whole.
    pub expected: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names_and_read_back() {
        for (place, code) in Code::ALL.iter().enumerate() {
            let name = code.as_str();
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert!(Code::ALL[..place].iter().all(|other| other.as_str() != name), "{name} stands for two");
            let json = serde_json::to_string(code).unwrap();
            assert_eq!(serde_json::from_str::<Code>(&json).unwrap(), *code);
            assert!(!code.indonesian().is_empty() && !code.english().is_empty());
        }
        assert!(serde_json::from_str::<Code>("\"other\"").is_err());
    }

    /// What an audit kept before findings were counted is read, too.
    #[test]
    fn findings_read_back() {
        let found = Finding::new(Code::CellsUnlikely, "some").of("a-list").at(3);
        let json = serde_json::to_value(&found).unwrap();
        assert_eq!(
            (&json["weight"], &json["count"], &json["told_before"]),
            (&"chance".into(), &1.into(), &false.into())
        );
        assert_eq!(serde_json::from_value::<Finding>(json).unwrap(), found);
        let before = r#"{"code":"cells_more","dataset":null,"epoch":null,"detail":"some"}"#;
        assert_eq!(serde_json::from_str::<Finding>(before).unwrap(), Finding::new(Code::CellsMore, "some"));
    }

    #[test]
    fn the_documented_findings_are_these() {
        let text = include_str!("../../../docs/auditing.md").split("## Findings\n").nth(1).unwrap();
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| `")).collect();
        let weight = |code: Code| serde_json::to_value(code.weight()).unwrap().as_str().unwrap().to_owned();
        let told = Code::ALL.iter().map(|code| format!("| `{code}` | {} | {} |", weight(*code), code.english()));
        assert_eq!(rows, told.collect::<Vec<_>>());
    }
}
