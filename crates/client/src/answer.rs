//! The four answers, and all that is said beside them.

use core::fmt;

use ceknik_core::NikWarning;
use ceknik_core::encoding::presentable;
use ceknik_core::evidence::EvidenceFile;
use ceknik_core::log::Policy;
use ceknik_core::manifest::VerifiedManifest;
use ceknik_core::record::Support;
use ceknik_core::time::Timestamp;

use crate::exchange::Exchange;
use crate::reason::Reason;

/// What is known of one NIK. There are four, and a failure is always the fourth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// On the list, with what the list says.
    Listed {
        /// At least one.
        supports: Vec<Support>,
    },
    /// Not on the list as of its date.
    NotListed,
    /// The filter hits, which one who is not listed may do as well, and nothing was asked further.
    Maybe {
        /// Why not.
        because: Unconfirmed,
    },
    /// Nothing is known.
    NoAnswer(Box<NoAnswer>),
}

impl Answer {
    /// The fixed code: `listed`, `not_listed`, `maybe` or `no_answer`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Listed { .. } => "listed",
            Self::NotListed => "not_listed",
            Self::Maybe { .. } => "maybe",
            Self::NoAnswer(_) => "no_answer",
        }
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAnswer {
    /// Which check failed, or what could not be had.
    pub reason: Reason,
    /// Particulars, in English, if there are any. Never of the NIK.
    pub detail: Option<String>,
    /// Seconds after which the service would be asked again.
    pub retry_after: Option<u64>,
}

impl NoAnswer {
    /// A reason that says all.
    pub(crate) fn plain(reason: Reason) -> Box<Self> {
        Box::new(Self { reason, detail: None, retry_after: None })
    }

    /// A reason and the error behind it. Parts of an error's text may come from the service: control characters are
    /// taken out, those that turn the writing direction too, and it is cut.
    pub(crate) fn because(reason: Reason, error: impl fmt::Display) -> Box<Self> {
        Self::because_of(reason, &error)
    }

    fn because_of(reason: Reason, error: &dyn fmt::Display) -> Box<Self> {
        let detail = presentable(error);
        Box::new(Self { reason, detail: Some(detail), retry_after: None })
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        match &self.detail {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

/// Why a hit was not confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unconfirmed {
    /// The settings say never to contact the service about a NIK.
    LocalOnly,
    /// The settings say offline.
    Offline,
    /// The service could not be reached; the list is the cached one.
    Unreachable,
    /// So few people share a bucket of this list that to fetch one would tell who asks.
    TooFewPeople,
    /// No mirror of the list gave the bucket, and the service, which saw the evaluation, was not to see it too.
    NoMirror,
}

impl Unconfirmed {
    /// The fixed code: `local_only`, `offline`, `unreachable`, `too_few_people` or `no_mirror`.
    pub fn code(self) -> &'static str {
        match self {
            Self::LocalOnly => "local_only",
            Self::Offline => "offline",
            Self::Unreachable => "unreachable",
            Self::TooFewPeople => "too_few_people",
            Self::NoMirror => "no_mirror",
        }
    }
}

/// What the filter says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Local {
    /// The cell is set: listed, or one of those who look as if they were.
    Hit,
    /// The cell is not set: not listed.
    Miss,
}

impl Local {
    /// The fixed code: `hit` or `miss`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
        }
    }
}

/// What should be said beside an answer. None of them makes it less of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The NIK is odd.
    Nik(NikWarning),
    /// The list's stretch is marked weak: it is for tests and protects nobody.
    Weak,
    /// The service could not be reached: the answer is that of the cached list, which has not expired.
    ServiceUnreachable,
    /// What was remembered of earlier lists was damaged or is of another log: that this list continues them was not checked.
    MemoryLost,
    /// A sealed record is there although the filter misses it: the publisher left this person out of the filter. Whoever
    /// relies on the filter alone is told "not listed".
    FilterLacksRecord,
    /// A confirmation was wanted as cover and the service did not evaluate. The answer is the filter's: a publisher who left
    /// somebody out of the filter alone is not found out by it.
    CoverUnconfirmed,
    /// Nothing is kept on this device, and so the coin that decides which misses are confirmed for cover is tossed anew for
    /// every check: whoever sees several checks of one person can tell a hit, which is confirmed every time, from a miss.
    CoverForgotten,
    /// The record names a candidate or a status that the manifest does not explain.
    UnexplainedId,
}

impl Warning {
    /// The fixed code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Nik(warning) => warning.code(),
            Self::Weak => "weak",
            Self::ServiceUnreachable => "service_unreachable",
            Self::MemoryLost => "memory_lost",
            Self::FilterLacksRecord => "filter_lacks_record",
            Self::CoverUnconfirmed => "cover_unconfirmed",
            Self::CoverForgotten => "cover_forgotten",
            Self::UnexplainedId => "unexplained_id",
        }
    }
}

impl Warning {
    /// The sentence in Indonesian; the English one is what it displays as.
    pub fn indonesian(self) -> &'static str {
        match self {
            Self::Nik(NikWarning::Date) => "tanggal lahir di dalamnya tidak ada",
            Self::Nik(NikWarning::Region) => "kode wilayahnya bukan kode kecamatan yang sekarang ada",
            Self::Nik(NikWarning::Serial) => "nomor urut 0000 tidak pernah diberikan",
            Self::Nik(NikWarning::Repeated) => "semua angkanya sama",
            Self::Weak => "daftar ini memakai penguatan lemah, hanya untuk percobaan: tidak melindungi siapa pun",
            Self::ServiceUnreachable => "layanan tidak dapat dihubungi; ini jawaban dari daftar yang tersimpan",
            Self::MemoryLost => {
                "ingatan perangkat ini tentang daftar sebelumnya tidak dapat dipakai: belum tentu daftar ini lanjutannya"
            }
            Self::FilterLacksRecord => {
                "NIK ini tidak cocok dengan saringan padahal catatan tersegelnya ada: saringan dari penerbit salah"
            }
            Self::CoverUnconfirmed => {
                "pemeriksaan samaran ke layanan tidak dapat dilakukan; ini jawaban dari saringan saja"
            }
            Self::CoverForgotten => {
                "tidak ada yang disimpan di perangkat ini: beberapa kali memeriksa NIK ini dari sini dapat menunjukkan hasilnya"
            }
            Self::UnexplainedId => "catatan ini menyebut calon atau status yang tidak dijelaskan oleh daftar",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nik(warning) => return warning.fmt(f),
            Self::Weak => "this list has a weak stretch, for tests only: it protects nobody",
            Self::ServiceUnreachable => "the service could not be reached; this is the answer of the list in the cache",
            Self::MemoryLost => {
                "what was remembered of earlier lists could not be used: whether this one continues them is not known"
            }
            Self::FilterLacksRecord => {
                "the filter misses this NIK although a sealed record is there: the publisher's filter is wrong"
            }
            Self::CoverUnconfirmed => "a confirmation for cover could not be had; the answer is the filter's",
            Self::CoverForgotten => {
                "nothing is kept on this device: several checks of this NIK from here can tell a hit from a miss"
            }
            Self::UnexplainedId => "the record names a candidate or status that the list does not explain",
        })
    }
}

/// The answer for one NIK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// One of four.
    pub answer: Answer,
    /// What the filter said; none where it was not asked, or the list has none.
    pub local: Option<Local>,
    /// When the list that answers was published.
    pub as_of: Option<Timestamp>,
    /// Its epoch.
    pub epoch: Option<u64>,
    /// What should be said beside it.
    pub warnings: Vec<Warning>,
    /// What shows the answer to others, where it was wanted and everything could be had and verified. It names the person to
    /// whoever can guess the NIK.
    pub evidence: Option<EvidenceFile>,
}

/// On what the trust in the log's key rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustBasis {
    /// The caller gave the policy.
    Given,
    /// The policy was taken from the service at an earlier visit.
    PinnedBefore,
    /// The policy was taken from the service just now: whoever answered is trusted from here on, as long as there is a cache
    /// that remembers. That everybody is shown the same policy was not checked; compare its keys over another channel.
    PinnedNow,
}

impl TrustBasis {
    /// The fixed code: `given`, `pinned_before` or `pinned_now`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::PinnedBefore => "pinned_before",
            Self::PinnedNow => "pinned_now",
        }
    }
}

/// The policy that a lookup went by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Where it is from.
    pub basis: TrustBasis,
    /// The policy. The verifier keys of [`Policy::logs`] are what two people compare.
    pub policy: Policy,
}

/// All that a lookup came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// One for each NIK, in the order in which they were given.
    pub outcomes: Vec<Outcome>,
    /// The list that was believed, with its titles, coverage, guidance and the meaning of ids; none where none was.
    pub list: Option<VerifiedManifest>,
    /// The policy; none where none could be had.
    pub trust: Option<Trust>,
    /// Every request that was made.
    pub exchanges: Vec<Exchange>,
}

impl Report {
    /// Whether a policy was taken from the service in this lookup.
    pub fn pinned_now(&self) -> bool {
        self.trust.as_ref().is_some_and(|trust| trust.basis == TrustBasis::PinnedNow)
    }
}
