//! The history that a log tells: every manifest against the rules. No I/O.

use std::collections::BTreeMap;

use ceknik_core::encoding::{hex, presentable};
use ceknik_core::manifest::{Id, Manifest, SuccessionError, manifest_sha256};

use crate::findings::{Code, Finding};

/// A manifest where it stands in the log.
#[derive(Clone, Debug)]
pub struct LoggedEpoch {
    /// Place in the log, from 0.
    pub index: u64,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// What it says.
    pub manifest: Manifest,
}

/// What a log tells, read entry by entry.
#[derive(Debug)]
pub struct History {
    origin: String,
    lists: BTreeMap<Id, Vec<LoggedEpoch>>,
    secrets: BTreeMap<(&'static str, [u8; 32]), Generation>,
    findings: Vec<Finding>,
}

/// What has salt, seed and key of its own: a generation of a list. Without a filter it has no number, and is known by its salt.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Generation {
    dataset: Id,
    number: Option<u32>,
    salt: [u8; 32],
}

impl History {
    /// Of the log with this name.
    pub fn new(origin: &str) -> Self {
        Self { origin: origin.to_owned(), lists: BTreeMap::new(), secrets: BTreeMap::new(), findings: Vec::new() }
    }

    /// Reads the next entry.
    pub fn read(&mut self, index: u64, entry: &[u8]) {
        let manifest = match Manifest::parse(entry) {
            Ok(manifest) => manifest,
            Err(error) => {
                let detail = format_args!("entry {index}: {}", presentable(&error));
                return self.findings.push(Finding::new(Code::LeafMalformed, detail));
            }
        };
        let (dataset, epoch) = (manifest.dataset.clone(), manifest.epoch);
        let found = |code, detail: String| Finding::new(code, detail).of(&dataset).at(epoch);
        if manifest.log != self.origin {
            let detail = format!("entry {index} names the log {}", manifest.log);
            return self.findings.push(found(Code::LeafOfAnotherLog, detail));
        }
        for what in self.reused(&manifest) {
            let detail = format!("entry {index}: {what} was used before, in another list or generation");
            self.findings.push(found(Code::SecretReused, detail));
        }
        let logged = LoggedEpoch { index, sha256: manifest_sha256(entry), manifest };
        let list = self.lists.entry(dataset.clone()).or_default();
        // Epochs ascend in it.
        if let Ok(place) = list.binary_search_by_key(&epoch, |logged| logged.manifest.epoch) {
            let first = &list[place];
            let same = if first.sha256 == logged.sha256 { "the same" } else { "another" };
            let detail =
                format!("entries {} and {index} are both epoch {epoch}, the later one {same} manifest", first.index);
            return self.findings.push(found(Code::SecondLeaf, detail));
        }
        let before = list.last();
        let expected = before.map_or(1, |before| before.manifest.epoch + 1);
        match before {
            _ if epoch > expected => {
                let missing =
                    if epoch == expected + 1 { expected.to_string() } else { format!("{expected} to {}", epoch - 1) };
                self.findings
                    .push(found(Code::EpochGap, format!("entry {index} is epoch {epoch}; not logged: {missing}")));
            }
            Some(before) => {
                if let Err(error) = logged.manifest.check_follows(&before.manifest, &before.sha256) {
                    self.findings.push(found(succession_code(&error), format!("entry {index}: {error}")));
                }
                if before.manifest.valid_until < logged.manifest.published_at {
                    let (from, to) = (before.manifest.valid_until, logged.manifest.published_at);
                    self.findings.push(found(Code::Lapsed, format!("from {from} to {to}")));
                }
            }
            None => {}
        }
        if epoch >= expected {
            list.push(logged);
        }
    }

    /// What of a manifest was another generation's already. Whether one follows another is asked elsewhere, neighbour by
    /// neighbour.
    fn reused(&mut self, manifest: &Manifest) -> Vec<&'static str> {
        let salt = manifest.stretch.salt;
        let filter = manifest.filter.as_ref();
        let number = filter.map(|filter| filter.generation);
        let own = Generation { dataset: manifest.dataset.clone(), number, salt };
        let secrets = [
            ("the salt", Some(salt)),
            ("the seed", filter.map(|filter| *filter.geometry.seed())),
            ("the key", Some(manifest.oprf.public_key.to_bytes())),
        ];
        let mut reused = Vec::new();
        for (what, secret) in secrets {
            let Some(secret) = secret else { continue };
            let first = self.secrets.entry((what, secret)).or_insert_with(|| own.clone());
            if *first != own {
                reused.push(what);
            }
        }
        reused
    }

    /// The lists, each with its epochs in order.
    pub fn lists(&self) -> &BTreeMap<Id, Vec<LoggedEpoch>> {
        &self.lists
    }

    /// What is wrong in the history.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

/// The name of a rule in docs/spec.md, "Succession".
fn succession_code(error: &SuccessionError) -> Code {
    match error {
        SuccessionError::Identity { .. } => Code::SuccessionIdentity,
        SuccessionError::Epoch { .. } => Code::SuccessionEpoch,
        SuccessionError::Time { .. } => Code::SuccessionTime,
        SuccessionError::Previous { .. } => Code::SuccessionPrevious,
        SuccessionError::Key => Code::SuccessionKey,
        SuccessionError::Announced => Code::SuccessionAnnounced,
        SuccessionError::Generation { .. } => Code::SuccessionGeneration,
        SuccessionError::GenerationNumber { .. } => Code::SuccessionGenerationNumber,
        SuccessionError::Reuse { .. } => Code::SuccessionReuse,
        SuccessionError::Noise { .. } => Code::SuccessionNoise,
        SuccessionError::EpochFactor => Code::SuccessionEpochFactor,
    }
}

/// How an epoch is told in words: its number and the start of its manifest's hash.
pub(crate) fn told(logged: &LoggedEpoch) -> String {
    format!("epoch {} ({}…)", logged.manifest.epoch, &hex(&logged.sha256)[..8])
}
