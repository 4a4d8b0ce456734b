//! Which address a request comes from: the connection's, unless that is a trusted proxy's.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use axum::http::header::{self, HeaderName};
use ipnet::IpNet;
use serde::Deserialize;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The header in which a trusted proxy names the address that it serves. One alone is read: a proxy that sets one may let
/// the other through as its caller wrote it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    /// `X-Forwarded-For: 203.0.113.7, 198.51.100.2`
    #[default]
    XForwardedFor,
    /// `Forwarded: for=203.0.113.7, for="[2001:db8::1]:4711"` (RFC 7239).
    Forwarded,
}

/// The proxies whose word on an address counts.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    /// Their addresses. Empty: no header counts.
    pub networks: Vec<IpNet>,
    /// The header that they set.
    pub header: ProxyHeader,
}

impl TrustedProxies {
    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }
}

/// The client's address: the connection's or, behind trusted proxies, the rightmost in the header that is not a trusted
/// proxy's. Where the header stops making sense, the last proxy that did stands for its clients.
pub(crate) fn client_address(peer: IpAddr, headers: &HeaderMap, proxies: &TrustedProxies) -> IpAddr {
    let mut client = peer.to_canonical();
    if !proxies.trusts(client) {
        return client;
    }
    let name = match proxies.header {
        ProxyHeader::XForwardedFor => &X_FORWARDED_FOR,
        ProxyHeader::Forwarded => &header::FORWARDED,
    };
    let lines: Vec<&str> = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("")).collect();
    let hops = lines.iter().flat_map(|line| split_unquoted(line, ','));
    let hops: Vec<Option<IpAddr>> = hops
        .map(|hop| match proxies.header {
            ProxyHeader::XForwardedFor => address(hop.trim()),
            ProxyHeader::Forwarded => forwarded_for(hop),
        })
        .collect();
    for hop in hops.into_iter().rev() {
        let Some(hop) = hop else { break };
        client = hop;
        if !proxies.trusts(client) {
            break;
        }
    }
    client
}

/// The `for` of one element of a Forwarded header (RFC 7239, section 4). None for obfuscated and unknown ones.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let node = split_unquoted(element, ';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    })?;
    let node = node.strip_prefix('"').and_then(|node| node.strip_suffix('"')).unwrap_or(node);
    address(node)
}

/// An address with or without port, an IPv6 one with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let unbracketed = || text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| unbracketed()?.parse().ok())?;
    Some(address.to_canonical())
}

/// Splits where the separator stands outside of double quotes.
fn split_unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, lines: &[&str], header: ProxyHeader) -> String {
        let networks = ["10.0.0.0/8", "2001:db8:ffff::/48"].map(|network| network.parse().unwrap()).to_vec();
        let mut headers = HeaderMap::new();
        for line in lines {
            let name = if header == ProxyHeader::Forwarded { &header::FORWARDED } else { &X_FORWARDED_FOR };
            headers.append(name, line.parse().unwrap());
        }
        let proxies = TrustedProxies { networks, header };
        client_address(peer.parse().unwrap(), &headers, &proxies).to_string()
    }

    proptest::proptest! {
        #[test]
        fn any_header_gives_an_address(line: Vec<u8>, forwarded: bool) {
            let mut headers = HeaderMap::new();
            if let Ok(line) = axum::http::HeaderValue::from_bytes(&line) {
                headers.append(if forwarded { &header::FORWARDED } else { &X_FORWARDED_FOR }, line);
            }
            let header = if forwarded { ProxyHeader::Forwarded } else { ProxyHeader::XForwardedFor };
            let proxies = TrustedProxies { networks: vec!["0.0.0.0/0".parse().unwrap()], header };
            client_address(std::net::Ipv4Addr::LOCALHOST.into(), &headers, &proxies);
        }
    }

    #[test]
    fn headers_of_strangers_do_not_count() {
        assert_eq!(client("192.0.2.1", &["203.0.113.7"], ProxyHeader::XForwardedFor), "192.0.2.1");
        assert_eq!(client("192.0.2.1", &["for=203.0.113.7"], ProxyHeader::Forwarded), "192.0.2.1");
    }

    #[test]
    fn the_rightmost_address_that_is_no_proxy_counts() {
        for (lines, want) in [
            (&["203.0.113.7"][..], "203.0.113.7"),
            (&["198.51.100.9, 203.0.113.7"], "203.0.113.7"),
            (&["198.51.100.9, 203.0.113.7, 10.2.3.4"], "203.0.113.7"),
            (&["198.51.100.9", "203.0.113.7,10.2.3.4"], "203.0.113.7"),
            (&["203.0.113.7:1234"], "203.0.113.7"),
            (&["2001:db8::1"], "2001:db8::1"),
            (&["[2001:db8::1]:1234"], "2001:db8::1"),
            (&["::ffff:203.0.113.7"], "203.0.113.7"),
            (&["10.9.9.9"], "10.9.9.9"),
            (&["198.51.100.9, rubbish, 10.2.3.4"], "10.2.3.4"),
            (&["198.51.100.9, rubbish"], "10.0.0.1"),
            (&[""], "10.0.0.1"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(client("10.0.0.1", lines, ProxyHeader::XForwardedFor), want, "{lines:?}");
            assert_eq!(client("::ffff:10.0.0.1", lines, ProxyHeader::XForwardedFor), want, "{lines:?}");
        }
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_says() {
        for (lines, want) in [
            (&["for=203.0.113.7"][..], "203.0.113.7"),
            (&["For=203.0.113.7;proto=https;by=10.0.0.1"], "203.0.113.7"),
            (&[r#"proto=https;for="203.0.113.7:80""#], "203.0.113.7"),
            (&[r#"for="[2001:db8::1]:4711""#], "2001:db8::1"),
            (&[r#"for="[2001:db8::1]""#], "2001:db8::1"),
            (&["for=198.51.100.9, for=203.0.113.7, for=10.2.3.4"], "203.0.113.7"),
            (&[r#"for=198.51.100.9, for="_hidden,for=1.2.3.4""#], "10.0.0.1"),
            (&["for=198.51.100.9, for=unknown"], "10.0.0.1"),
            (&["by=203.0.113.7"], "10.0.0.1"),
        ] {
            assert_eq!(client("10.0.0.1", lines, ProxyHeader::Forwarded), want, "{lines:?}");
        }
    }
}
