//! The native driver over real sockets.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method as HttpMethod, Uri};
use axum::response::{IntoResponse, Response as HttpResponse};
use ceknik_client::{
    Answer, Cache, CacheMode, Client, ClientConfig, ClientError, Inquiry, Method, Observer, Progress, Reason, Report,
    Request, Response, ServerUrl, Settings, Tells, Ticket, Warning,
};
use ceknik_core::encoding::{base64url, hex};
use ceknik_core::log::Policy;
use ceknik_core::manifest::Id;
use ceknik_core::time::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::publisher::{DATASET, Epoch, Publisher, nik};
use crate::service::Service;

/// What the service got: method, path, headers, body.
type Seen = Arc<Mutex<Vec<(String, String, HeaderMap, Vec<u8>)>>>;

/// A publisher whose first epoch is of this hour.
fn published(epoch: &Epoch) -> Publisher {
    let mut publisher = Publisher::new();
    let mut manifest = publisher.lay_out(1, epoch);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    manifest.published_at = Timestamp::from_unix(now - 60).unwrap();
    manifest.valid_until = Timestamp::from_unix(now + 3600).unwrap();
    publisher.log(manifest);
    publisher
}

async fn serve(publisher: Publisher) -> (SocketAddr, Seen) {
    let seen = Seen::default();
    let publisher = Arc::new(publisher);
    let kept = seen.clone();
    let handler = move |method: HttpMethod, uri: Uri, headers: HeaderMap, body: Bytes| async move {
        kept.lock().unwrap().push((method.to_string(), uri.to_string(), headers.clone(), body.to_vec()));
        answer(&publisher, &method, uri.path(), &headers, &body)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(handler)).await });
    (address, seen)
}

fn answer(publisher: &Publisher, method: &HttpMethod, path: &str, headers: &HeaderMap, body: &[u8]) -> HttpResponse {
    let post = method == HttpMethod::POST;
    if post {
        assert_eq!(headers["content-type"], "application/json");
    }
    let request = Request {
        ticket: Ticket::from_number(0),
        method: if post { Method::Post } else { Method::Get },
        mirror: None,
        path: path.to_owned(),
        body: post.then(|| String::from_utf8(body.to_vec()).unwrap()),
        max_bytes: u64::MAX,
        cache: CacheMode::NoStore,
        tells: Tells::PublicFile,
    };
    let Response::Received { status, body, .. } = Service::new(publisher).serve(&request) else {
        panic!("no response")
    };
    let status = axum::http::StatusCode::from_u16(status).unwrap();
    let gzip = headers.get("accept-encoding").is_some_and(|value| value.to_str().unwrap().contains("gzip"));
    if gzip && path.contains("/filter/") && status.is_success() {
        return (status, [("content-encoding", "gzip")], gzipped(&body)).into_response();
    }
    (status, body).into_response()
}

fn gzipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn client(address: SocketAddr, dir: Option<&tempfile::TempDir>) -> Client {
    let config = ClientConfig::new(ServerUrl::parse(&format!("http://{address}/")).unwrap());
    Client::new(match dir {
        Some(dir) => config.with_cache(Cache::open(dir.path()).unwrap()),
        None => config,
    })
}

/// For services that never answer.
fn impatient(address: SocketAddr) -> Client {
    let mut config = ClientConfig::new(ServerUrl::parse(&format!("http://{address}")).unwrap());
    config.timeouts.idle = Duration::from_millis(300);
    config.timeouts.response = Duration::from_millis(900);
    Client::new(config)
}

fn inquiry(niks: impl IntoIterator<Item = u32>, policy: Option<&str>) -> Inquiry {
    Inquiry {
        dataset: Id::new(DATASET).unwrap(),
        niks: niks.into_iter().map(nik).collect(),
        policy: policy.map(|text| Policy::parse(text.as_bytes()).unwrap()),
        settings: Settings { accept_weak: true, patience_seconds: 2, ..Settings::default() },
    }
}

fn codes(report: &Report) -> Vec<String> {
    report
        .outcomes
        .iter()
        .map(|outcome| match &outcome.answer {
            Answer::NoAnswer(no_answer) => format!("no_answer {}", no_answer.reason.code()),
            answer => answer.code().to_owned(),
        })
        .collect()
}

#[derive(Default)]
struct Watching {
    progress: Vec<Progress>,
    requests: usize,
    bytes: u64,
    cache_failures: Vec<String>,
}

impl Observer for Watching {
    fn progress(&mut self, progress: &Progress) {
        self.progress.push(*progress);
    }
    fn request(&mut self, _request: &Request) {
        self.requests += 1;
    }
    fn receiving(&mut self, _ticket: Ticket, bytes: u64, _of: Option<u64>) {
        self.bytes = self.bytes.max(bytes);
    }
    fn cache_failed(&mut self, error: &ceknik_client::CacheError) {
        self.cache_failures.push(error.to_string());
    }
}

#[tokio::test]
async fn a_whole_check_and_what_went_over_the_wire() {
    let epoch = Epoch { cover_percent: 100, ..Epoch::default() };
    let publisher = published(&epoch);
    let (miss, hit) =
        (publisher.unlisted(&epoch, false).next().unwrap(), publisher.unlisted(&epoch, true).next().unwrap());
    let policy = publisher.policy_text();
    let (address, seen) = serve(publisher.clone()).await;
    let dir = tempfile::tempdir().unwrap();
    let mut watching = Watching::default();
    let client = client(address, Some(&dir));
    let report = client.check(inquiry([7, miss, hit], Some(&policy)), &mut watching).await.unwrap();
    assert_eq!(codes(&report), ["listed", "not_listed", "not_listed"]);
    let seen = seen.lock().unwrap();
    assert_eq!((report.exchanges.len(), watching.requests), (seen.len(), seen.len()));
    for (method, path, headers, body) in seen.iter() {
        let exchange = report.exchanges.iter().find(|exchange| exchange.path == *path).unwrap();
        assert_eq!((exchange.method.as_str(), exchange.status), (method.as_str(), Some(200)));
        assert_eq!(exchange.body.as_deref().unwrap_or_default().as_bytes(), body);
        for absent in ["cookie", "referer", "authorization", "origin", "if-none-match", "range"] {
            assert!(!headers.contains_key(absent), "{absent}");
        }
        let encoding = headers["accept-encoding"].to_str().unwrap();
        let compressible = !path.contains("/buckets/") && !path.contains("/evaluate");
        assert_eq!(encoding, if compressible { "gzip" } else { "identity" });
    }
    // The filter came compressed, and is counted as what it is.
    let filter = report.exchanges.iter().find(|exchange| exchange.path.contains("/filter/")).unwrap();
    assert_eq!(filter.received_bytes, publisher.current().filter.as_ref().unwrap().geometry.shard_bytes());
    assert_eq!(watching.bytes, filter.received_bytes);
    assert!(watching.progress.contains(&Progress::Stretched { done: 3, of: 3 }));
    assert!(watching.cache_failures.is_empty());
}

#[tokio::test]
async fn the_cache_serves_the_next_check_and_holds_no_nik() {
    let epoch = Epoch::default();
    let publisher = published(&epoch);
    let miss = publisher.unlisted(&epoch, false).next().unwrap();
    let (address, seen) = serve(publisher.clone()).await;
    let dir = tempfile::tempdir().unwrap();
    let first = client(address, Some(&dir)).check(inquiry([7, miss], None), &mut ()).await.unwrap();
    assert!(first.pinned_now());
    seen.lock().unwrap().clear();
    let again = client(address, Some(&dir)).check(inquiry([miss], None), &mut ()).await.unwrap();
    assert_eq!(codes(&again), ["not_listed"]);
    assert!(!again.pinned_now() && again.trust.is_some());
    let paths: Vec<_> = seen.lock().unwrap().iter().map(|(_, path, ..)| path.clone()).collect();
    assert_eq!(paths, ["/v1/jakarta-2024/manifest"]);
    let mut offline = inquiry([7, miss], None);
    offline.settings.offline = true;
    let offline = client(address, Some(&dir)).check(offline, &mut ()).await.unwrap();
    assert_eq!(codes(&offline), ["maybe", "not_listed"]);
    assert_eq!(seen.lock().unwrap().len(), 1);

    let mut content = Vec::new();
    let mut dirs = vec![dir.path().to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            content.extend(entry.file_name().into_encoded_bytes());
            if entry.file_type().unwrap().is_dir() {
                dirs.push(entry.path());
            } else {
                content.extend(std::fs::read(entry.path()).unwrap());
            }
        }
    }
    let holds = |needle: &[u8]| content.windows(needle.len()).any(|window| window == needle);
    assert!(holds(publisher.policy_text().as_bytes()), "the search finds what is there");
    for n in [7, miss] {
        let h = publisher.stretched(n);
        let y = crate::publisher::oprf_key(1).evaluate(&h.oprf_input());
        assert!(!holds(nik(n).expose_digits()));
        let (item, locator) = (h.filter_item(), y.locator());
        let secrets: [&[u8]; 4] = [h.expose_bytes(), item.expose_bytes(), y.expose_bytes(), locator.expose_bytes()];
        for secret in secrets {
            assert!(!holds(secret) && !holds(hex(secret).as_bytes()) && !holds(base64url(secret).as_bytes()));
        }
    }
}

#[tokio::test]
async fn many_niks_on_all_cores() {
    let publisher = published(&Epoch::default());
    let (address, _) = serve(publisher.clone()).await;
    let report = client(address, None).check(inquiry(0..40, None), &mut ()).await.unwrap();
    assert!(codes(&report).iter().all(|code| code == "listed"));
}

#[tokio::test]
async fn a_service_that_is_not_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let report = client(address, None).check(inquiry([7], None), &mut ()).await.unwrap();
    assert_eq!(codes(&report), ["no_answer unreachable"]);
}

/// Answers every connection with these bytes, then does as `end` says.
async fn canned(bytes: Vec<u8>, end: End) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let bytes = bytes.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(&bytes).await;
                match end {
                    End::Close => {}
                    End::Hang => tokio::time::sleep(Duration::from_secs(60)).await,
                    End::Flood => {
                        let chunk = [&b"10000\r\n"[..], &[b' '; 0x10000], b"\r\n"].concat();
                        while stream.write_all(&chunk).await.is_ok() {}
                    }
                    End::Drip => {
                        while stream.write_all(b"1\r\n \r\n").await.is_ok() {
                            tokio::time::sleep(Duration::from_millis(100)).await;
                        }
                    }
                }
            });
        }
    });
    address
}

#[derive(Clone, Copy)]
enum End {
    Close,
    Hang,
    /// Chunks without an end.
    Flood,
    /// A byte now and then, without an end.
    Drip,
}

async fn reason(bytes: Vec<u8>, end: End) -> Reason {
    let address = canned(bytes, end).await;
    let report = client(address, None).check(inquiry([7], None), &mut ()).await.unwrap();
    match &report.outcomes[0].answer {
        Answer::NoAnswer(no_answer) => no_answer.reason,
        answer => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn responses_without_an_end_or_without_a_beginning() {
    let head = |headers: &str| format!("HTTP/1.1 200 OK\r\n{headers}\r\n").into_bytes();
    // Announced too long, and not read.
    assert_eq!(reason(head("Content-Length: 1000000000\r\n"), End::Hang).await, Reason::ResponseTooLong);
    // Not announced.
    assert_eq!(reason(head("Transfer-Encoding: chunked\r\n"), End::Flood).await, Reason::ResponseTooLong);
    // 300 MB of blanks in 300 KB.
    let mut bomb = gzipped(&vec![b' '; 300 << 20]);
    let mut response = head(&format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", bomb.len()));
    response.append(&mut bomb);
    assert_eq!(reason(response, End::Close).await, Reason::ResponseTooLong);
    // Shorter than announced, broken gzip, nothing at all, nothing ever.
    let mut short = head("Content-Length: 100\r\n");
    short.extend(b"log");
    assert_eq!(reason(short, End::Close).await, Reason::Interrupted);
    let mut broken = head("Content-Encoding: gzip\r\nContent-Length: 10\r\n");
    broken.extend(b"0123456789");
    assert_eq!(reason(broken, End::Close).await, Reason::Interrupted);
    assert_eq!(reason(Vec::new(), End::Close).await, Reason::Interrupted);
}

#[tokio::test]
async fn responses_that_take_too_long() {
    let begun = Instant::now();
    let address = canned(Vec::new(), End::Hang).await;
    let report = impatient(address).check(inquiry([7], None), &mut ()).await.unwrap();
    assert_eq!(codes(&report), ["no_answer timed_out"]);
    let drip = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    // Never idle for long, and over the time for a whole response, which the longest manifest makes 3 seconds longer.
    let address = canned(drip, End::Drip).await;
    let mut check = inquiry([7], Some(&published(&Epoch::default()).policy_text()));
    check.settings.patience_seconds = 0;
    let report = impatient(address).check(check, &mut ()).await.unwrap();
    assert_eq!(codes(&report), ["no_answer timed_out"]);
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (other, seen) = serve(published(&Epoch::default())).await;
    let redirect = format!("HTTP/1.1 302 Found\r\nLocation: http://{other}/v1/policy\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(reason(redirect.into_bytes(), End::Close).await, Reason::UnexpectedStatus);
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_long_error_page_is_still_an_error() {
    let mut page = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3600\r\nContent-Length: 100000\r\n\r\n".to_vec();
    page.resize(page.len() + 100_000, b'x');
    assert_eq!(reason(page, End::Close).await, Reason::ServiceUnavailable);
}

#[tokio::test]
async fn a_cache_that_cannot_be_used() {
    let publisher = published(&Epoch::default());
    let policy = publisher.policy_text();
    let (address, _) = serve(publisher).await;
    let dir = tempfile::tempdir().unwrap();
    let client = client(address, Some(&dir));
    // A file stands where the directory of the services would.
    let warm = client.check(inquiry([7], Some(&policy)), &mut ()).await.unwrap();
    assert_eq!(codes(&warm), ["listed"]);
    let servers = dir.path().join("servers");
    std::fs::remove_dir_all(&servers).unwrap();
    std::fs::write(&servers, b"in the way").unwrap();
    // With a policy the check goes on; without, the service would be trusted anew.
    let mut watching = Watching::default();
    let report = client.check(inquiry([7], Some(&policy)), &mut watching).await.unwrap();
    assert_eq!(codes(&report), ["listed"]);
    assert!(!watching.cache_failures.is_empty());
    let refused = client.check(inquiry([7], None), &mut ()).await.unwrap_err();
    assert!(matches!(refused, ClientError::Cache(_)), "{refused}");
}

#[tokio::test]
async fn a_service_that_goes_away_leaves_the_cached_list() {
    let epoch = Epoch::default();
    let publisher = published(&epoch);
    let miss = publisher.unlisted(&epoch, false).next().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (address, _) = serve(publisher).await;
    client(address, Some(&dir)).check(inquiry([], None), &mut ()).await.unwrap();
    // Another place under the same name: the cache goes by the address, so a service at it is stopped instead.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = listener.local_addr().unwrap();
    drop(listener);
    let server_dir = || {
        let entries = std::fs::read_dir(dir.path().join("servers")).unwrap().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let here = server_dir();
    let _ = client(gone, Some(&dir)).check(inquiry([], None), &mut ()).await.unwrap();
    let target = server_dir().into_iter().find(|path| !here.contains(path)).unwrap();
    std::fs::remove_dir_all(&target).unwrap();
    std::fs::rename(&here[0], &target).unwrap();
    let report = client(gone, Some(&dir)).check(inquiry([7, miss], None), &mut ()).await.unwrap();
    assert_eq!(codes(&report), ["maybe", "not_listed"]);
    assert!(report.outcomes.iter().all(|outcome| outcome.warnings.contains(&Warning::ServiceUnreachable)));
}

#[tokio::test]
async fn https_is_ready() {
    // Builds the TLS client with the machine's certificates; there is no such server to answer.
    let config = ClientConfig::new(ServerUrl::parse("https://127.0.0.1:9").unwrap());
    let report = Client::new(config).check(inquiry([7], None), &mut ()).await.unwrap();
    assert_eq!(codes(&report), ["no_answer unreachable"]);
}

/// A listener that answers whatever it is sent with these bytes.
fn answering(bytes: &'static [u8]) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            // Who asked may be gone already.
            let _ = stream.read(&mut [0; 4096]).and_then(|_| stream.write_all(bytes));
        }
    });
    address
}

/// With the wrong scheme, or the wrong port, the message is not about the network.
#[tokio::test]
async fn the_wrong_scheme_is_told() {
    // Plain HTTP, and the alert of one who speaks TLS (RFC 8446, section 6): a message that was not expected.
    let http = answering(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    let tls = answering(&[21, 3, 3, 0, 2, 2, 10]);
    for (url, told) in [
        (
            format!("https://{http}"),
            "the service could not be reached (what answers there speaks no TLS: a network that wants a login first, another \
             port, or something on the way)",
        ),
        (
            format!("http://{tls}"),
            "the service could not be reached (what answers there speaks no HTTP: is its address one with https://, or with \
             another port?)",
        ),
    ] {
        let client = Client::new(ClientConfig::new(ServerUrl::parse(&url).unwrap()));
        let report = client.check(inquiry([7], None), &mut ()).await.unwrap();
        let Answer::NoAnswer(none) = &report.outcomes[0].answer else { panic!("{report:?}") };
        assert_eq!((none.reason.code(), none.to_string().as_str()), ("unreachable", told));
    }
}

#[test]
fn shards_of_earlier_lists_are_removed_and_an_earlier_list_is_not_put_back() {
    use ceknik_client::{Item, SeenList};
    let mut publisher = Publisher::new();
    let log = publisher.signer().verifier_key().to_string();
    let mut lists = Vec::new();
    for members in [40, 50] {
        publisher.publish(&Epoch { listed: (0..members).collect(), ..Epoch::default() });
        let manifest = publisher.current();
        let sha256 = manifest.filter.as_ref().unwrap().shards[0].sha256;
        let list = SeenList { manifest: manifest.to_bytes().unwrap(), proof: b"proof".to_vec() };
        let file = publisher.files[&format!("/v1/{DATASET}/filter/{}", hex(&sha256))].clone();
        lists.push((list, sha256, file));
    }
    let dir = tempfile::tempdir().unwrap();
    let server = ServerUrl::parse("https://ceknik.example.org").unwrap();
    let shelf = Cache::open(dir.path()).unwrap().shelf(&server, &Id::new(DATASET).unwrap());
    let item = |list: &SeenList| Item::List { log: log.clone(), list: list.clone() };
    for (list, sha256, file) in &lists {
        shelf.store(&item(list)).unwrap();
        shelf.store(&Item::Shard { log: log.clone(), sha256: *sha256, file: file.clone() }).unwrap();
        assert_eq!(shelf.shard(sha256).as_ref(), Some(file));
    }
    assert_eq!(shelf.shard(&lists[0].1), None);
    // A process that began earlier ends later.
    shelf.store(&item(&lists[0].0)).unwrap();
    assert_eq!(shelf.load().unwrap().seen.lists, [lists[1].0.clone()]);
    assert!(shelf.shard(&lists[1].1).is_some());
}
