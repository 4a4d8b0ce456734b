//! Withdrawal: supports of people, named by their NIKs, are gone from the next epoch on.
//!
//! The record goes, in the current generation and in a next one that was begun; the person's cell stays set, since a cell
//! that were cleared would tell who was withdrawn. Later checks hit the filter still, and the confirmation says "not
//! listed". To withdraw somebody twice changes nothing, so an interrupted withdrawal is simply done again.
//!
//! A list that still names the person, imported later, lists him again.

mod lines;

use std::io;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use ceknik_core::manifest::Id;
use ceknik_core::oprf::OprfSecretKey;
use ceknik_core::record::Locator;
use ceknik_core::{NikError, StretchError};
use serde::Serialize;
use thiserror::Error;

use crate::dataset::DefinitionError;
use crate::import::pipeline::{self, Next, Results};
use crate::import::snapshot::remove;
use crate::locate::{self, Finder, LocateError};
use crate::store::{Generation, Seen, Store, StoreCipher, StoreError, Stored};

pub use lines::{MAX_NIK_LINE_BYTES, NikLine, NikLines};

/// How long people are gathered before their withdrawal is committed: what an interruption can lose.
const CHUNK_TIME: Duration = Duration::from_secs(2);
/// People at whom it is committed before that.
const CHUNK_PEOPLE: usize = 8192;

/// What a withdrawal came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WithdrawSummary {
    /// People whose support was there and is gone.
    pub withdrawn: u64,
    /// Of these, people who are still listed for another candidate.
    pub still_listed: u64,
    /// Lines whose NIK had no such support, the second line of a NIK among them.
    pub not_listed: Vec<u64>,
    /// Lines that are no NIK.
    #[serde(serialize_with = "refusals")]
    pub refused: Vec<(u64, NikError)>,
    /// What was left for the next command, and why.
    pub left: Vec<String>,
}

fn refusals<S: serde::Serializer>(refused: &[(u64, NikError)], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Refusal {
        line: u64,
        code: &'static str,
        message: String,
    }
    serializer.collect_seq(refused.iter().map(|(line, error)| Refusal {
        line: *line,
        code: error.code(),
        message: error.to_string(),
    }))
}

/// Why nobody more is withdrawn. Those before are, and it can be done again.
#[derive(Debug, Error)]
pub enum WithdrawError {
    /// The NIKs cannot be read.
    #[error("the NIKs cannot be read: {0}")]
    Read(#[from] io::Error),
    /// No such candidate.
    #[error("\"{given}\" is none of the dataset's candidates; there are: {}", ids.join(", "))]
    UnknownCandidate {
        /// As given.
        given: String,
        /// The dataset's ids.
        ids: Vec<String>,
    },
    /// NIKs cannot be stretched, or with the wrong key.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the store has of the dataset cannot be.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// A thread ended over its work.
    #[error("a worker thread ended unexpectedly: run the same command again")]
    Worker,
}

/// Withdraws people from a dataset. Whoever has one holds the home's lock.
pub struct Withdrawal<'a> {
    /// The record store.
    pub store: &'a mut Store,
    /// What opens details.
    pub cipher: &'a StoreCipher,
    /// The dataset's generations in use ([`Store::generations_in_use`]), each with its evaluation key.
    pub generations: &'a [(Generation, OprfSecretKey)],
    /// Withdraw the support of this candidate alone, id or title; of all unless set.
    pub candidate: Option<&'a str>,
    /// Threads to stretch on; one for each core unless set.
    pub threads: Option<NonZeroUsize>,
}

/// Somebody to be withdrawn.
struct Person {
    line: u64,
    /// In each generation.
    places: Vec<Locator>,
}

type Found = Result<Result<Person, (u64, NikError)>, WithdrawError>;

impl Withdrawal<'_> {
    /// Withdraws the people whose NIKs `lines` gives. `progress` is told how many lines are done.
    ///
    /// # Errors
    /// [`WithdrawError`].
    pub fn withdraw(
        self,
        lines: impl Iterator<Item = io::Result<NikLine>> + Send,
        mut progress: impl FnMut(u64),
    ) -> Result<WithdrawSummary, WithdrawError> {
        let candidate = self.candidate_number()?;
        let generations = self.generations;
        let workers = (0..locate::threads(self.threads)).map(|_| {
            let finders = generations.iter().map(|(generation, key)| Finder::new(generation, key));
            let mut finders = finders.collect::<Result<Vec<_>, _>>()?;
            Ok::<_, LocateError>(move |line| find(&mut finders, line))
        });
        let workers = workers.collect::<Result<Vec<_>, _>>()?;
        let mut summary = WithdrawSummary::default();
        let mut done = 0;
        let Self { store, cipher, .. } = self;
        pipeline::ordered(lines, workers, locate::jobs_under_way(1), |results| {
            while let Some(first) = next(results, None)? {
                let deadline = Instant::now() + CHUNK_TIME;
                let mut people = Vec::new();
                let mut found = Some(first);
                while let Some(line) = found {
                    match line? {
                        Ok(person) => people.push(person),
                        Err(refused) => summary.refused.push(refused),
                    }
                    done += 1;
                    let full = people.len() >= CHUNK_PEOPLE || Instant::now() >= deadline;
                    found = if full { None } else { next(results, Some(deadline))? };
                }
                commit(store, cipher, generations, candidate, &people, &mut summary)?;
                progress(done);
            }
            Ok::<_, WithdrawError>(())
        })?;
        summary.left.extend(store.checkpoint_or_tell());
        Ok(summary)
    }

    fn candidate_number(&self) -> Result<Option<u16>, WithdrawError> {
        let (Some(given), Some((generation, _))) = (self.candidate, self.generations.last()) else { return Ok(None) };
        let terms = generation.definition.candidate_terms();
        let terms = terms.map_err(|source| DefinitionError::Terms { key: "candidates", source })?;
        let unknown = || WithdrawError::UnknownCandidate {
            given: given.to_owned(),
            ids: terms.ids().map(str::to_owned).collect(),
        };
        let id = terms.id(given).ok_or_else(unknown)?;
        let numbers = self.store.candidate_numbers(&generation.dataset)?;
        let number = numbers.iter().find(|(known, _): &&(Id, u16)| known.as_str() == &*id).map(|(_, number)| *number);
        Ok(Some(number.ok_or(StoreError::Damaged { what: "a candidate has no number" })?))
    }
}

fn next(results: &mut Results<Found>, deadline: Option<Instant>) -> Result<Option<Found>, WithdrawError> {
    let next = match deadline {
        Some(deadline) => results.next_until(deadline),
        None => results.next(),
    };
    match next {
        Next::Result(found) => Ok(Some(found)),
        Next::NotYet | Next::End => Ok(None),
        Next::Lost => Err(WithdrawError::Worker),
    }
}

fn find(finders: &mut [Finder<'_>], line: io::Result<NikLine>) -> Found {
    let NikLine { line, nik } = line?;
    let nik = match nik {
        Ok(nik) => nik,
        Err(error) => return Ok(Err((line, error))),
    };
    let places = finders.iter_mut().map(|finder| Ok(finder.find(&nik)?.locator));
    let places = places.collect::<Result<_, StretchError>>().map_err(LocateError::from)?;
    Ok(Ok(Person { line, places }))
}

fn commit(
    store: &mut Store,
    cipher: &StoreCipher,
    generations: &[(Generation, OprfSecretKey)],
    candidate: Option<u16>,
    people: &[Person],
    summary: &mut WithdrawSummary,
) -> Result<(), StoreError> {
    // What was taken from each, and whether something is left, in any generation.
    let mut taken = vec![(false, false); people.len()];
    for (place, (generation, _)) in generations.iter().enumerate() {
        let batch = store.batch(generation)?;
        for (person, (gone, left)) in people.iter().zip(&mut taken) {
            let Some(locator) = person.places.get(place) else { continue };
            if let Stored::Record { detail, .. } = batch.record(locator)? {
                let wanted = |seen: &Seen| candidate.is_none_or(|candidate| seen.candidate == candidate);
                let removal = remove(&batch, cipher, generation, locator, &detail, wanted)?;
                *gone |= removal.supports > 0;
                *left |= !removal.nothing_left;
            }
        }
        batch.commit()?;
    }
    for (person, (gone, left)) in people.iter().zip(taken) {
        if gone {
            summary.withdrawn += 1;
            summary.still_listed += u64::from(left);
        } else {
            summary.not_listed.push(person.line);
        }
    }
    Ok(())
}
