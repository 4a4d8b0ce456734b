//! What is checked of a file, in order.

macro_rules! checks {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        /// A point that evidence is checked on. They are checked in this order, and none after one that fails.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Check {
            $($(#[$doc])* $name,)*
        }

        impl Check {
            /// Every check, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The fixed code, in snake case: that of the specification.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

checks! {
    /// The file is one, spelled as one is.
    Form = "evidence_form";
    /// The manifest parses and agrees with itself; its stretch is one that can be asked of the reader.
    Manifest = "manifest";
    /// The log proof and the checkpoint in it are well-formed.
    LogProof = "log_proof";
    /// The checkpoint is signed by the log that the policy names.
    LogKey = "log_key";
    /// No cosignature is false, and they meet the policy's quorum.
    Witnesses = "witnesses";
    /// The manifest's exact bytes are in the log.
    Inclusion = "inclusion";
    /// The manifest names the log that it is in.
    Origin = "origin";
    /// The list is the one that the reader asked for, if he asked for one.
    Dataset = "dataset";
    /// The stretch is not weak, unless the reader accepts that.
    Weak = "weak";
    /// The blind is a canonical scalar and not zero.
    Blind = "blind";
    /// Blinded element, evaluated element and proof are canonical, the elements not the identity.
    Elements = "elements";
    /// The proof shows that the one element was evaluated under the manifest's key.
    Evaluation = "evaluation";
    /// There is a filter block exactly where the manifest has a filter.
    FilterPresence = "filter_presence";
    /// The blinded element is that of this NIK and the blind.
    Blinded = "blinded";
    /// The block is the one with this NIK's cell, of the manifest's filter.
    FilterBlock = "filter_block";
    /// The bucket response is as long as the manifest says.
    BucketLength = "bucket_length";
    /// It has as many hashes as the table has levels.
    BucketHashes = "bucket_hashes";
    /// Its entries are whole, and fit.
    BucketEntries = "bucket_entries";
    /// What is behind them is zero.
    BucketPadding = "bucket_padding";
    /// It is the bucket of this NIK's locator in the manifest's table.
    BucketRoot = "bucket_root";
    /// Its entries ascend, and all belong there.
    BucketOrder = "bucket_order";
    /// The record under the locator, if there is one, opens and parses.
    Record = "record";
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckResult {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// One before it failed.
    NotReached,
}

impl CheckResult {
    /// The fixed code: `passed`, `failed` or `not_reached`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotReached => "not_reached",
        }
    }
}
