//! The citizens' page, as browsers and others get it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;

use ceknik_core::encoding::hex;
use ceknikd::{Config, ServiceState};
use sha2::{Digest, Sha256};

use crate::sockets::Running;
use crate::support::{Answer, Home, JAKARTA, Service, good_body};

const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const REVALIDATED: &str = "no-cache";
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
                      img-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const POLICY_OF_THE_SERVICE: &str = "default-src 'none'; frame-ancestors 'none'";

/// Name, type, cache, whether it shrinks.
const FILES: [(&str, &str, &str, bool); 13] = [
    ("index.html", "text/html; charset=utf-8", REVALIDATED, true),
    ("404.html", "text/html; charset=utf-8", REVALIDATED, true),
    ("cara-kerja/index.html", "text/html; charset=utf-8", REVALIDATED, true),
    ("sw.js", "text/javascript; charset=utf-8", REVALIDATED, true),
    ("manifest.webmanifest", "application/manifest+json", REVALIDATED, true),
    ("robots.txt", "text/plain; charset=utf-8", REVALIDATED, true),
    ("favicon.ico", "image/vnd.microsoft.icon", REVALIDATED, false),
    ("assets/index-Ab_3.js", "text/javascript; charset=utf-8", IMMUTABLE, true),
    ("assets/index-Ab_3.css", "text/css; charset=utf-8", IMMUTABLE, true),
    ("assets/ceknik_bg-x.wasm", "application/wasm", IMMUTABLE, true),
    ("assets/icon-x.svg", "image/svg+xml", IMMUTABLE, true),
    ("assets/icon-x.png", "image/png", IMMUTABLE, false),
    ("assets/deep/er/font-x.woff2", "font/woff2", IMMUTABLE, false),
];

/// What stands in a file: of text something that shrinks, with its name in it.
fn content(name: &str) -> Vec<u8> {
    format!("{name} ").repeat(100).into_bytes()
}

fn page_of(home: &Home, more: &[(&str, &str)]) -> Config {
    home.page(&FILES.map(|(name, ..)| (name, content(name))));
    Config { page: Some(home.page(more)), ..home.config() }
}

fn with_page(home: &Home) -> Service {
    home.open_with(page_of(home, &[]))
}

/// All headers, by name.
fn headers(answer: &Answer) -> BTreeMap<&str, &str> {
    let headers = answer.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let by_name: BTreeMap<_, _> = headers.collect();
    assert_eq!(by_name.len(), answer.headers.len(), "none twice");
    by_name
}

/// What goes with every answer of the page.
fn common() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("access-control-allow-origin", "*"),
        ("access-control-expose-headers", "etag, retry-after"),
        ("content-security-policy", POLICY),
        ("cross-origin-opener-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ])
}

#[tokio::test]
async fn each_file_comes_with_these_headers_and_no_others() {
    let home = Home::published();
    let service = with_page(&home);
    let directories =
        [("/", "index.html"), ("/cara-kerja/", "cara-kerja/index.html")].map(|(path, name)| (path.to_owned(), name));
    let names = FILES.map(|(name, ..)| (format!("/{name}"), name));
    for (path, name) in directories.into_iter().chain(names) {
        let (_, media_type, cache, shrinks) = FILES.into_iter().find(|file| file.0 == name).unwrap();
        let bytes = content(name);
        let tag = format!("\"{}\"", hex(&Sha256::digest(&bytes)));
        let length = bytes.len().to_string();
        let mut want = common();
        want.extend([
            ("cache-control", cache),
            ("content-length", &*length),
            ("content-type", media_type),
            ("etag", &*tag),
        ]);
        if shrinks {
            want.insert("vary", "accept-encoding");
        }
        for (method, range) in [("GET", ""), ("HEAD", ""), ("GET", "bytes=0-1")] {
            let answer = service.ask(method, &path, &[("range", range)]).await;
            assert_eq!(answer.status, 200, "{method} {path}");
            assert_eq!(headers(&answer), want, "{method} {path}");
            assert!(answer.body == if method == "HEAD" { Vec::new() } else { bytes.clone() }, "{method} {path}");
        }
        // The question is not the file's.
        assert!(service.get(&format!("{path}?x=1")).await.body == bytes, "{path}");

        let known = service.ask("GET", &path, &[("if-none-match", &tag)]).await;
        assert_eq!((known.status.as_u16(), known.body.len()), (304, 0), "{path}");
        let mut want = common();
        want.extend([("cache-control", cache), ("etag", &*tag)]);
        if shrinks {
            want.insert("vary", "accept-encoding");
        }
        let mut got = headers(&known);
        // The layer below takes it away.
        assert_eq!(got.remove("content-length"), Some("0"), "{path}");
        assert_eq!(got, want, "{path}");
        assert_eq!(service.ask("HEAD", &path, &[("if-none-match", &tag)]).await.status, 304, "{path}");
        assert_eq!(service.ask("GET", &path, &[("if-none-match", "\"x\"")]).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn text_and_webassembly_are_compressed_for_whoever_takes_that() {
    let home = Home::published();
    let service = with_page(&home);
    for (name, media_type, cache, shrinks) in FILES {
        let path = format!("/{name}");
        let bytes = content(name);
        let sha256 = hex(&Sha256::digest(&bytes));
        let packed = service.ask("GET", &path, &[("accept-encoding", "br;q=1, gzip;q=0.5")]).await;
        assert_eq!(packed.status, 200, "{path}");
        assert_eq!((packed.header("content-type"), packed.header("cache-control")), (media_type, cache), "{path}");
        assert_eq!(packed.header("content-security-policy"), POLICY);
        if !shrinks {
            assert!(packed.body == bytes && !packed.headers.contains_key("content-encoding"), "{path}");
            continue;
        }
        assert_eq!((packed.header("content-encoding"), packed.header("vary")), ("gzip", "accept-encoding"), "{path}");
        let tag = format!("\"{sha256}-gzip\"");
        assert_eq!(packed.header("etag"), tag);
        assert!(packed.body.len() < bytes.len());
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&packed.body[..]).read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == bytes, "{path}");
        let head = service.ask("HEAD", &path, &[("accept-encoding", "gzip")]).await;
        assert_eq!(head.header("content-length"), packed.body.len().to_string());
        for coding in ["gzip;q=0", "gzip;q=0, *", "*;q=0", "identity", "br"] {
            let plain = service.ask("GET", &path, &[("accept-encoding", coding)]).await;
            assert!(plain.body == bytes && !plain.headers.contains_key("content-encoding"), "{path} {coding}");
        }
        // A tag is of one form of the file.
        let plain_tag = format!("\"{sha256}\"");
        for (tag, coding, status) in
            [(&tag, "gzip", 304), (&tag, "", 200), (&plain_tag, "", 304), (&plain_tag, "gzip", 200)]
        {
            let answer = service.ask("GET", &path, &[("if-none-match", tag), ("accept-encoding", coding)]).await;
            assert_eq!(answer.status, status, "{path} {tag} {coding}");
        }
    }
}

#[tokio::test]
async fn files_have_one_path_each() {
    let home = Home::published();
    fs::write(home.path().join("secret"), "secret").unwrap();
    let service = with_page(&home);
    for path in [
        "/../secret",
        "/..%2fsecret",
        "/%2e%2e/secret",
        "/%2e%2e%2fsecret",
        "/assets/../../secret",
        "/assets/..%2f..%2fsecret",
        "/assets/..%5c..%5csecret",
        "/assets/../index.html",
        "/./index.html",
        "/index.html%00",
        "/index.html%00.js",
        "/%00",
        "/%69ndex.html",
        "/%ff",
        "//index.html",
        "//",
        "/assets//index-Ab_3.js",
        "/assets/index-Ab_3.js/",
        "/assets/index-ab_3.js",
        "/assets",
        "/assets/",
        "/cara-kerja",
        "/cara-kerja//",
        "/index.htm",
        "/Index.html",
        "/.env",
        "/page/index.html",
        "/secret",
        "/public/policy",
        "/keys/oprf/jakarta-2024.1.key",
    ] {
        let answer = service.get(path).await;
        answer.problem(404, "not-found");
        assert_eq!(answer.header("content-security-policy"), POLICY_OF_THE_SERVICE, "{path}");
    }
}

#[tokio::test]
async fn a_person_who_asks_for_what_is_not_there_gets_a_page_and_a_program_a_problem() {
    let browser = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8"), ("accept-encoding", "gzip")];
    let home = Home::published();
    let service = with_page(&home);
    for path in ["/nowhere", "/cara-kerja", "/v2/datasets", "/..%2fsecret", "/%00"] {
        let answer = service.ask("GET", path, &browser).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.body == content("404.html"), "{path}");
        let mut want = common();
        want.extend([("cache-control", "no-cache"), ("content-type", "text/html; charset=utf-8"), ("vary", "accept")]);
        let mut got = headers(&answer);
        got.remove("content-length");
        assert_eq!(got, want, "{path}");
        for accept in ["*/*", "application/json", "text/html;q=0, */*", ""] {
            service.ask("GET", path, &[("accept", accept)]).await.problem(404, "not-found");
        }
        service.ask("POST", path, &browser).await.problem(404, "not-found");
    }
    // It counts as the problem that it stands for.
    let metrics = service.state.metrics_text().unwrap();
    assert!(metrics.contains("ceknikd_refused_total{reason=\"not-found\"} 30"), "{metrics}");
    // Where the service's own paths are, the answers are its own.
    for path in ["/v1", "/v1/", "/v1/datasets/", "/v1/other/manifest", "/log/x", "/log/tile/x", "/healthz/"] {
        let answer = service.ask("GET", path, &browser).await;
        answer.problem(404, "not-found");
        assert_eq!(answer.header("content-security-policy"), POLICY_OF_THE_SERVICE);
    }
    // A page without such a file, and no page.
    for page in [true, false] {
        let home = Home::published();
        let config = Config { page: page.then(|| home.page(&[("index.html", "x")])), ..home.config() };
        home.open_with(config).ask("GET", "/nowhere", &browser).await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn the_page_never_stands_before_the_service() {
    let home = Home::published();
    let (alone, beside) = (home.open(), Home::published());
    let with = with_page(&beside);
    for path in ["/v1/datasets", "/v1/policy", "/log/checkpoint", "/openapi.json", "/healthz", "/readyz"] {
        let (without, with) = (alone.get(path).await, with.get(path).await);
        assert_eq!((with.status.as_u16(), without.status.as_u16()), (200, 200), "{path}");
        for answer in [&without, &with] {
            assert_eq!(answer.header("content-security-policy"), POLICY_OF_THE_SERVICE, "{path}");
            assert_eq!(answer.header("cross-origin-opener-policy"), "", "{path}");
        }
        assert!(headers(&with).keys().eq(headers(&without).keys()), "{path}");
    }
    assert_eq!(with.evaluate(JAKARTA, good_body(&beside.publisher, 1)).await.status, 200);

    let document = alone.get("/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap().keys().filter(|path| *path != "/");
    let firsts: Vec<&str> = paths.map(|path| path.split('/').nth(1).unwrap()).collect();
    assert!(["v1", "log", "healthz", "readyz", "openapi.json"].iter().all(|name| firsts.contains(name)));
    for name in firsts {
        for file in [name.to_owned(), format!("{name}/index.html"), format!("{name}/a/b.js")] {
            let home = Home::published();
            let page = home.page(&[("index.html", "x"), (&file, "x")]);
            let refused = ServiceState::open(Config { page: Some(page.clone()), ..home.config() });
            let message = refused.err().unwrap().to_string();
            let page = page.display();
            assert_eq!(
                message,
                format!(
                    "--page {page}: {name}: the service itself answers at /{name}: rename it, and what refers to it"
                )
            );
        }
    }
}

#[test]
fn what_is_no_page_is_refused() {
    for (files, want) in [
        (&[][..], "there is no index.html: give the directory that the page's build wrote"),
        (&["assets/index.html"], "there is no index.html: give the directory that the page's build wrote"),
        (
            &["index.html", ".well-known/x"],
            ".well-known: what begins with a dot is not for everybody: take it out of the directory",
        ),
        (
            &["index.html", "config.json"],
            "config.json: must be an object whose `server` is empty or an address such as https://cek.example.org, in lower case",
        ),
    ] {
        let home = Home::published();
        let page = home.page(&files.iter().map(|name| (*name, *name)).collect::<Vec<_>>());
        fs::create_dir_all(&page).unwrap();
        let refused = ServiceState::open(Config { page: Some(page.clone()), ..home.config() });
        assert_eq!(refused.err().unwrap().to_string(), format!("--page {}: {want}", page.display()));
    }
    let home = Home::published();
    let page = home.path().join("nowhere");
    let refused = ServiceState::open(Config { page: Some(page.clone()), ..home.config() });
    let want = format!("--page {}: No such file or directory (os error 2)", page.display());
    assert_eq!(refused.err().unwrap().to_string(), want);
}

/// A page whose service is elsewhere may ask that one too, and nobody else.
#[tokio::test]
async fn the_service_of_the_configuration_can_be_asked() {
    for (config, want) in [
        (r#"{"server":"","policy":null,"datasets":null}"#, "connect-src 'self';"),
        (r#"{"server":"https://cek.example.org/nik"}"#, "connect-src 'self' https://cek.example.org;"),
    ] {
        let home = Home::published();
        let service = home.open_with(page_of(&home, &[("config.json", config)]));
        let served = service.get("/config.json").await;
        assert_eq!((&served.body[..], served.header("cache-control")), (config.as_bytes(), REVALIDATED));
        assert_eq!(served.header("content-type"), "application/json");
        let policy = POLICY.replace("connect-src 'self';", want);
        assert_eq!(service.get("/").await.header("content-security-policy"), policy);
    }
    // Without one, this address is meant, and the page takes the answer as that.
    with_page(&Home::published()).get("/config.json").await.problem(404, "not-found");
}

/// What operators are told to put on another host is what is sent from here.
#[tokio::test]
async fn other_hosts_are_told_to_send_the_same() {
    let document = include_str!("../../docs/operations.md");
    let (_, section) = document.split_once("\n## The citizens' page\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    // What stands in a step of the list is indented so far.
    let samples = || section.lines().filter_map(|line| line.strip_prefix("       "));
    let config = samples().find(|line| line.starts_with("{\"server\": ")).unwrap();
    let home = Home::published();
    let mut settings = page_of(&home, &[("config.json", config)]);
    settings.hsts_seconds = Some(31_536_000);
    let service = home.open_with(settings);
    let page = service.get("/").await;
    let told: Vec<(String, &str)> = samples()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()))
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value))
        .collect();
    assert_eq!(told.len(), 6, "{told:?}");
    for (name, value) in told {
        assert_eq!(page.header(&name), value, "{name}");
    }
    // And which names a page cannot have.
    let (_, own) = section.split_once("the service's own paths (").unwrap();
    let own: BTreeSet<&str> = own.split_once(')').unwrap().0.split('`').skip(1).step_by(2).collect();
    let document = service.get("/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap().keys().filter(|path| *path != "/");
    let firsts: BTreeSet<String> = paths.map(|path| format!("/{}", path.split('/').nth(1).unwrap())).collect();
    assert!(own.iter().eq(&firsts), "{own:?}");
}

#[tokio::test]
async fn it_is_read_when_the_service_starts_and_not_again() {
    let home = Home::published();
    let service = with_page(&home);
    fs::write(home.path().join("page/index.html"), "other").unwrap();
    fs::write(home.path().join("page/new.html"), "new").unwrap();
    fs::remove_dir_all(home.path().join("page/assets")).unwrap();
    assert!(service.get("/").await.body == content("index.html"));
    assert!(service.get("/assets/index-Ab_3.js").await.body == content("assets/index-Ab_3.js"));
    service.get("/new.html").await.problem(404, "not-found");
}

#[tokio::test]
async fn other_methods_and_preflights_are_answered_as_elsewhere() {
    let home = Home::published();
    let service = with_page(&home);
    for path in ["/", "/index.html", "/assets/index-Ab_3.js"] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let answer = service.ask(method, path, &[("accept", "text/html")]).await;
            answer.problem(405, "method-not-allowed");
            assert_eq!(answer.header("allow"), "GET,HEAD", "{method} {path}");
        }
        let asks = [("origin", "https://page.example"), ("access-control-request-method", "GET")];
        assert_eq!(service.ask("OPTIONS", path, &asks).await.header("access-control-allow-methods"), "GET, HEAD");
    }
}

/// In metrics all files are one route; which of them was asked for is nowhere.
#[tokio::test]
async fn files_are_counted_together() {
    let home = Home::published();
    let service = with_page(&home);
    for path in ["/", "/index.html", "/assets/index-Ab_3.js", "/cara-kerja/"] {
        assert_eq!(service.get(path).await.status, 200);
    }
    let metrics = service.state.metrics_text().unwrap();
    let requests: Vec<&str> = metrics.lines().filter(|line| line.starts_with("ceknikd_requests_total{")).collect();
    assert_eq!(requests, ["ceknikd_requests_total{route=\"page\",method=\"GET\",status=\"200\"} 4"]);
    for part in ["index", "assets", "cara"] {
        assert!(!metrics.contains(part), "{part} in\n{metrics}");
    }
}

/// The page takes its turn among what is static.
#[tokio::test]
async fn files_have_no_place_of_their_own() {
    let home = Home::published();
    let mut config = page_of(&home, &[]);
    config.server.requests = 0;
    let service = home.open_with(config);
    service.get("/").await.problem(503, "overloaded");
    service.get("/sw.js").await.problem(503, "overloaded");
    assert_eq!(service.get("/healthz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_loads_it_over_one_connection() {
    let home = Home::published();
    fs::write(home.path().join("secret"), "secret").unwrap();
    let service = Running::start(page_of(&home, &[])).await;
    let mut browser = service.connect().await;
    for (name, _, cache, shrinks) in FILES {
        let answer = browser.get_with(&format!("/{name}"), "accept-encoding: gzip\r\n").await.unwrap();
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some(cache)), "{name}");
        assert_eq!(answer.header("content-security-policy"), Some(POLICY));
        assert_eq!((answer.header("set-cookie"), answer.header("server")), (None, None));
        assert_eq!(answer.header("content-encoding"), shrinks.then_some("gzip"), "{name}");
        let mut bytes = Vec::new();
        match shrinks {
            true => drop(flate2::read::GzDecoder::new(&answer.body[..]).read_to_end(&mut bytes).unwrap()),
            false => bytes = answer.body,
        }
        assert!(bytes == content(name), "{name}");
    }
    let tag = browser.get("/").await.unwrap().header("etag").unwrap().to_owned();
    let known = browser.get_with("/", &format!("if-none-match: {tag}\r\n")).await.unwrap();
    assert_eq!((known.status, known.body.len(), known.header("content-length")), (304, 0, None));
    let whole = browser.get_with("/", "range: bytes=0-3\r\n").await.unwrap();
    assert!(whole.status == 200 && whole.body == content("index.html"));
    // As they stand on the wire, where no client tidies them up.
    for path in
        ["/../secret", "/assets/../../secret", "/..%2fsecret", "//secret", "/index.html%00", "http://test/secret"]
    {
        let answer = service.connect().await.get(path).await.unwrap();
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.text().contains("secret"), "{path}");
    }
    assert!(service.connect().await.get("http://test/").await.unwrap().body == content("index.html"));
    // No character of a path.
    let answer = service.connect().await.get("/index.html\0").await;
    assert!(answer.is_none_or(|answer| answer.status == 400));
}
