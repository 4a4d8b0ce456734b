//! The citizens' page: static files of one directory, read whole when the service starts and held as they were then.
//!
//! What is served is a map from paths, each in its one spelling, to bytes. No path of a request ever reaches the disk.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::HeaderValue;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;

use crate::config::origin;
use crate::publication::Document;
use crate::reply::{HTML, IMMUTABLE, JSON, OCTETS, TEXT};
use crate::routes;

mod directory;

pub use directory::PageError;

/// What a browser is given for the address itself and for that of a directory.
const INDEX: &str = "index.html";
/// What a browser is given for paths that nothing has.
const NOT_FOUND: &str = "404.html";
/// Says where the service is, when it is elsewhere.
const CONFIG: &str = "config.json";
/// Below it the build names files by a hash of their content.
const HASHED: &str = "assets/";
/// To be asked for anew each time, which costs an answer without a body while nothing changed.
pub(crate) const REVALIDATED: &str = "no-cache";

/// A file as it is served.
pub(crate) struct PageFile {
    pub(crate) plain: Document,
    /// The same compressed, where that is less.
    pub(crate) gzip: Option<Bytes>,
    pub(crate) media_type: &'static str,
    pub(crate) cache: &'static str,
}

impl PageFile {
    /// `name` is relative to the directory.
    fn new(name: &str, bytes: Vec<u8>) -> Self {
        let (media_type, compressible) = media_type(name);
        let gzip = if compressible { compressed(&bytes) } else { None };
        let cache = if name.starts_with(HASHED) { IMMUTABLE } else { REVALIDATED };
        Self { plain: Document::new(bytes), gzip, media_type, cache }
    }
}

/// By the end of a name, and whether it is worth compressing. What is not known is bytes, which browsers do not interpret.
fn media_type(name: &str) -> (&'static str, bool) {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "html" => (HTML, true),
        "js" | "mjs" => ("text/javascript; charset=utf-8", true),
        "css" => ("text/css; charset=utf-8", true),
        "wasm" => ("application/wasm", true),
        "json" | "map" => (JSON, true),
        "webmanifest" => ("application/manifest+json", true),
        "svg" => ("image/svg+xml", true),
        "txt" => (TEXT, true),
        "png" => ("image/png", false),
        "ico" => ("image/vnd.microsoft.icon", false),
        "woff2" => ("font/woff2", false),
        _ => (OCTETS, false),
    }
}

fn compressed(bytes: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().filter(|compressed| compressed.len() < bytes.len()).map(Bytes::from)
}

/// The page.
pub(crate) struct Page {
    /// By the path of a request.
    files: BTreeMap<String, Arc<PageFile>>,
    policy: HeaderValue,
}

impl Page {
    /// Reads a directory. Blocks on the disk.
    ///
    /// # Errors
    /// [`PageError`]: what is wrong with it, and what to do.
    pub(crate) fn read(dir: &Path) -> Result<Self, PageError> {
        let named = directory::read(dir)?;
        if !named.contains_key(INDEX) {
            return Err(PageError::NoIndex { dir: dir.to_owned() });
        }
        let taken = named.keys().find(|name| routes::is_api(&format!("/{name}")));
        if let Some(name) = taken {
            let name = name.split('/').next().unwrap_or(name).to_owned();
            return Err(PageError::OfTheService { dir: dir.to_owned(), name });
        }
        let elsewhere = match named.get(CONFIG) {
            Some(config) => service_elsewhere(config).ok_or_else(|| PageError::Config { dir: dir.to_owned() })?,
            None => None,
        };
        let mut files = BTreeMap::new();
        for (name, bytes) in named {
            let file = Arc::new(PageFile::new(&name, bytes));
            let path = format!("/{name}");
            if let Some(directory) = path.strip_suffix(INDEX).filter(|directory| directory.ends_with('/')) {
                files.insert(directory.to_owned(), Arc::clone(&file));
            }
            files.insert(path, file);
        }
        Ok(Self { files, policy: content_security_policy(elsewhere.as_ref()) })
    }

    /// Every path that it answers, and with what.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &Arc<PageFile>)> {
        self.files.iter().map(|(path, file)| (&**path, file))
    }

    /// Whether this path is one of the page's.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// For browsers that ask for what is not there.
    pub(crate) fn not_found(&self) -> Option<&Arc<PageFile>> {
        self.files.get(&format!("/{NOT_FOUND}"))
    }

    /// What browsers are to allow it.
    pub(crate) fn policy(&self) -> &HeaderValue {
        &self.policy
    }
}

#[derive(Deserialize)]
struct PageConfig {
    server: Option<String>,
}

/// The origin of the service that the page is configured for, if it is another than where the page came from. The outer none:
/// the configuration cannot be read.
fn service_elsewhere(config: &[u8]) -> Option<Option<HeaderValue>> {
    let PageConfig { server } = serde_json::from_slice(config).ok()?;
    let Some(server) = server.filter(|server| !server.is_empty()) else { return Some(None) };
    // Up to the path.
    let slashes = server.match_indices('/').nth(2);
    origin(slashes.map_or(&*server, |(end, _)| &server[..end])).map(Some)
}

/// Own files and the service, WebAssembly, no style or script within a document, no other site (CSP level 3).
fn content_security_policy(elsewhere: Option<&HeaderValue>) -> HeaderValue {
    let service = elsewhere.and_then(|origin| origin.to_str().ok()).map(|origin| format!(" {origin}"));
    let policy = format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; \
         connect-src 'self'{}; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        service.unwrap_or_default()
    );
    // Of fixed text and an origin that is a header value already; nothing is allowed should that ever change.
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_elsewhere_is_all_that_is_let_through() {
        for (config, want) in [
            ("{}", Some("")),
            (r#"{"server":"","policy":null}"#, Some("")),
            (r#"{"server":null}"#, Some("")),
            (r#"{"server":"https://cek.example.org"}"#, Some(" https://cek.example.org")),
            (r#"{"server":"https://cek.example.org/","datasets":["x"]}"#, Some(" https://cek.example.org")),
            (r#"{"server":"https://example.org:8443/cek/nik"}"#, Some(" https://example.org:8443")),
            (r#"{"server":"http://[::1]:8080/"}"#, Some(" http://[::1]:8080")),
            (r#"{"server":"*"}"#, None),
            (r#"{"server":"https://*/"}"#, None),
            (r#"{"server":"https://a.example b.example"}"#, None),
            (r#"{"server":"https://a.example; script-src *"}"#, None),
            (r#"{"server":"https://user@a.example"}"#, None),
            (r#"{"server":"cek.example.org"}"#, None),
            (r#"{"server":"/api"}"#, None),
            (r#"{"server":7}"#, None),
            ("", None),
        ] {
            let policy = service_elsewhere(config.as_bytes()).map(|origin| content_security_policy(origin.as_ref()));
            let want = want.map(|more| format!("connect-src 'self'{more};"));
            assert_eq!(policy.is_some(), want.is_some(), "{config}");
            if let (Some(policy), Some(want)) = (policy, want) {
                assert!(policy.to_str().unwrap().contains(&want), "{config}: {policy:?}");
            }
        }
    }

    #[test]
    fn types_are_by_the_end_of_the_name() {
        for (name, want) in [
            ("a.html", "text/html; charset=utf-8"),
            ("sw.js", "text/javascript; charset=utf-8"),
            ("a/b.min.css", "text/css; charset=utf-8"),
            ("assets/ceknik_bg-B4x_9.wasm", "application/wasm"),
            ("config.json", "application/json"),
            ("x.webmanifest", "application/manifest+json"),
            ("x.svg", "image/svg+xml"),
            ("x.png", "image/png"),
            ("favicon.ico", "image/vnd.microsoft.icon"),
            ("x.woff2", "font/woff2"),
            ("robots.txt", "text/plain; charset=utf-8"),
            ("SHA256SUMS", "application/octet-stream"),
            ("x.exe", "application/octet-stream"),
        ] {
            assert_eq!(PageFile::new(name, Vec::new()).media_type, want, "{name}");
        }
    }

    #[test]
    fn what_does_not_shrink_is_served_as_it_is() {
        assert!(PageFile::new("a.js", b"x".to_vec()).gzip.is_none());
        assert!(PageFile::new("a.js", b"x".repeat(1000)).gzip.is_some());
        assert!(PageFile::new("a.png", b"x".repeat(1000)).gzip.is_none());
    }
}
