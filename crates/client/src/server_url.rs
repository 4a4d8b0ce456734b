//! The address of a service.

use core::fmt;
use core::str::FromStr;
use std::net::IpAddr;

use reqwest::Url;
use thiserror::Error;

/// Where a service is: `https://host[:port][/path]`. Below it lie `/v1/…` and `/log/…`.
///
/// Plain `http://` goes to this machine alone, unless [`ServerUrl::parse_allowing_plain_http`] is told otherwise. What is
/// sent has no NIK in it either way, but on the way everybody could see who asks, and stand in for the service until
/// a policy is pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    /// Without a slash at the end.
    base: String,
    https: bool,
    loopback: bool,
}

/// Why a text is no address of a service.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ServerUrlError {
    /// Not a URL with a host.
    #[error("not an address of the form https://host/")]
    Form,
    /// Neither `https` nor `http`.
    #[error("the address must begin with https://")]
    Scheme,
    /// Plain HTTP to another machine.
    #[error(
        "http:// is allowed to this machine alone (127.0.0.1, ::1, localhost): use https://, or allow plain HTTP explicitly"
    )]
    PlainHttp,
    /// A user name, password, query or fragment.
    #[error("the address must have no user name, password, query or fragment")]
    Extra,
}

impl ServerUrl {
    /// Parses an address.
    ///
    /// # Errors
    /// [`ServerUrlError`].
    pub fn parse(text: &str) -> Result<Self, ServerUrlError> {
        let url = Self::read(text)?;
        if url.https || url.loopback { Ok(url) } else { Err(ServerUrlError::PlainHttp) }
    }

    /// Parses an address, plain HTTP to any machine included.
    ///
    /// # Errors
    /// [`ServerUrlError`], all but `PlainHttp`.
    pub fn parse_allowing_plain_http(text: &str) -> Result<Self, ServerUrlError> {
        Self::read(text)
    }

    fn read(text: &str) -> Result<Self, ServerUrlError> {
        let url = Url::parse(text).map_err(|_| ServerUrlError::Form)?;
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(ServerUrlError::Scheme),
        };
        let host = url.host_str().ok_or(ServerUrlError::Form)?;
        let extra = url.query().is_some() || url.fragment().is_some();
        if extra || !url.username().is_empty() || url.password().is_some() {
            return Err(ServerUrlError::Extra);
        }
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let loopback = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        Ok(Self { base: url.as_str().trim_end_matches('/').to_owned(), https, loopback })
    }

    /// The address, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.base
    }

    /// The address without its path, if it has one.
    pub fn without_path(&self) -> Option<&str> {
        let host = self.base.find("://")? + "://".len();
        let path = self.base.get(host..)?.find('/')?;
        self.base.get(..host + path)
    }

    /// Whether this and another are of one host and port, so that who sees what is asked of the one sees the other too.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        let origin = |url: &Self| url.without_path().unwrap_or(&url.base).to_owned();
        origin(self) == origin(other)
    }

    /// Whether the way there is encrypted.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Whether it is on this machine, by its name or address.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// The address of a path, which begins with a slash.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

impl FromStr for ServerUrl {
    type Err = ServerUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_anywhere_and_http_here() {
        for (text, base) in [
            ("https://Ceknik.example.ORG", "https://ceknik.example.org"),
            ("https://ceknik.example.org:8443/lists/", "https://ceknik.example.org:8443/lists"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("http://127.9.9.9", "http://127.9.9.9"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("http://localhost:8080", "http://localhost:8080"),
        ] {
            assert_eq!(ServerUrl::parse(text).unwrap().as_str(), base);
        }
        assert_eq!(ServerUrl::parse("https://a/x/").unwrap().join("/v1/policy"), "https://a/x/v1/policy");
        for (text, without) in [
            ("https://a", None),
            ("https://a:8443/", None),
            ("https://a/x/", Some("https://a")),
            ("http://[::1]:8080/v1/datasets", Some("http://[::1]:8080")),
        ] {
            assert_eq!(ServerUrl::parse(text).unwrap().without_path(), without, "{text}");
        }
        let beside = |a, b| ServerUrl::parse(a).unwrap().is_beside(&ServerUrl::parse(b).unwrap());
        assert!(beside("https://a/x", "https://A:443/y/") && beside("http://[::1]:80", "http://[::1]/"));
        assert!(!beside("https://a", "https://a:8443") && !beside("https://a", "https://a.b"));
    }

    #[test]
    fn everything_else_is_refused() {
        use ServerUrlError::{Extra, Form, PlainHttp, Scheme};
        for (text, error) in [
            ("ceknik.example.org", Form),
            ("", Form),
            ("https://", Form),
            ("ftp://a", Scheme),
            ("file:///etc/passwd", Scheme),
            ("http://ceknik.example.org", PlainHttp),
            ("http://localhost.example.org", PlainHttp),
            ("http://127.0.0.1.example.org", PlainHttp),
            ("http://192.168.1.1", PlainHttp),
            ("https://user@a", Extra),
            ("https://user:word@a", Extra),
            ("https://a/?q", Extra),
            ("https://a/#f", Extra),
        ] {
            assert_eq!(ServerUrl::parse(text), Err(error), "{text}");
        }
        assert!(ServerUrl::parse_allowing_plain_http("http://192.168.1.1").is_ok());
    }
}
