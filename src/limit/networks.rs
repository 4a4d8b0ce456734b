//! What each client network has taken lately. Nothing in here can be turned back into an address.

use std::collections::HashMap;
use std::hash::Hasher;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ceknik_core::manifest::Id;
use siphasher::sip128::{Hasher128, SipHasher24};

use super::token_bucket::{Quota, Rate, TokenBucket};

/// A network may always take this many elements of a dataset in a day, however small the dataset's budget: the check of one
/// household several times over.
const LEAST_SHARE: f64 = 64.0;

/// Figures of the limits by network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NetworkLimits {
    /// A network's own rate, over all datasets.
    pub(crate) rate: Rate,
    /// A network's share of a dataset's budget, 0 to 1.
    pub(crate) share: f64,
    /// Leading bits of an IPv4 address that make a network.
    pub(crate) ipv4_prefix: u8,
    /// Leading bits of an IPv6 address that make a network.
    pub(crate) ipv6_prefix: u8,
    /// Most networks remembered.
    pub(crate) remembered: usize,
}

/// A client network: the leading bits of an address. Does not print.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network([u8; 17]);

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Network(REDACTED)")
    }
}

impl Network {
    /// The network of an address.
    pub(crate) fn of(address: IpAddr, limits: &NetworkLimits) -> Self {
        let mut network = [0u8; 17];
        let (bits, width, prefix) = match address.to_canonical() {
            IpAddr::V4(address) => (u128::from(address.to_bits()), 32, limits.ipv4_prefix.min(32)),
            IpAddr::V6(address) => (address.to_bits(), 128, limits.ipv6_prefix.min(128)),
        };
        let hidden = u32::from(width - prefix);
        let kept = bits.checked_shr(hidden).unwrap_or(0).checked_shl(hidden).unwrap_or(0);
        network[0] = width;
        network[1..].copy_from_slice(&kept.to_be_bytes());
        Self(network)
    }
}

/// Why a network has to wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum NetworkRefusal {
    /// Its own rate is used up.
    Rate(Duration),
    /// Its share of the dataset's budget is used up.
    Share(Duration),
}

/// What a network still has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NetworkQuotas {
    /// Of its own rate.
    pub(crate) network: Quota,
    /// Of the dataset's budget.
    pub(crate) share: Quota,
}

/// The table of networks, of bounded size.
pub(crate) struct Networks {
    limits: NetworkLimits,
    /// Random, of this process alone: the table's keys mean nothing outside of it.
    hash_key: [u8; 16],
    table: Mutex<Table>,
}

/// Two generations: what is not touched while the young one fills up is forgotten, which gives it a full bucket. Whoever
/// has networks enough to fill the table has more from those than from being forgotten.
#[derive(Default)]
struct Table {
    young: HashMap<u128, TokenBucket>,
    old: HashMap<u128, TokenBucket>,
}

impl Table {
    fn get(&mut self, key: u128, full: impl FnOnce() -> TokenBucket, half: usize) -> &mut TokenBucket {
        let bucket = match self.young.get(&key) {
            Some(bucket) => *bucket,
            None => {
                let bucket = self.old.remove(&key).unwrap_or_else(full);
                if self.young.len() >= half {
                    self.old = std::mem::take(&mut self.young);
                }
                bucket
            }
        };
        self.young.entry(key).or_insert(bucket)
    }
}

impl Networks {
    /// An empty table.
    pub(crate) fn new(limits: NetworkLimits) -> Self {
        Self { limits, hash_key: rand::random(), table: Mutex::default() }
    }

    /// The figures.
    pub(crate) fn limits(&self) -> &NetworkLimits {
        &self.limits
    }

    fn key(&self, network: &Network, dataset: Option<&Id>) -> u128 {
        let mut hash = SipHasher24::new_with_key(&self.hash_key);
        hash.write(&network.0);
        if let Some(dataset) = dataset {
            hash.write(dataset.as_str().as_bytes());
        }
        hash.finish128().as_u128()
    }

    fn share(&self, per_day: u64) -> Rate {
        Rate::daily((per_day as f64 * self.limits.share).max(LEAST_SHARE))
    }

    /// Takes `elements` for a network from both of its buckets, or from neither.
    pub(crate) fn take(
        &self,
        network: &Network,
        dataset: &Id,
        per_day: u64,
        elements: usize,
        now: Instant,
    ) -> Result<NetworkQuotas, (NetworkRefusal, NetworkQuotas)> {
        let elements = elements as f64;
        self.change(network, dataset, per_day, now, |buckets, rates| {
            let refusal = buckets[0]
                .wait_for(&rates[0], elements)
                .map(NetworkRefusal::Rate)
                .or_else(|| buckets[1].wait_for(&rates[1], elements).map(NetworkRefusal::Share));
            if refusal.is_none() {
                buckets.iter_mut().for_each(|bucket| bucket.add(-elements));
            }
            refusal
        })
    }

    /// Gives back what was taken and not used.
    pub(crate) fn give_back(&self, network: &Network, dataset: &Id, per_day: u64, elements: usize, now: Instant) {
        let given = self.change(network, dataset, per_day, now, |buckets, _| {
            buckets.iter_mut().for_each(|bucket| bucket.add(elements as f64));
            None
        });
        debug_assert!(given.is_ok(), "giving is not refused");
    }

    fn change(
        &self,
        network: &Network,
        dataset: &Id,
        per_day: u64,
        now: Instant,
        change: impl FnOnce(&mut [TokenBucket; 2], &[Rate; 2]) -> Option<NetworkRefusal>,
    ) -> Result<NetworkQuotas, (NetworkRefusal, NetworkQuotas)> {
        let keys = [self.key(network, None), self.key(network, Some(dataset))];
        let rates = [self.limits.rate, self.share(per_day)];
        let half = self.limits.remembered.max(4) / 2;
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buckets = [0, 1].map(|i| *table.get(keys[i], || TokenBucket::full(&rates[i], now), half));
        for (bucket, rate) in buckets.iter_mut().zip(&rates) {
            bucket.fill(rate, rate.capacity, now);
        }
        let refusal = change(&mut buckets, &rates);
        for i in [0, 1] {
            *table.get(keys[i], || buckets[i], half) = buckets[i];
        }
        let quotas = NetworkQuotas { network: buckets[0].quota(&rates[0]), share: buckets[1].quota(&rates[1]) };
        match refusal {
            None => Ok(quotas),
            Some(refusal) => Err((refusal, quotas)),
        }
    }

    #[cfg(test)]
    fn remembered(&self) -> usize {
        let table = self.table.lock().unwrap();
        table.young.len() + table.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: NetworkLimits = NetworkLimits {
        rate: Rate { capacity: 100.0, per_second: 1.0 },
        share: 0.01,
        ipv4_prefix: 32,
        ipv6_prefix: 56,
        remembered: 1000,
    };

    fn network(address: &str) -> Network {
        Network::of(address.parse().unwrap(), &LIMITS)
    }

    fn dataset() -> Id {
        Id::new("jakarta").unwrap()
    }

    #[test]
    fn an_ipv6_network_is_a_56_and_an_ipv4_network_an_address() {
        assert_eq!(network("2001:db8:0:ff00::1"), network("2001:db8:0:ffff:ffff::9"));
        assert_ne!(network("2001:db8:0:ff00::1"), network("2001:db8:0:fe00::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.1"));
        let wide = NetworkLimits { ipv4_prefix: 0, ipv6_prefix: 0, ..LIMITS };
        let all = |address: &str| Network::of(address.parse().unwrap(), &wide);
        assert_eq!(all("192.0.2.1"), all("203.0.113.9"));
        assert_eq!(all("2001:db8::1"), all("fe80::1"));
        assert_ne!(all("192.0.2.1"), all("2001:db8::1"));
        assert_eq!(format!("{:?}", network("192.0.2.1")), "Network(REDACTED)");
    }

    #[test]
    fn a_network_waits_when_its_rate_is_used_up_and_others_do_not() {
        let networks = Networks::new(LIMITS);
        let (now, a, b) = (Instant::now(), network("192.0.2.1"), network("192.0.2.2"));
        let take = |network, elements, now| networks.take(network, &dataset(), 1_000_000, elements, now);
        assert_eq!(take(&a, 96, now).unwrap().network.remaining, 4.0);
        let (refusal, quotas) = take(&a, 16, now).unwrap_err();
        assert_eq!(refusal, NetworkRefusal::Rate(Duration::from_secs(12)));
        assert_eq!(quotas.network.remaining, 4.0);
        take(&b, 16, now).unwrap();
        take(&a, 16, now + Duration::from_secs(12)).unwrap();
    }

    #[test]
    fn no_network_takes_more_than_its_share_of_a_dataset() {
        let networks = Networks::new(LIMITS);
        let (now, a) = (Instant::now(), network("192.0.2.1"));
        // 1 % of 16,000 in a day is 160: 80 at once.
        let take = |dataset: &str, elements| networks.take(&a, &Id::new(dataset).unwrap(), 16_000, elements, now);
        take("one", 80).unwrap();
        assert!(matches!(take("one", 1), Err((NetworkRefusal::Share(_), _))));
        take("two", 16).unwrap();
        networks.give_back(&a, &Id::new("one").unwrap(), 16_000, 4, now);
        take("one", 4).unwrap();
        assert!(take("one", 1).is_err());
        // Of a tiny budget a household still gets what it needs.
        networks.take(&network("192.0.2.9"), &dataset(), 10, 16, now).unwrap();
    }

    #[test]
    fn the_table_is_bounded_and_keeps_those_who_come_often() {
        let networks = Networks::new(NetworkLimits { remembered: 100, ..LIMITS });
        let now = Instant::now();
        let busy = network("203.0.113.1");
        networks.take(&busy, &dataset(), 1_000_000, 100, now).unwrap();
        for i in 0..10_000u32 {
            let other = Network::of(IpAddr::V4((0x0a00_0000 + i).into()), &LIMITS);
            networks.take(&other, &dataset(), 1_000_000, 1, now).unwrap();
            assert!(networks.remembered() <= 100);
            assert!(networks.take(&busy, &dataset(), 1_000_000, 1, now).is_err());
        }
    }
}
