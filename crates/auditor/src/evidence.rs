//! What the log signed, kept until it is known to be one history, and for good where it is two.
//!
//! ```text
//! STATE/evidence/open-OLD-NEW-ID/     of the state of NEW entries it is not known yet whether it goes on from OLD
//! STATE/evidence/CODE-OLD-NEW-ID/     the two contradict each other: CODE is the finding's
//!     seen-before                     the checkpoint that was followed last, as it was signed; none before the first
//!     shown-now                       the other one. ID is the beginning of its root
//!     manifest, proof                 of a list, where its proof brought it
//! ```
//!
//! It is written as soon as a signature is verified, and before anything else is asked for: who signs two histories will not
//! serve the tiles that prove it.

use ceknik_core::encoding::hex;
use ceknik_core::log::{
    CheckpointError, ConsistencyError, MAX_CHECKPOINT_BYTES, MAX_PROOF_BYTES, Policy, SignedCheckpoint, TreeHead,
    VerifiedCheckpoint, VerifierKey,
};
use ceknik_core::manifest::MOST_MANIFEST_BYTES;
use ceknik_core::merkle::root;

use crate::findings::Code;
use crate::log::leaf_hashes;
use crate::state::{State, StateError};

const DIR: &str = "evidence";
const OPEN: &str = "open";
const SEEN: &str = "seen-before";
const SHOWN: &str = "shown-now";

/// A signed state of which it is not known yet whether it is of the history that was followed.
#[derive(Debug)]
pub(crate) struct OpenCase {
    /// Its directory beneath `evidence`.
    name: String,
    shown: VerifiedCheckpoint,
}

impl OpenCase {
    /// Keeps both notes, and what came with the second.
    pub(crate) fn begin(
        state: &State,
        seen: Option<&VerifiedCheckpoint>,
        shown: &VerifiedCheckpoint,
        with: &[(&str, &[u8])],
    ) -> Result<Self, StateError> {
        let TreeHead { size, root } = shown.head();
        let old = seen.map_or(0, |seen| seen.head().size);
        let name = format!("{OPEN}-{old}-{size}-{}", &hex(&root)[..8]);
        let notes = seen.map(|seen| (SEEN, seen.as_bytes())).into_iter().chain([(SHOWN, shown.as_bytes())]);
        for (file, bytes) in notes.chain(with.iter().copied()) {
            state.write(&format!("{DIR}/{name}/{file}"), bytes)?;
        }
        Ok(Self { name, shown: shown.clone() })
    }

    /// Those that earlier audits left open, of a log.
    pub(crate) fn all(state: &State, log: &VerifierKey) -> Result<Vec<Self>, StateError> {
        let mut cases = Vec::new();
        for name in state.directories(DIR).into_iter().filter(|name| name.starts_with(&format!("{OPEN}-"))) {
            let file = format!("{DIR}/{name}/{SHOWN}");
            // One without its note was interrupted while it was begun or removed.
            let Some(note) = state.read(&file, MAX_CHECKPOINT_BYTES)? else { continue };
            let shown = SignedCheckpoint::parse(&note).map_err(|_| state.damaged(&file))?;
            match shown.verify(&Policy::for_log(log.clone())) {
                Ok(shown) => cases.push(Self { name, shown }),
                // Of an address that was tried before anything was followed.
                Err(CheckpointError::UnknownOrigin { .. } | CheckpointError::NoLogSignature { .. }) => {}
                Err(_) => return Err(state.damaged(&file)),
            }
        }
        Ok(cases)
    }

    /// The state that was shown.
    pub(crate) fn head(&self) -> TreeHead {
        self.shown.head()
    }

    /// It is of the history that was followed.
    pub(crate) fn close(self, state: &State) -> Result<(), StateError> {
        state.remove_directory(&format!("{DIR}/{}", self.name))
    }

    /// A case of this state against a later one that it contradicts, with what brought this one.
    fn against(self, state: &State, shown: &VerifiedCheckpoint) -> Result<Self, StateError> {
        let mut with = Vec::new();
        for (name, most) in [("manifest", MOST_MANIFEST_BYTES), ("proof", MAX_PROOF_BYTES)] {
            with.extend(state.read(&format!("{DIR}/{}/{name}", self.name), most)?.map(|bytes| (name, bytes)));
        }
        let with: Vec<(&str, &[u8])> = with.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
        let case = Self::begin(state, Some(&self.shown), shown, &with)?;
        self.close(state)?;
        Ok(case)
    }

    /// It contradicts what was followed: both stay. Gives where, in words.
    pub(crate) fn convict(self, state: &State, code: Code) -> Result<String, StateError> {
        let name = format!("{code}{}", self.name.strip_prefix(OPEN).unwrap_or_default());
        state.rename_directory(&format!("{DIR}/{}", self.name), &format!("{DIR}/{name}"))?;
        Ok(if state.is_kept() {
            format!("; both checkpoints are in {}", state.path(&format!("{DIR}/{name}")).display())
        } else {
            String::new()
        })
    }

    /// What is not known, in words.
    pub(crate) fn told(&self, state: &State) -> (String, String) {
        let what = format!("the log's signed state of {} entries", self.head().size);
        let mut why = "whether it is of the history that was followed is not shown".to_owned();
        if state.is_kept() {
            why.push_str(&format!("; it is kept in {}", state.path(&format!("{DIR}/{}", self.name)).display()));
        }
        (what, why)
    }
}

/// Two states that were signed, of one size and with different roots, prove a fork without a tile.
pub(crate) fn contradiction(
    state: &State,
    shown: &VerifiedCheckpoint,
) -> Result<Option<(OpenCase, ConsistencyError)>, StateError> {
    let TreeHead { size, root } = shown.head();
    let other = OpenCase::all(state, shown.log())?;
    let other = other.into_iter().find(|case| case.head().size == size && case.head().root != root);
    let Some(other) = other else { return Ok(None) };
    Ok(Some((other.against(state, shown)?, ConsistencyError::Forked { size })))
}

/// Holds what was left open to a log that was followed to its end, as far as that reaches. What is of it is kept no more; the
/// first that is not is given.
pub(crate) fn settle(
    state: &State,
    shown: &VerifiedCheckpoint,
) -> Result<Option<(OpenCase, ConsistencyError)>, StateError> {
    let head = shown.head();
    let mut within = OpenCase::all(state, shown.log())?;
    within.retain(|case| case.head().size <= head.size);
    // Mostly there is the followed state alone.
    let needs_entries = within.iter().any(|case| case.head() != head);
    let hashes = if needs_entries { leaf_hashes(state, head)? } else { Vec::new() };
    let is_of_it = |case: &OpenCase| {
        let beginning = usize::try_from(case.head().size).ok().and_then(|size| hashes.get(..size));
        case.head() == head || beginning.map(|some| root(some.iter().copied())) == Some(case.head().root)
    };
    if let Some(place) = within.iter().position(|case| !is_of_it(case)) {
        let case = within.swap_remove(place);
        let error = ConsistencyError::Rewritten { old: case.head().size, new: head.size };
        let found = case.against(state, shown)?;
        // The followed state is in what was found.
        within.into_iter().filter(|case| case.head() == head).try_for_each(|case| case.close(state))?;
        return Ok(Some((found, error)));
    }
    within.into_iter().try_for_each(|case| case.close(state))?;
    Ok(None)
}
