//! Whether a manifest agrees with itself: what follows from other fields is recomputed, what has bounds is held to them.

use super::boxed::{Checked, field};
use super::{FilterSpec, MOST_NUMBER, MOST_VALIDITY_SECONDS, Manifest};
use crate::deniability::{self, Promise};
use crate::encoding::turns_direction;
use crate::log::check_name;

fn ensure(holds: bool, name: &'static str, reason: &str) -> Checked<()> {
    if holds { Ok(()) } else { Err(field(name, reason)) }
}

/// Texts are shown on terminals and pages: no control characters but line feeds, nothing that turns the writing direction.
fn presentable(text: &str) -> bool {
    let hostile = |c: char| (c.is_control() && c != '\n') || turns_direction(c);
    !text.is_empty() && !text.chars().any(hostile)
}

/// An absolute address of the web. Others, `javascript:` before all, have no business in a manifest.
fn web_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic()))
}

impl Manifest {
    pub(super) fn check(&self) -> Checked<()> {
        ensure(check_name(&self.log).is_ok(), "log", "not the origin of a log")?;
        self.check_numbers()?;
        ensure(self.previous.is_none() == (self.epoch == 1), "previous", "null in epoch 1 and nowhere else")?;
        let validity = self.valid_until.unix() - self.published_at.unix();
        ensure(
            (1..=MOST_VALIDITY_SECONDS).contains(&validity),
            "valid_until",
            "must be after published_at, by 7 days at the most",
        )?;
        self.stretch.cost.check()?;
        if let Some(next) = &self.oprf.next {
            ensure(next.from_epoch > self.epoch, "oprf.next.from_epoch", "must be a later epoch")?;
            ensure(next.public_key != self.oprf.public_key, "oprf.next.public_key", "is the present key")?;
        }
        self.check_disclosure()?;
        self.check_texts()
    }

    fn check_numbers(&self) -> Checked<()> {
        let numbers = [
            ("epoch", self.epoch),
            ("records", self.records),
            ("population", self.population),
            ("oprf.next.from_epoch", self.oprf.next.as_ref().map_or(1, |next| next.from_epoch)),
            ("filter.generation", self.filter.as_ref().map_or(1, |filter| u64::from(filter.generation))),
            ("disclosure.evaluations_per_day", self.disclosure.evaluations_per_day),
        ];
        for (name, number) in numbers {
            ensure(number <= MOST_NUMBER, name, "over 2^53 - 1")?;
            ensure(number > 0 || name == "records", name, "must be at least 1")?;
        }
        ensure(self.records <= self.population, "records", "more than the population")
    }

    fn check_disclosure(&self) -> Checked<()> {
        let disclosure = &self.disclosure;
        ensure(disclosure.cover_percent <= 100, "disclosure.cover_percent", "over 100")?;
        let shard_bits = self.filter.as_ref().map_or(0, |filter| filter.geometry.shard_bits());
        let people = deniability::people_per_bucket(self.population, self.buckets.geometry.bits(), shard_bits);
        ensure(disclosure.people_per_bucket == people, "disclosure.people_per_bucket", "is not population / buckets")?;
        match &self.filter {
            Some(filter) => self.check_promise(filter),
            None => {
                let none = disclosure.posterior_percent.is_none()
                    && disclosure.odds_factor.is_none()
                    && disclosure.epoch_odds_factor.is_none();
                ensure(none, "disclosure", "without a filter there is no posterior and no factor")?;
                ensure(
                    disclosure.cover_percent == 100,
                    "disclosure.cover_percent",
                    "without a filter everybody confirms: 100",
                )
            }
        }
    }

    fn check_promise(&self, filter: &FilterSpec) -> Checked<()> {
        let disclosure = &self.disclosure;
        let cells = filter.geometry.cells();
        ensure(filter.members >= self.records, "filter.members", "fewer than records")?;
        ensure(filter.members <= self.population, "filter.members", "more than the population")?;
        let percent = disclosure.posterior_percent.unwrap_or(0);
        let promise = Promise::new(self.population, percent, cells)?;
        let least = promise.first_noise(filter.members)?;
        ensure(filter.noise >= least, "filter.noise", "too little for disclosure.posterior_percent")?;
        ensure(filter.noise <= cells / 2, "filter.noise", "more than half of the cells")?;
        let factor = deniability::odds_factor(cells, filter.noise);
        ensure(
            disclosure.odds_factor == Some(factor),
            "disclosure.odds_factor",
            "is not cells / noise to three digits",
        )?;
        let epoch_factor = disclosure.epoch_odds_factor;
        if self.epoch == 1 {
            let reason = "in the first epoch all noise is new: it is odds_factor";
            return ensure(epoch_factor == Some(factor), "disclosure.epoch_odds_factor", reason);
        }
        // Later, only the manifest before tells its exact value.
        let possible = epoch_factor.is_none_or(|epoch_factor| epoch_factor >= 1.0 && epoch_factor <= cells as f64);
        ensure(possible, "disclosure.epoch_odds_factor", "is not possible with these cells")
    }

    fn check_texts(&self) -> Checked<()> {
        let both = |text: &super::Text| presentable(&text.id) && presentable(&text.en);
        let reason = "empty, or with a control character in it";
        ensure(both(&self.title), "title", reason)?;
        ensure(both(&self.coverage), "coverage", reason)?;
        ensure(
            !self.candidates.is_empty() && self.candidates.iter().all(|(_, text)| both(text)),
            "candidates",
            reason,
        )?;
        ensure(!self.statuses.is_empty() && self.statuses.iter().all(|(_, text)| both(text)), "statuses", reason)?;
        for guidance in &self.guidance {
            ensure(both(&guidance.text), "guidance", reason)?;
            ensure(guidance.region.as_deref().is_none_or(presentable), "guidance.region", reason)?;
            ensure(web_address(&guidance.url), "guidance.url", "not an http or https address")?;
        }
        ensure(self.mirrors.iter().all(|url| web_address(url)), "mirrors", "not an http or https address")
    }
}
