//! How many connections a client network has open, and that it has no more than it may.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limit::{Network, NetworkLimits, TrustedProxies};

/// The networks with open connections. It holds no more of them than there are connections.
pub(super) struct NetworkPlaces {
    open: Mutex<HashMap<Network, usize>>,
    most: usize,
    limits: NetworkLimits,
    proxies: TrustedProxies,
}

/// One connection of a network, as long as it is held.
pub(super) struct NetworkPlace {
    places: Arc<NetworkPlaces>,
    network: Network,
}

impl NetworkPlaces {
    pub(super) fn new(most: usize, limits: NetworkLimits, proxies: TrustedProxies) -> Arc<Self> {
        Arc::new(Self { open: Mutex::default(), most, limits, proxies })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Network, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection from `peer`. Of a trusted proxy's connections none is counted: whose they are, only each of
    /// their requests says.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> Result<Option<NetworkPlace>, TooMany> {
        if self.proxies.trusts(peer.to_canonical()) {
            return Ok(None);
        }
        let network = Network::of(peer, &self.limits);
        let mut open = self.open();
        let count = open.get(&network).copied().unwrap_or(0);
        if count >= self.most {
            return Err(TooMany);
        }
        open.insert(network, count + 1);
        Ok(Some(NetworkPlace { places: Arc::clone(self), network }))
    }
}

/// The network has all the connections that it may have.
#[derive(Debug)]
pub(super) struct TooMany;

impl Drop for NetworkPlace {
    fn drop(&mut self) {
        let mut open = self.places.open();
        if let Some(count) = open.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_network_has_its_places_and_a_trusted_proxy_any_number() {
        let config = Config::new("p".into(), "k".into(), "s".into());
        let networks = vec!["10.0.0.0/8".parse().unwrap()];
        let proxies = TrustedProxies { networks, ..TrustedProxies::default() };
        let places = NetworkPlaces::new(2, config.network.limits(), proxies);
        let take = |address: &str| places.take(address.parse().unwrap());
        let (first, _second) = (take("192.0.2.1").unwrap(), take("::ffff:192.0.2.1").unwrap());
        assert!(take("192.0.2.1").is_err());
        let _others = [take("192.0.2.2").unwrap(), take("2001:db8:0:1::1").unwrap(), take("2001:db8:0:2::1").unwrap()];
        assert!(take("2001:db8::1").is_err());
        assert!((0..100).all(|_| take("10.1.2.3").unwrap().is_none() && take("::ffff:10.1.2.3").unwrap().is_none()));
        drop(first);
        let again = take("192.0.2.1").unwrap();
        assert!(take("192.0.2.1").is_err());
        drop((again, _second, _others));
        assert!(places.open().is_empty());
    }
}
