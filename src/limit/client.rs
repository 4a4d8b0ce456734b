//! Which address a request comes from: the connection's, unless that is a trusted proxy's.

use std::net::{IpAddr, SocketAddr};

use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue};
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

impl ProxyHeader {
    fn name(self) -> &'static HeaderName {
        match self {
            Self::XForwardedFor => &X_FORWARDED_FOR,
            Self::Forwarded => &header::FORWARDED,
        }
    }
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
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
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
    let lines: Vec<&str> =
        headers.get_all(proxies.header.name()).iter().map(|value| value.to_str().unwrap_or("")).collect();
    let hops = lines.into_iter().rev().flat_map(|line| match proxies.header {
        ProxyHeader::XForwardedFor => line.rsplit(',').map(|hop| address(hop.trim())).collect(),
        ProxyHeader::Forwarded => forwarded_hops(line),
    });
    for hop in hops {
        let Some(hop) = hop else { break };
        client = hop;
        if !proxies.trusts(client) {
            break;
        }
    }
    client
}

/// The client of a request that a proxy at 10.0.0.1, which is trusted like its network, passes on with this one line. None
/// where no header can hold the line. For the fuzz target.
#[doc(hidden)]
pub fn client_in_line(line: &[u8], header: ProxyHeader) -> Option<IpAddr> {
    let headers = HeaderMap::from_iter([(header.name().clone(), HeaderValue::from_bytes(line).ok()?)]);
    let networks = vec![IpNet::new([10, 0, 0, 0].into(), 8).ok()?];
    Some(client_address([10, 0, 0, 1].into(), &headers, &TrustedProxies { networks, header }))
}

/// The hops of a line of Forwarded (RFC 7239, section 4), the last first. A line whose last quoted string does not end says
/// nothing: what its caller began, the proxy's own element would be read as a part of.
fn forwarded_hops(line: &str) -> Vec<Option<IpAddr>> {
    let Some(elements) = split_unquoted(line, ',') else { return vec![None] };
    elements.into_iter().rev().map(forwarded_for).collect()
}

/// The `for` of one element. None for obfuscated and unknown ones, and where it stands twice.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut nodes = split_unquoted(element, ';')?.into_iter().filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    });
    let (Some(node), None) = (nodes.next(), nodes.next()) else { return None };
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

/// Splits where the separator stands outside of quoted strings (RFC 9110, section 5.6.4). None where one does not end.
fn split_unquoted(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut quoted, mut escaped) = (false, false);
    let pieces = text.split(|c| {
        let literal = escaped;
        escaped = quoted && !literal && c == '\\';
        quoted ^= c == '"' && !literal;
        c == separator && !quoted
    });
    let pieces = pieces.collect();
    (!quoted).then_some(pieces)
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
            // Quotes mean nothing here: they hide no comma.
            (&["\", 203.0.113.7"], "203.0.113.7"),
            (&["198.51.100.9, \"a, 203.0.113.7"], "203.0.113.7"),
            (&["\"203.0.113.7"], "10.0.0.1"),
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

    /// Whatever a client writes before it, what the proxy appends to the same line counts, or nothing in that line does.
    #[test]
    fn no_client_hides_what_its_proxy_appends() {
        for (sent, want) in [
            (r#"for=9.9.9.9;x="a\"b""#, "203.0.113.7"),
            (r#"for=9.9.9.9;x="a\\""#, "203.0.113.7"),
            (r#"for=9.9.9.9;x="a,b;c""#, "203.0.113.7"),
            (r"for=9.9.9.9;x=\", "203.0.113.7"),
            ("for=9.9.9.9;", "203.0.113.7"),
            (r#"for=9.9.9.9;x="a"#, "10.0.0.1"),
            (r#"for=9.9.9.9;x="a\"#, "10.0.0.1"),
            (r#"for=9.9.9.9;x="a\""#, "10.0.0.1"),
            (r#"for=9.9.9.9;x="a\\"b""#, "10.0.0.1"),
            (r#"""#, "10.0.0.1"),
        ] {
            for appended in ["for=203.0.113.7", r#"for="203.0.113.7:80";proto=https"#] {
                let line = format!("{sent}, {appended}");
                assert_eq!(client("10.0.0.1", &[&line], ProxyHeader::Forwarded), want, "{line}");
                // A line of its own needs no such care.
                assert_eq!(client("10.0.0.1", &[sent, appended], ProxyHeader::Forwarded), "203.0.113.7", "{line}");
            }
        }
        for twice in ["for=9.9.9.9;for=203.0.113.7", "for=9.9.9.9;For=9.9.9.9", r#"for=_a;x=1;for="9.9.9.9""#] {
            assert_eq!(client("10.0.0.1", &[twice], ProxyHeader::Forwarded), "10.0.0.1", "{twice}");
        }
    }
}
