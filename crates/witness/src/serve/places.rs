//! Who may be connected: so many at once, and so many of them from one network, so that no one machine takes all places.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Places for connections.
#[derive(Clone)]
pub(super) struct Places {
    taken: Arc<Mutex<Taken>>,
    most: usize,
    per_network: usize,
}

#[derive(Default)]
struct Taken {
    all: usize,
    /// Networks with any, so that this is never larger than `all`.
    by_network: HashMap<IpAddr, usize>,
}

/// A place until it is dropped.
pub(super) struct Place {
    places: Places,
    network: Option<IpAddr>,
}

impl Places {
    pub(super) fn new(most: usize, per_network: usize) -> Self {
        Self { taken: Arc::default(), most, per_network }
    }

    /// A place for a connection from an address; none when all are taken, or all that its network may have.
    pub(super) fn take(&self, from: IpAddr) -> Option<Place> {
        let network = network(from);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.most {
            return None;
        }
        if let Some(network) = network {
            let count = taken.by_network.get(&network).copied().unwrap_or_default();
            if count >= self.per_network {
                return None;
            }
            taken.by_network.insert(network, count + 1);
        }
        taken.all += 1;
        drop(taken);
        Some(Place { places: self.clone(), network })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        let Some(network) = self.network else { return };
        if let Some(count) = taken.by_network.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                taken.by_network.remove(&network);
            }
        }
    }
}

/// The network of an address: itself, or the 56 bits of an IPv6 address that one customer is given. None for this machine, on
/// which a proxy speaks for everybody.
fn network(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        address if address.is_loopback() => None,
        IpAddr::V6(address) => Some(Ipv6Addr::from_bits(address.to_bits() >> 72 << 72).into()),
        address => Some(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn no_network_takes_all_places() {
        let places = Places::new(4, 2);
        let mut held: Vec<Place> = Vec::new();
        let mut taken = |from: &str| places.take(address(from)).map(|place| held.push(place)).is_some();
        assert!(taken("192.0.2.1") && taken("::ffff:192.0.2.1"), "one address in two spellings");
        assert!(!taken("192.0.2.1"));
        assert!(taken("2001:db8:0:1::1"));
        assert!(taken("127.0.0.1"));
        assert!(!taken("127.0.0.1") && !taken("198.51.100.1"), "all are taken");
        held.clear();
        let held: Vec<_> = (0..4).map(|_| places.take(address("127.0.0.1")).unwrap()).collect();
        drop(held);
        let left = places.taken.lock().unwrap();
        assert_eq!((left.all, left.by_network.len()), (0, 0));
    }

    #[test]
    fn networks() {
        for (given, wanted) in [
            ("192.0.2.7", Some("192.0.2.7")),
            ("::ffff:192.0.2.7", Some("192.0.2.7")),
            ("2001:db8:1:2ff:a::1", Some("2001:db8:1:200::")),
            ("127.8.0.1", None),
            ("::1", None),
            ("::ffff:127.0.0.1", None),
        ] {
            assert_eq!(network(address(given)), wanted.map(address), "{given}");
        }
    }
}
