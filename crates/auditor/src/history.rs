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

/// Findings of one kind in one list that are told one by one; further ones are counted with the last of these.
const MOST_ALIKE: u64 = 16;
/// Findings after which lists are not told apart any more: a log can name as many as it has entries.
const MOST_TOLD_APART: usize = 1024;
/// Lists that an audit follows in one log.
const MOST_LISTS: usize = 256;

/// What a log tells, read entry by entry.
#[derive(Debug)]
pub struct History {
    origin: String,
    /// Entries that an earlier audit has told of.
    told: u64,
    /// How many findings of a kind there are, and where the last one is.
    alike: BTreeMap<(Code, Option<String>), (u64, usize)>,
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
    /// Of the log with this name. `told`: entries that an earlier audit has told of.
    pub fn new(origin: &str, told: u64) -> Self {
        Self {
            origin: origin.to_owned(),
            told,
            alike: BTreeMap::new(),
            lists: BTreeMap::new(),
            secrets: BTreeMap::new(),
            findings: Vec::new(),
        }
    }

    /// One more finding of an entry, told or counted.
    fn found(&mut self, index: u64, finding: Finding) {
        let dataset = finding.dataset.clone().filter(|_| self.findings.len() < MOST_TOLD_APART);
        let (times, last) = self.alike.entry((finding.code, dataset)).or_default();
        *times += 1;
        match self.findings.get_mut(*last).filter(|_| *times > MOST_ALIKE) {
            Some(last) => last.count += 1,
            None => {
                *last = self.findings.len();
                self.findings.push(finding.told(index < self.told));
            }
        }
    }

    /// Reads the next entry.
    pub fn read(&mut self, index: u64, entry: &[u8]) {
        let manifest = match Manifest::parse(entry) {
            Ok(manifest) => manifest,
            Err(error) => {
                let detail = format_args!("entry {index}: {}", presentable(&error));
                return self.found(index, Finding::new(Code::LeafMalformed, detail));
            }
        };
        let (dataset, epoch) = (manifest.dataset.clone(), manifest.epoch);
        let found = |code, detail: String| Finding::new(code, detail).of(&dataset).at(epoch);
        if manifest.log != self.origin {
            let detail = format!("entry {index} names the log {}", manifest.log);
            return self.found(index, found(Code::LeafOfAnotherLog, detail));
        }
        if !self.lists.contains_key(&dataset) && self.lists.len() >= MOST_LISTS {
            let detail = format_args!("entry {index} is of another list than the {MOST_LISTS} before it");
            return self.found(index, Finding::new(Code::LogTooLarge, detail));
        }
        for what in self.reused(&manifest) {
            let detail = format!("entry {index}: {what} was used before, in another list or generation");
            self.found(index, found(Code::SecretReused, detail));
        }
        let logged = LoggedEpoch { index, sha256: manifest_sha256(entry), manifest };
        let list = self.lists.entry(dataset.clone()).or_default();
        // Epochs ascend in it.
        if let Ok(place) = list.binary_search_by_key(&epoch, |logged| logged.manifest.epoch) {
            let first = &list[place];
            let same = if first.sha256 == logged.sha256 { "the same" } else { "another" };
            let detail =
                format!("entries {} and {index} are both epoch {epoch}, the later one {same} manifest", first.index);
            return self.found(index, found(Code::SecondLeaf, detail));
        }
        let before = list.last();
        let expected = before.map_or(1, |before| before.manifest.epoch + 1);
        let broken = broken(before, expected, &logged);
        if epoch >= expected {
            list.push(logged);
        }
        for (code, detail) in broken {
            self.found(index, found(code, detail));
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

/// Which rules an epoch breaks after the one before it in the log.
fn broken(before: Option<&LoggedEpoch>, expected: u64, logged: &LoggedEpoch) -> Vec<(Code, String)> {
    let (index, epoch) = (logged.index, logged.manifest.epoch);
    let mut broken = Vec::new();
    match before {
        _ if epoch > expected => {
            let missing =
                if epoch == expected + 1 { expected.to_string() } else { format!("{expected} to {}", epoch - 1) };
            broken.push((Code::EpochGap, format!("entry {index} is epoch {epoch}; not logged: {missing}")));
        }
        Some(before) => {
            if let Err(error) = logged.manifest.check_follows(&before.manifest, &before.sha256) {
                broken.push((succession_code(&error), format!("entry {index}: {error}")));
            }
            if before.manifest.valid_until < logged.manifest.published_at {
                let (from, to) = (before.manifest.valid_until, logged.manifest.published_at);
                broken.push((Code::Lapsed, format!("from {from} to {to}")));
            }
        }
        None => {}
    }
    broken
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A manifest of a list that no other entry has.
    fn of_list(number: usize) -> Vec<u8> {
        let vectors = include_str!("../../../tests/vectors/manifest.json");
        let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
        let text = vectors["manifests"][0]["text"].as_str().unwrap();
        text.replace("\"jakarta-2024\"", &format!("\"list-{number}\"")).into_bytes()
    }

    #[test]
    fn a_log_may_have_more_lists_than_are_followed() {
        let mut history = History::new("ceknik.example.org/log", 0);
        for number in 0..300 {
            history.read(number as u64, &of_list(number));
        }
        assert_eq!(history.lists().len(), 256);
        let found: Vec<_> = history.findings().iter().filter(|found| found.code == Code::LogTooLarge).collect();
        assert_eq!(
            (found.len(), found[0].detail.as_str()),
            (16, "entry 256 is of another list than the 256 before it")
        );
        assert_eq!(found.iter().map(|found| found.count).sum::<u64>(), 44);
    }

    #[test]
    fn findings_of_many_lists_have_an_end() {
        let mut history = History::new("elsewhere.example.org/log", 1500);
        for number in 0..3000 {
            history.read(number as u64, &of_list(number));
        }
        let found = history.findings();
        assert_eq!((found.len(), found.iter().map(|found| found.count).sum::<u64>()), (1024 + 16, 3000));
        assert!(found.iter().all(|found| found.code == Code::LeafOfAnotherLog && found.told_before));
        assert_eq!(found[1039].detail, "entry 1039 names the log ceknik.example.org/log");
    }
}
