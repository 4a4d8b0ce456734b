//! Searching bytes for everything that must not be in them.

use std::collections::BTreeSet;
use std::fmt;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::evidence;
use super::forms::{self, Form, RAW};

/// What was found, and so what it may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A NIK of the list, of a check, of a withdrawal.
    Nik,
    /// Other text of a list, or typed.
    Text,
    /// What the stretch gave, and what follows from it: filter item, input and output of the evaluation, seal key,
    /// elements that are not blinded.
    Derived,
    /// What records are filed under.
    Locator,
    /// Cells of members.
    Cells,
    /// An element on its way to the service or back.
    Blinded,
    /// Where a client is.
    Client,
    /// Planted by the test, to be found.
    Canary,
}

/// Something to search for.
#[derive(Clone, Debug)]
pub(crate) struct Secret {
    pub(crate) kind: Kind,
    /// Which, for the message; never the thing itself.
    pub(crate) name: String,
    pub(crate) forms: Vec<Form>,
}

/// Where something was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// A file, by its path below the stage.
    File(String),
    /// A file that was open and had no name any more.
    Unnamed(String),
    /// A table of the record store.
    Table(String),
    /// The arguments of a process.
    Arguments,
    /// The environment of a process.
    Environment,
    /// A member of an evidence file, decoded.
    Evidence,
    /// What clients sent.
    ToService,
    /// What the service sent, bucket responses as published taken out.
    FromService,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the file {path}"),
            Self::Unnamed(path) => write!(f, "the removed file {path}"),
            Self::Table(name) => write!(f, "the table {name}"),
            Self::Arguments => f.write_str("the arguments of a process"),
            Self::Environment => f.write_str("the environment of a process"),
            Self::Evidence => f.write_str("what is in an evidence file"),
            Self::ToService => f.write_str("what was sent to the service"),
            Self::FromService => f.write_str("what the service sent"),
        }
    }
}

/// A secret in a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    pub(crate) place: Place,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) form: String,
}

impl fmt::Display for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} ({}) in {}", self.kind, self.name, self.form, self.place)
    }
}

/// Finds all secrets in one go.
pub(crate) struct Searcher {
    automaton: AhoCorasick,
    /// Of each pattern: the place of its secret, its form.
    patterns: Vec<(usize, String)>,
    secrets: Vec<Secret>,
}

impl Searcher {
    pub(crate) fn new(secrets: Vec<Secret>) -> Self {
        let mut patterns = Vec::new();
        let mut bytes = Vec::new();
        for (place, secret) in secrets.iter().enumerate() {
            for (name, form) in &secret.forms {
                assert!(form.len() >= 7, "{}, {name}: too short to be no chance", secret.name);
                patterns.push((place, name.clone()));
                bytes.push(form.as_slice());
            }
        }
        // All matches, one within another included.
        let builder =
            AhoCorasick::builder().match_kind(MatchKind::Standard).kind(Some(AhoCorasickKind::ContiguousNFA)).clone();
        let automaton = builder.build(bytes).unwrap();
        Self { automaton, patterns, secrets }
    }

    pub(crate) fn patterns(&self) -> usize {
        self.patterns.len()
    }

    /// What is in these bytes that does not belong there.
    pub(crate) fn search(&self, place: &Place, bytes: &[u8], hits: &mut BTreeSet<Hit>) {
        for found in self.automaton.find_overlapping_iter(bytes) {
            let (secret, form) = &self.patterns[found.pattern().as_usize()];
            let secret = &self.secrets[*secret];
            if !belongs(secret.kind, form, place) {
                hits.insert(Hit {
                    place: place.clone(),
                    kind: secret.kind,
                    name: secret.name.clone(),
                    form: form.clone(),
                });
            }
        }
    }
}

/// Locators, as they are, belong into the table of records and the published table, where both are files; blinded elements
/// onto the wire, and before the eyes of whoever asks what left the device. Both belong into evidence: the element of its owner, and
/// a bucket as it was published.
fn belongs(kind: Kind, form: &str, place: &Place) -> bool {
    let in_evidence = |path: &str| path.starts_with(evidence::DIR) && form.starts_with("base64");
    match (kind, place) {
        (Kind::Locator | Kind::Blinded, Place::Evidence) => form == RAW,
        (Kind::Locator | Kind::Blinded, Place::File(path)) if in_evidence(path) => true,
        (Kind::Locator, Place::File(path)) => {
            form == RAW && (path.ends_with("/buckets") || path.contains("/store.sqlite"))
        }
        (Kind::Blinded, Place::ToService | Place::FromService) => true,
        (Kind::Blinded, Place::File(path)) => path.starts_with("said/") && path.contains("show-requests"),
        _ => false,
    }
}

/// NIKs that stand in no list and are planted where nobody else would put one.
pub(crate) fn canary(number: usize) -> String {
    format!("97{:04}{:06}{:04}", number, 100_003 + number * 7, 9_999 - number)
}

impl Secret {
    pub(crate) fn canary(number: usize) -> Self {
        let forms = forms::of_nik(&canary(number));
        Self { kind: Kind::Canary, name: format!("number {number}"), forms }
    }
}
