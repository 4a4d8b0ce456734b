//! Which figures of a plan are bad, and what to do.

use serde::{Serialize, Serializer};
use thiserror::Error;

use ceknik_core::deniability;

use super::{Plan, least_posterior};

/// A factor from which the promise holds for hardly anybody but those who know no more than the base rate.
const HIGH_FACTOR: f64 = 50.0;
/// A share of visitors who confirm from which the filter saves the service little.
const MOST_CONFIRM: f64 = 0.5;
/// A response from which visitors on slow lines wait: a second and more.
const SLOW_RESPONSE_BYTES: u32 = 262_144;
/// What share of a hit's posterior a contact may leave.
const LITTLE_COVER: f64 = 0.9;
/// How often the base rate a posterior must be to be news.
const LITTLE_NEWS: f64 = 2.0;
/// Days under which one network reads the whole list too fast for anybody to notice.
const FAST_READING_DAYS: f64 = 30.0;

/// A figure that is bad.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum PlanWarning {
    /// More than half of the cells would be set: publishing refuses that.
    #[error(
        "{set_percent:.0} % of the cells would be set, and an epoch with more than half is refused: {}",
        half_set_remedy(*least_posterior_percent)
    )]
    HalfSet {
        /// Share of set cells, in percent.
        set_percent: f64,
        /// Least posterior that keeps half of the cells clear with as many cells; none when none does.
        least_posterior_percent: Option<u8>,
    },
    /// More than half of the visitors confirm.
    #[error(
        "{confirm_percent:.0} % of the visitors hit and must confirm, so the filter saves the service little: with a base \
         rate of {base_percent:.1} % a lower posterior costs more noise; promise more, or expect the load"
    )]
    MostConfirm {
        /// In percent.
        confirm_percent: f64,
        /// In percent.
        base_percent: f64,
    },
    /// Few are listed, so a hit says a lot to whoever knows more than the base rate.
    #[error(
        "a hit multiplies prior odds by {odds_factor:.0}: of somebody whom an onlooker already believes listed with 8 % it \
         leaves {posterior_percent:.0} %; choose a lower posterior, or publish without a filter"
    )]
    HighFactor {
        /// 1/q.
        odds_factor: f64,
        /// What is left at a prior of 8 %.
        posterior_percent: f64,
    },
    /// More likely than not.
    #[error(
        "a hit may mean \"listed\" with {posterior_percent} %: that is a promise under which a hit is hard to deny"
    )]
    HighPosterior {
        /// As given.
        posterior_percent: u8,
    },
    /// The population is smaller than the floor of people in a bucket.
    #[error(
        "only {population} people: a bucket that almost surely holds K = {k} needs {needed:.0}, so there is one bucket, \
         which hides everybody and is fetched whole"
    )]
    FloorOutOfReach {
        /// People.
        population: u64,
        /// The floor.
        k: u64,
        /// K + 5√K.
        needed: f64,
    },
    /// The chosen bits break the floor: publishing refuses that.
    #[error(
        "{bucket_bits} bucket bits and {shard_bits} shard bits leave {people} people to a bucket, and an epoch under K = {k} \
         (with its margin, {needed:.0}) is refused: use fewer bits"
    )]
    UnderFloor {
        /// As chosen.
        bucket_bits: u8,
        /// As chosen.
        shard_bits: u8,
        /// People who share a bucket.
        people: u64,
        /// The floor.
        k: u64,
        /// K + 5√K.
        needed: f64,
    },
    /// Of the people of a bucket, those who would contact the service are fewer than K.
    #[error(
        "of the {people} people who share a bucket only {people_who_contact:.0} would contact the service, under K = {k}: one \
         of them hides among so many; raise the cover rate, or use fewer bucket bits"
    )]
    FewContact {
        /// People who share a bucket.
        people: u64,
        /// Of them.
        people_who_contact: f64,
        /// The floor.
        k: u64,
    },
    /// A response that no client fetches.
    #[error(
        "a bucket response would exceed 16 MiB, which clients do not fetch: lower K, so that there may be more bucket bits \
         than {bucket_bits}, or use fewer shard bits"
    )]
    ResponseTooLong {
        /// As chosen.
        bucket_bits: u8,
    },
    /// A response that takes long.
    #[error("a bucket response of {response_bytes} bytes takes {seconds:.1} s on a slow line; a smaller K shortens it")]
    ResponseSlow {
        /// Bytes.
        response_bytes: u32,
        /// On a line of 1.6 Mbit/s.
        seconds: f64,
    },
    /// Contact tells more than a hit does on average.
    #[error(
        "at a cover rate of {cover_percent} % a contact means \"listed\" with {posterior_percent:.0} %, nearly what a hit does: \
         whoever sees contacts needs no filter; raise the cover rate"
    )]
    LittleCover {
        /// As given.
        cover_percent: u8,
        /// P(listed given contact), in percent.
        posterior_percent: f64,
    },
    /// The budget does not bear the visitors.
    #[error(
        "the evaluation budget of {evaluations_per_day} a day is under the {expected:.0} that the expected visitors need, each \
         checking one NIK: the last of them are turned away until the next day"
    )]
    SmallBudget {
        /// As given.
        evaluations_per_day: u64,
        /// Needed.
        expected: f64,
    },
    /// The budget gives the list away fast.
    #[error(
        "one network's share of the budget reads the whole list in {days:.1} days: lower the budget or the share, or let the \
         list expire before"
    )]
    FastReading {
        /// Days.
        days: f64,
    },
    /// The capacity is used up from the start.
    #[error(
        "the capacity is the number of records: whoever is added later needs a new generation, and the raw list again"
    )]
    NoRoom,
}

fn half_set_remedy(least_posterior_percent: Option<u8>) -> String {
    match least_posterior_percent {
        Some(percent) => format!("promise a posterior of at least {percent} %, or give more cells per record"),
        None => "give more cells per record, or publish without a filter".to_owned(),
    }
}

impl PlanWarning {
    /// The fixed code of this warning, for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::HalfSet { .. } => "half_set",
            Self::MostConfirm { .. } => "most_confirm",
            Self::HighFactor { .. } => "high_factor",
            Self::HighPosterior { .. } => "high_posterior",
            Self::FloorOutOfReach { .. } => "floor_out_of_reach",
            Self::UnderFloor { .. } => "under_floor",
            Self::FewContact { .. } => "few_contact",
            Self::ResponseTooLong { .. } => "response_too_long",
            Self::ResponseSlow { .. } => "response_slow",
            Self::LittleCover { .. } => "little_cover",
            Self::SmallBudget { .. } => "small_budget",
            Self::FastReading { .. } => "fast_reading",
            Self::NoRoom => "no_room",
        }
    }
}

impl Serialize for PlanWarning {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut object = serializer.serialize_struct("PlanWarning", 2)?;
        object.serialize_field("code", self.code())?;
        object.serialize_field("message", &self.to_string())?;
        object.end()
    }
}

impl Plan {
    /// Looks for figures that are bad.
    pub(super) fn judge(&self) -> Vec<PlanWarning> {
        let Self { records, population, k, bucket, suggested, leak, .. } = self;
        let rates = &self.promise.rates;
        let percent = |share: f64| 100.0 * share;
        let mut warnings = Vec::new();
        let mut warn_if = |bad: bool, warning: PlanWarning| {
            if bad {
                warnings.push(warning);
            }
        };

        let half_set = rates.set_share > 0.5;
        let least_posterior_percent = least_posterior(self.promise.cells, *records, *population);
        warn_if(half_set, PlanWarning::HalfSet { set_percent: percent(rates.set_share), least_posterior_percent });
        warn_if(
            !half_set && rates.hit() > MOST_CONFIRM,
            PlanWarning::MostConfirm { confirm_percent: percent(rates.hit()), base_percent: percent(rates.base_rate) },
        );
        let odds_factor = 1.0 / rates.noise_share;
        warn_if(
            odds_factor > HIGH_FACTOR,
            PlanWarning::HighFactor { odds_factor, posterior_percent: percent(rates.posterior_alone(0.08)) },
        );
        let posterior_percent = self.posterior_percent;
        warn_if(posterior_percent > 50, PlanWarning::HighPosterior { posterior_percent });
        let no_room = self.capacity == *records;
        warn_if(no_room, PlanWarning::NoRoom);

        let needed = deniability::people_for_floor(*k);
        let (population, k, people) = (*population, *k, bucket.people);
        let out_of_reach = (population as f64) < needed;
        warn_if(out_of_reach, PlanWarning::FloorOutOfReach { population, k, needed });
        let (bucket_bits, shard_bits) = (suggested.bucket_bits, suggested.shard_bits);
        warn_if(!bucket.keeps_floor, PlanWarning::UnderFloor { bucket_bits, shard_bits, people, k, needed });
        let people_who_contact = bucket.people_who_contact;
        warn_if(
            bucket.keeps_floor && !out_of_reach && people_who_contact < k as f64,
            PlanWarning::FewContact { people, people_who_contact, k },
        );
        warn_if(bucket.response_bytes.is_none(), PlanWarning::ResponseTooLong { bucket_bits });
        if let (Some(response_bytes), Some(seconds)) = (bucket.response_bytes, bucket.slow_line_seconds) {
            warn_if(response_bytes > SLOW_RESPONSE_BYTES, PlanWarning::ResponseSlow { response_bytes, seconds });
        }

        let by_contact = self.contact.single.listed_given_contact;
        let cover_percent = self.cover_percent;
        warn_if(
            by_contact > LITTLE_COVER * leak.listed_given_hit && by_contact > LITTLE_NEWS * rates.base_rate,
            PlanWarning::LittleCover { cover_percent, posterior_percent: percent(by_contact) },
        );
        let (evaluations_per_day, expected) = (suggested.evaluations_per_day, suggested.expected_evaluations);
        warn_if((evaluations_per_day as f64) < expected, PlanWarning::SmallBudget { evaluations_per_day, expected });
        let days = leak.days_at_network_share;
        warn_if(days < FAST_READING_DAYS, PlanWarning::FastReading { days });
        warnings
    }
}
