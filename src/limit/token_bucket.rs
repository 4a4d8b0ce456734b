//! The token bucket: what all limits are made of.

use std::time::{Duration, Instant};

const DAY_SECONDS: f64 = 86_400.0;

/// How much a bucket holds and how fast it fills.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    /// Tokens in a full bucket.
    pub(crate) capacity: f64,
    /// Tokens a second.
    pub(crate) per_second: f64,
}

impl Rate {
    /// The rate that never gives more than `tokens` within any 24 hours: half of them at once, half spread over the day.
    pub(crate) fn daily(tokens: f64) -> Self {
        Self { capacity: tokens / 2.0, per_second: tokens / 2.0 / DAY_SECONDS }
    }

    /// How long `tokens` take to come in.
    pub(crate) fn time_for(&self, tokens: f64) -> Duration {
        // A bucket that does not fill, or takes longer than a duration can say, is waited for a day at a time.
        Duration::try_from_secs_f64(tokens.max(0.0) / self.per_second).unwrap_or(Duration::from_secs(86_400))
    }
}

/// What a bucket has to say to a caller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quota {
    /// How it is filled.
    pub(crate) rate: Rate,
    /// Tokens left.
    pub(crate) remaining: f64,
}

/// What is left is told in this many steps.
const TOLD_STEPS: f64 = 16.0;

impl Quota {
    /// What callers are told: rounded down to sixteenths as long as there is one. To the unit it would tell people who share
    /// an address how much the others ask.
    pub(crate) fn told(self) -> Self {
        let step = (self.rate.capacity / TOLD_STEPS).floor().max(1.0);
        let remaining = self.remaining.floor();
        Self { remaining: if remaining < step { remaining } else { (remaining / step).floor() * step }, ..self }
    }

    /// Until the bucket is full again.
    pub(crate) fn full_in(&self) -> Duration {
        self.rate.time_for(self.rate.capacity - self.remaining)
    }
}

/// Tokens at a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenBucket {
    tokens: f64,
    at: Instant,
}

impl TokenBucket {
    /// A bucket that holds `tokens`.
    pub(crate) fn holding(tokens: f64, now: Instant) -> Self {
        Self { tokens, at: now }
    }

    /// A full bucket.
    pub(crate) fn full(rate: &Rate, now: Instant) -> Self {
        Self::holding(rate.capacity, now)
    }

    /// Adds what came in since the last look, up to `most`.
    pub(crate) fn fill(&mut self, rate: &Rate, most: f64, now: Instant) {
        let elapsed = now.saturating_duration_since(self.at);
        self.tokens = (self.tokens + elapsed.as_secs_f64() * rate.per_second).min(most);
        self.at = self.at.max(now);
    }

    /// Tokens at the last look.
    pub(crate) fn tokens(&self) -> f64 {
        self.tokens
    }

    /// Adds or, below zero, removes tokens.
    pub(crate) fn add(&mut self, tokens: f64) {
        self.tokens += tokens;
    }

    /// The bucket as a caller sees it.
    pub(crate) fn quota(&self, rate: &Rate) -> Quota {
        Quota { rate: *rate, remaining: self.tokens.max(0.0) }
    }

    /// How long until `wanted` tokens are there. None when they are.
    pub(crate) fn wait_for(&self, rate: &Rate, wanted: f64) -> Option<Duration> {
        (self.tokens < wanted).then(|| rate.time_for(wanted - self.tokens))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_at_its_rate_and_holds_no_more_than_its_capacity() {
        let rate = Rate { capacity: 10.0, per_second: 2.0 };
        let start = Instant::now();
        let mut bucket = TokenBucket::full(&rate, start);
        bucket.add(-9.0);
        assert_eq!(bucket.wait_for(&rate, 4.0), Some(Duration::from_millis(1500)));
        bucket.fill(&rate, rate.capacity, start + Duration::from_millis(1500));
        assert_eq!(bucket.wait_for(&rate, 4.0), None);
        assert_eq!(bucket.quota(&rate).full_in(), Duration::from_secs(3));
        bucket.fill(&rate, rate.capacity, start + Duration::from_secs(3600));
        assert_eq!(bucket.tokens(), 10.0);
        // Looking from an earlier moment changes nothing.
        bucket.add(-10.0);
        bucket.fill(&rate, rate.capacity, start);
        assert_eq!(bucket.tokens(), 0.0);
    }

    #[test]
    fn a_daily_rate_never_gives_more_in_a_day() {
        let rate = Rate::daily(1000.0);
        let start = Instant::now();
        let mut bucket = TokenBucket::full(&rate, start);
        let mut given = 0;
        for minute in 0..24 * 60 {
            bucket.fill(&rate, rate.capacity, start + Duration::from_secs(60 * minute));
            while bucket.wait_for(&rate, 1.0).is_none() {
                bucket.add(-1.0);
                given += 1;
            }
        }
        assert!((999..=1000).contains(&given), "{given}");
    }

    #[test]
    fn the_operators_are_told_the_daily_rate_as_it_is() {
        let rate = Rate::daily(3_000_000.0);
        assert_eq!((rate.capacity, rate.per_second * 3600.0), (1_500_000.0, 62_500.0));
        let told = "Of 3,000,000 a day, 1,500,000 answer the first rush, and then 62,500 an hour\n  (17 a second)";
        assert_eq!(rate.per_second.round(), 17.0);
        assert!(include_str!("../../docs/operations.md").contains(told));
    }

    #[test]
    fn one_request_among_others_is_not_told() {
        let rate = Rate { capacity: 8192.0, per_second: 4.0 };
        let told = |remaining| Quota { rate, remaining }.told().remaining;
        for (remaining, want) in [
            (8192.0, 8192.0),
            (8191.0, 7680.0),
            (7681.0, 7680.0),
            (7679.9, 7168.0),
            (512.0, 512.0),
            (511.7, 511.0),
            (0.3, 0.0),
        ] {
            assert_eq!(told(remaining), want, "{remaining}");
        }
        let small = Quota { rate: Rate { capacity: 16.0, per_second: 1.0 }, remaining: 7.5 };
        assert_eq!(small.told().remaining, 7.0);
    }

    #[test]
    fn a_rate_of_nothing_waits_for_a_day() {
        let rate = Rate { capacity: 1.0, per_second: 0.0 };
        assert_eq!(rate.time_for(1.0), Duration::from_secs(86_400));
    }
}
