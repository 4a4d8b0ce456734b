//! One audit, from the log to the report.

use ceknik_client::{CacheMode, ClientError};
use ceknik_core::log::{MAX_POLICY_BYTES, Policy, PolicyError};
use ceknik_core::manifest::{Id, Manifest, manifest_sha256};
use ceknik_core::time::Timestamp;
use thiserror::Error;

use crate::epoch::{Again, Before, Checked, Epochs, Part};
use crate::evidence::OpenCase;
use crate::figures::{Files, LoggedFigures, PromiseFigures};
use crate::findings::{Code, Finding, Unchecked};
use crate::history::{History, LoggedEpoch};
use crate::kept::Kept;
use crate::list::{ListError, RawList, compare};
use crate::log::{FollowError, Followed, follow, for_each_entry};
use crate::probe::Prober;
use crate::report::{ListReport, LogFigures, Report, Trust, TrustBasis};
use crate::source::{Missing, Source};
use crate::state::{State, StateError};

mod served;

/// How many entries an audit has told of, in decimal.
const TOLD: &str = "log/told";
/// Most bytes of the list of datasets.
const MOST_DATASETS_BYTES: u64 = 1 << 20;

/// What takes its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Entries of the log.
    Log,
    /// Buckets of an epoch.
    Buckets(u64),
    /// People of the raw list.
    People,
}

/// Opens the raw list once it is known what the columns of the list mean.
pub type ListOpener<'a> = Box<dyn FnOnce(&Manifest) -> Result<RawList<'a>, Box<dyn std::error::Error>> + 'a>;

/// What is to be audited, and how.
pub struct Audit<'a> {
    /// The service, or for files alone a mirror.
    pub source: Source,
    /// What was seen before.
    pub state: State,
    /// Whom to trust; none: whom the service names, from the first time on.
    pub policy: Option<Policy>,
    /// Which lists; none: all that are in the log.
    pub datasets: Vec<Id>,
    /// Whether to ask for evaluations.
    pub probes: bool,
    /// Whether a weak stretch, which is for tests, is no finding.
    pub accept_weak: bool,
    /// The raw list, of the one dataset that is audited.
    pub list: Option<ListOpener<'a>>,
    /// The time.
    pub now: Timestamp,
}

impl core::fmt::Debug for Audit<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Audit").field("source", &self.source).field("datasets", &self.datasets).finish_non_exhaustive()
    }
}

/// Why there is no report.
#[derive(Debug, Error)]
pub enum AuditError {
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// No request can be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The service's policy cannot be had.
    #[error("the service's policy cannot be had: {0}; give one with --policy")]
    PolicyMissing(Missing),
    /// The service's policy is none.
    #[error("the service's policy: {0}; give one with --policy")]
    Policy(#[from] PolicyError),
    /// A list that is not in the log.
    #[error("the log has no list {dataset}; it has: {}", if known.is_empty() { "none" } else { known })]
    NoSuchList {
        /// As asked.
        dataset: Id,
        /// What there is.
        known: String,
    },
    /// A raw list, and not one dataset.
    #[error("a raw list is compared with one list, and the log has several: name one of {known}")]
    WhichList {
        /// What there is.
        known: String,
    },
    /// The raw list cannot be compared, because the published one was not verified.
    #[error("the raw list was not compared, because the files of the newest epoch of {dataset} were not verified")]
    ListUnverified {
        /// Which.
        dataset: Id,
    },
    /// The raw list cannot be read.
    #[error("{0}")]
    List(Box<dyn std::error::Error>),
    /// The raw list was not compared.
    #[error(transparent)]
    Compare(#[from] ListError),
}

/// What is collected on the way.
#[derive(Debug, Default)]
struct Collected {
    findings: Vec<Finding>,
    unchecked: Vec<Unchecked>,
}

impl Collected {
    fn not_checked(&mut self, dataset: Option<&Id>, epoch: Option<u64>, what: &str, why: String, expected: bool) {
        let dataset = dataset.map(ToString::to_string);
        self.unchecked.push(Unchecked { dataset, epoch, what: what.to_owned(), why, expected });
    }
}

/// A log that was followed, with its history.
struct Seen {
    followed: Followed,
    history: History,
    /// Entries that an earlier audit has told of.
    told: Option<u64>,
}

impl<'a> Audit<'a> {
    /// Audits. `progress` is told of what takes its time: how much is done, of how much.
    ///
    /// # Errors
    /// [`AuditError`] when nothing can be said. Whatever is wrong with the publisher is in the report.
    pub async fn run(mut self, progress: &mut dyn FnMut(Phase, u64, u64)) -> Result<Report, AuditError> {
        let (policy, basis) = self.trust().await?;
        let mut collected = Collected::default();
        let trust = Trust::new(basis, &policy);
        let (at, server) = (self.now, self.source.server().to_string());
        let seen = match self.follow(&policy, progress).await {
            Ok(seen) => seen,
            Err(FollowError::State(error)) => return Err(error.into()),
            Err(error) => {
                match error {
                    FollowError::Wrong(finding) => collected.findings.push(finding),
                    error => collected.not_checked(None, None, "the log", error.to_string(), false),
                }
                collected.not_checked(None, None, "the lists", "the log was not followed to its end".to_owned(), false);
                self.tell_open_cases(&policy, &mut collected)?;
                return Ok(Report::new(at, server, trust, None, Vec::new(), collected.findings, collected.unchecked));
            }
        };
        let seen = self.catch_up(seen, &policy, progress).await?;
        self.tell_open_cases(&policy, &mut collected)?;
        if basis == TrustBasis::FirstUse {
            self.state.write("policy", &policy.to_bytes())?;
        }
        let wanted = self.wanted(&seen.history)?;
        collected.findings.extend(seen.history.findings().iter().filter(|found| is_wanted(found, &wanted)).cloned());
        let offered = self.offered().await;
        if let Err(why) = &offered {
            collected.not_checked(None, None, "which lists are offered", why.to_string(), false);
        }
        let mut lists = Vec::new();
        for dataset in &wanted {
            let offered = offered.as_ref().ok().map(|offered| offered.contains(dataset.as_str()));
            let list = self.audit_list(dataset, &seen, &policy, offered, &mut collected, progress).await?;
            lists.push(list);
        }
        self.tell(&wanted, seen.followed.checkpoint.head().size)?;
        let log = LogFigures::new(&seen.followed);
        Ok(Report::new(at, server, trust, Some(log), lists, collected.findings, collected.unchecked))
    }

    /// The policy, and what it rests on.
    async fn trust(&self) -> Result<(Policy, TrustBasis), AuditError> {
        if let Some(policy) = &self.policy {
            return Ok((policy.clone(), TrustBasis::Given));
        }
        if let Some(kept) = self.state.read("policy", MAX_POLICY_BYTES)? {
            let policy = Policy::parse(&kept).map_err(|_| self.state.damaged("policy"))?;
            return Ok((policy, TrustBasis::Kept));
        }
        let text = self.source.get("/v1/policy", MAX_POLICY_BYTES as u64, CacheMode::Revalidate).await;
        Ok((Policy::parse(&text.map_err(AuditError::PolicyMissing)?)?, TrustBasis::FirstUse))
    }

    /// What the log signed and was not followed to, now or at an earlier audit.
    fn tell_open_cases(&self, policy: &Policy, collected: &mut Collected) -> Result<(), StateError> {
        for log in policy.logs() {
            for case in OpenCase::all(&self.state, log.key())? {
                let (what, why) = case.told(&self.state);
                collected.not_checked(None, None, &what, why, false);
            }
        }
        Ok(())
    }

    async fn follow(&self, policy: &Policy, progress: &mut dyn FnMut(Phase, u64, u64)) -> Result<Seen, FollowError> {
        let mut advance = |done, of| progress(Phase::Log, done, of);
        let followed = follow(&self.source, &self.state, policy, &mut advance).await?;
        let told = self.told()?;
        let mut history = History::new(followed.checkpoint.origin(), told.unwrap_or(0));
        for_each_entry(&self.state, followed.checkpoint.head(), |index, entry| history.read(index, entry))?;
        Ok(Seen { followed, history, told })
    }

    /// Entries of the log that an audit has told of to its end; none before the first.
    fn told(&self) -> Result<Option<u64>, StateError> {
        let Some(told) = self.state.read(TOLD, 32)? else { return Ok(None) };
        let told = core::str::from_utf8(&told).ok().and_then(|told| told.trim_end().parse().ok());
        told.map(Some).ok_or_else(|| self.state.damaged(TOLD))
    }

    /// What was found is told from here on: the next audit marks it so.
    fn tell(&self, wanted: &[Id], entries: u64) -> Result<(), StateError> {
        wanted.iter().try_for_each(|dataset| Kept::told(&self.state, dataset))?;
        self.state.write(TOLD, format!("{entries}\n").as_bytes())
    }

    /// An epoch that was published while the log was followed is in a log that has grown by now.
    async fn catch_up(
        &self,
        seen: Seen,
        policy: &Policy,
        progress: &mut dyn FnMut(Phase, u64, u64),
    ) -> Result<Seen, AuditError> {
        for dataset in self.wanted(&seen.history)? {
            let Ok(served) = self.served(&dataset).await else { continue };
            let sha256 = manifest_sha256(&served);
            let logged = seen.history.lists().get(&dataset).into_iter().flatten();
            if logged.into_iter().any(|logged| logged.sha256 == sha256) {
                continue;
            }
            let before = seen.followed.before;
            return match self.follow(policy, progress).await {
                Ok(mut again) => {
                    again.followed.before = before;
                    Ok(again)
                }
                Err(FollowError::State(error)) => Err(error.into()),
                // It was followed once; what is wrong now is found by the next audit.
                Err(_) => Ok(seen),
            };
        }
        Ok(seen)
    }

    fn wanted(&self, history: &History) -> Result<Vec<Id>, AuditError> {
        let lists = history.lists();
        let known = || lists.keys().map(Id::as_str).collect::<Vec<_>>().join(", ");
        if let Some(dataset) = self.datasets.iter().find(|dataset| !lists.contains_key(*dataset)) {
            return Err(AuditError::NoSuchList { dataset: dataset.clone(), known: known() });
        }
        let wanted = if self.datasets.is_empty() { lists.keys().cloned().collect() } else { self.datasets.clone() };
        if self.list.is_some() && wanted.len() != 1 {
            return Err(AuditError::WhichList { known: known() });
        }
        Ok(wanted)
    }

    /// The ids that the service offers.
    async fn offered(&self) -> Result<std::collections::BTreeSet<String>, Missing> {
        let body = self.source.get("/v1/datasets", MOST_DATASETS_BYTES, CacheMode::Revalidate).await?;
        let listed: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
        let listed = listed.as_ref().and_then(|listed| listed["datasets"].as_array());
        let listed =
            listed.ok_or(Missing::Failed { why: "/v1/datasets is not the JSON of a list of datasets".to_owned() })?;
        Ok(listed.iter().filter_map(|dataset| dataset["id"].as_str().map(str::to_owned)).collect())
    }

    async fn audit_list(
        &mut self,
        dataset: &Id,
        seen: &Seen,
        policy: &Policy,
        offered: Option<bool>,
        collected: &mut Collected,
        progress: &mut dyn FnMut(Phase, u64, u64),
    ) -> Result<ListReport, AuditError> {
        let logged = &seen.history.lists()[dataset];
        let newest = &logged[logged.len() - 1];
        self.check_served(dataset, logged, policy, &seen.followed.checkpoint, collected).await?;
        if offered == Some(false) {
            collected.findings.push(Finding::new(Code::ListWithheld, "it is not among /v1/datasets").of(dataset));
        }
        let mut kept = Kept::read(&self.state, dataset)?;
        let epochs = Epochs::new(&self.source, &self.state, dataset);
        self.audit_epochs(&epochs, logged, &mut kept, collected, progress).await?;
        let (again, newest_is_wrong) = match kept.audited(newest) {
            Some(_) => self.look_again(&epochs, newest, collected).await?,
            None => (None, false),
        };
        collected.findings.extend(kept.findings());
        let newest_audited = kept.audited(newest);
        let members_before = newest_audited.and_then(|audited| {
            let since = audited.cells.as_ref()?.growth.as_ref()?.since;
            let before = logged.iter().find(|logged| logged.manifest.epoch == since)?;
            Some(before.manifest.filter.as_ref()?.members)
        });
        let promise = newest_audited.and_then(|audited| PromiseFigures::new(&newest.manifest, audited, members_before));
        let compared = match (self.list.take(), newest_audited) {
            (None, _) => None,
            (Some(_), None) => return Err(AuditError::ListUnverified { dataset: dataset.clone() }),
            (Some(open), Some(audited)) => {
                let list = open(&newest.manifest).map_err(AuditError::List)?;
                let Collected { findings, unchecked } = collected;
                let mut advance = |done, of| progress(Phase::People, done, of);
                Some(compare(&epochs, newest, audited, list, findings, unchecked, &mut advance).await?)
            }
        };
        let probes = if self.probes {
            let Collected { findings, unchecked } = collected;
            let mut prober = Prober { source: &self.source, dataset, manifest: &newest.manifest, findings, unchecked };
            Some(prober.run().await?)
        } else {
            collected.not_checked(Some(dataset), None, "the evaluation", "no probes were wanted".to_owned(), true);
            None
        };
        let figures = logged.iter().map(|logged| {
            let is_wrong = newest_is_wrong && logged.index == newest.index;
            let files = if is_wrong { Files::Wrong } else { kept.files(logged).unwrap_or(Files::Unchecked) };
            let is_new = seen.told.is_some_and(|told| logged.index >= told);
            LoggedFigures::new(logged, is_new, files, kept.audited(logged).cloned())
        });
        Ok(ListReport {
            dataset: dataset.to_string(),
            title: newest.manifest.title.clone(),
            population: newest.manifest.population,
            evaluations_per_day: newest.manifest.disclosure.evaluations_per_day,
            epochs: figures.collect(),
            again,
            promise,
            probes,
            list: compared,
        })
    }

    /// Audits the files of every epoch that is not verified yet, as long as they are there.
    async fn audit_epochs(
        &self,
        epochs: &Epochs<'_>,
        all: &[LoggedEpoch],
        kept: &mut Kept,
        collected: &mut Collected,
        progress: &mut dyn FnMut(Phase, u64, u64),
    ) -> Result<(), AuditError> {
        let newest = all.last().map_or(0, |newest| newest.manifest.epoch);
        for logged in all {
            if matches!(kept.files(logged), Some(Files::Verified | Files::Gone)) {
                continue;
            }
            let epoch = logged.manifest.epoch;
            self.check_manifest(epochs.dataset, logged, collected).await;
            // One that comes late is compared with none: the table of the one before it is not here any more.
            let before = kept.audited.last().filter(|audited| audited.epoch < epoch).and_then(|audited| {
                let logged = all.iter().find(|logged| logged.manifest.epoch == audited.epoch)?;
                Some(Before { logged, audited })
            });
            let mut advance = |done, of| progress(Phase::Buckets(epoch), done, of);
            let part = Part { is_newest: epoch == newest, is_judged: kept.is_judged(logged, all) };
            let checked = epochs.check(logged, before, part, &mut collected.findings, &mut advance).await?;
            match checked {
                Checked::Wholly(audited) => {
                    // A renewal is checked again in no time: it is kept with the next that is not one.
                    let is_renewal = audited.table_epoch != epoch;
                    kept.add(*audited);
                    if !is_renewal {
                        self.keep(epochs, all, kept)?;
                    }
                }
                other => self.not_verified(epochs.dataset, logged, &other, kept, collected),
            }
        }
        Ok(self.keep(epochs, all, kept)?)
    }

    /// Says of an epoch that it was not verified, and how it stands with it: one that was wrong stays so, until its files are had.
    fn not_verified(
        &self,
        dataset: &Id,
        logged: &LoggedEpoch,
        checked: &Checked,
        kept: &mut Kept,
        collected: &mut Collected,
    ) {
        let was_wrong = kept.files(logged) == Some(Files::Wrong);
        let (files, why, expected) = match checked {
            Checked::Gone if !was_wrong => {
                (Files::Gone, "they are served no more, as files of old epochs are not".to_owned(), true)
            }
            Checked::Gone => {
                (Files::Wrong, "they were wrong or withheld before, and are served no more".to_owned(), false)
            }
            Checked::NotNow(why) | Checked::Withheld(why) if was_wrong => {
                (Files::Wrong, format!("they were wrong or withheld before, and now: {why}"), false)
            }
            Checked::NotNow(why) | Checked::Withheld(why) => (Files::Unchecked, why.clone(), false),
            Checked::Wrong | Checked::Wholly(_) => {
                (Files::Wrong, "they are wrong or withheld; the next audit asks for them again".to_owned(), false)
            }
        };
        kept.stands(logged, files);
        let epoch = Some(logged.manifest.epoch);
        collected.not_checked(Some(dataset), epoch, "filter and buckets", why, expected);
    }

    /// What is served now of the newest epoch, where an earlier audit verified it: a sample. Gives what it was, and whether it is
    /// wrong.
    async fn look_again(
        &self,
        epochs: &Epochs<'_>,
        newest: &LoggedEpoch,
        collected: &mut Collected,
    ) -> Result<(Option<Again>, bool), StateError> {
        let (dataset, epoch) = (Some(epochs.dataset), Some(newest.manifest.epoch));
        let Some((again, outcomes)) = epochs.look_again(newest, &mut collected.findings).await? else {
            return Ok((None, false));
        };
        for checked in &outcomes {
            if let Checked::NotNow(why) = checked {
                collected.not_checked(dataset, epoch, "a sample of what is served now", why.clone(), false);
            }
        }
        if let Some(what) = again.left_out() {
            let why = "the same was verified before; of what is served now a sample was looked at, drawn at random";
            collected.not_checked(dataset, epoch, &what, why.to_owned(), true);
        }
        Ok((Some(again), outcomes.iter().any(|checked| !matches!(checked, Checked::NotNow(_)))))
    }

    /// Keeps what was found, and removes what is needed no more: of the newest epoch that was audited, table and shards stay.
    fn keep(&self, epochs: &Epochs<'_>, all: &[LoggedEpoch], kept: &Kept) -> Result<(), StateError> {
        kept.write(&self.state, epochs.dataset)?;
        let Some(audited) = kept.audited.last() else { return Ok(()) };
        let Some(logged) = all.iter().find(|logged| logged.manifest.epoch == audited.epoch) else { return Ok(()) };
        let mut names = vec![format!("lists/{}/state.json", epochs.dataset), epochs.table_file(audited.table_epoch)];
        let shards = logged.manifest.filter.iter().flat_map(|filter| &filter.shards);
        names.extend(shards.map(|shard| epochs.shard_file(&shard.sha256)));
        let dir = format!("lists/{}", epochs.dataset);
        self.state.tidy(&dir, |name| names.iter().any(|kept| kept.rsplit('/').next() == Some(name)));
        Ok(())
    }
}

/// Whether a finding is of what is audited: of the log as a whole, or of one of these lists.
fn is_wanted(finding: &Finding, wanted: &[Id]) -> bool {
    finding.dataset.as_ref().is_none_or(|dataset| wanted.iter().any(|wanted| wanted.as_str() == dataset))
}
