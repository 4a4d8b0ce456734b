//! Connections: slow ones, greedy ones, many of them, and the end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ceknik_core::manifest::Manifest;
use ceknikd::{Config, StartError, run};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::http::{Connection, evaluate_head};
use crate::publication::EpochPlan;
use crate::support::{Home, JAKARTA, body, elements, good_body};

pub(crate) struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<Result<(), StartError>>,
}

impl Running {
    pub(crate) async fn start(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(run(listener, config, async {
            let _ = stopped.await;
        }));
        Self { address, stop: Some(stop), ended }
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection::open(self.address).await.unwrap()
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    async fn ended(self) {
        tokio::time::timeout(Duration::from_secs(30), self.ended).await.unwrap().unwrap().unwrap();
    }
}

fn quick(home: &Home) -> Config {
    let mut config = home.config();
    config.server.head_timeout = Duration::from_secs(1);
    config.server.body_timeout = Duration::from_secs(1);
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_answers_again_and_again() {
    let home = Home::published();
    let service = Running::start(home.config()).await;
    let mut connection = service.connect().await;
    for count in [1, 4, 16] {
        let answer = connection.evaluate(JAKARTA, &good_body(&home.publisher, count), "").await.unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(connection.get("/v1/jakarta-2024/epochs/1/buckets/3").await.unwrap().status, 200);
        assert_eq!(connection.get("/nowhere").await.unwrap().status, 404);
        assert_eq!(answer.header("server"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_comes_too_slowly_is_not_waited_for() {
    let home = Home::published();
    let service = Running::start(quick(&home)).await;
    let mut slow = service.connect().await;
    let begun = Instant::now();
    let dripping = async {
        for byte in b"GET /healthz HTTP/1.1\r\nhost: test\r\nx-slow: 12345678901234567890\r\n\r\n" {
            if slow.send([*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        slow.answer().await
    };
    assert!(dripping.await.is_none());
    // Closed while it still dripped.
    assert!(begun.elapsed() < Duration::from_secs(7), "{:?}", begun.elapsed());

    let mut idle = service.connect().await;
    assert_eq!(idle.get("/healthz").await.unwrap().status, 200);
    let begun = Instant::now();
    assert!(idle.answer().await.is_none());
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_too_slowly_is_not_waited_for() {
    let home = Home::published();
    let service = Running::start(quick(&home)).await;
    let mut slow = service.connect().await;
    slow.send(evaluate_head(JAKARTA, 100, "") + "{").await.unwrap();
    let answer = slow.answer().await.unwrap();
    assert_eq!(answer.status, 408);
    assert!(answer.text().contains("/problems/body-too-slow"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_one_gigabyte() {
    const GIGABYTE: usize = 1 << 30;
    let home = Home::published();
    let service = Running::start(home.config()).await;
    let chunked = "POST /v1/jakarta-2024/evaluate HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let piece = [b' '; 64 * 1024];
    let mut chunk = b"10000\r\n".to_vec();
    chunk.extend(piece);
    chunk.extend(b"\r\n");
    for (head, piece) in [(evaluate_head(JAKARTA, GIGABYTE, ""), piece.to_vec()), (chunked.to_owned(), chunk)] {
        let mut greedy = service.connect().await;
        let begun = Instant::now();
        greedy.send(head).await.unwrap();
        let mut sent = 0;
        while sent < GIGABYTE && greedy.send(&piece).await.is_ok() {
            sent += piece.len();
        }
        // Nobody took it: a few buffers full.
        assert!(sent < 64 << 20, "{sent}");
        let answer = greedy.answer().await.unwrap();
        assert_eq!(answer.status, 413, "{}", answer.text());
        assert!(answer.text().contains("A request body has at most 4096 bytes."));
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    assert_eq!(service.connect().await.get("/healthz").await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_are_too_long_or_have_too_many_lines_are_refused() {
    let home = Home::published();
    let service = Running::start(home.config()).await;
    let long = format!("x-long: {}\r\n", "x".repeat(64 * 1024));
    let many: String = (0..100).map(|i| format!("x-{i}: x\r\n")).collect();
    let get = |path: &str, headers: &str| format!("GET {path} HTTP/1.1\r\nhost: test\r\n{headers}\r\n");
    let long_path = format!("/{}", "x".repeat(64 * 1024));
    let endless = "x".repeat(1 << 20);
    // What the document names, and no other. A path over 64 KiB would be 414, but a head ends before.
    assert!(include_str!("../../docs/problems.md").contains("answered without a body by the layer below (400, 431)."));
    for (head, status) in [
        (get("/healthz", &long), 431),
        (get("/healthz", &many), 431),
        (get(&long_path, ""), 431),
        (get(&endless, &endless), 431),
        ("rubbish\r\n\r\n".to_owned(), 400),
        ("GET /healthz HTTP/9.9\r\n\r\n".to_owned(), 400),
    ] {
        let mut connection = service.connect().await;
        // The rest may find the connection closed already.
        let _ = connection.send(&head).await;
        let answer = connection.answer().await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (status, &b""[..]), "{}", &head[..40.min(head.len())]);
    }
    assert_eq!(service.connect().await.get("/healthz").await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_connections_are_told_to_come_back() {
    let home = Home::published();
    let mut config = home.config();
    config.server.connections = 2;
    let service = Running::start(config).await;
    let (mut first, mut second) = (service.connect().await, service.connect().await);
    assert_eq!(first.get("/healthz").await.unwrap().status, 200);
    assert_eq!(second.get("/healthz").await.unwrap().status, 200);
    let answer = service.connect().await.get("/healthz").await.unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert!(answer.text().contains("/problems/overloaded"));
    drop(first);
    let begun = Instant::now();
    while service.connect().await.get("/healthz").await.unwrap().status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    assert_eq!(second.get("/healthz").await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_has_so_many_connections_and_a_trusted_proxy_any_number() {
    let home = Home::published();
    let mut config = home.config();
    config.server.network_connections = 2;
    config.metrics_listen = Some("127.0.0.1:0".parse().unwrap());
    let limited = Running::start(config.clone()).await;
    let (mut first, mut second) = (limited.connect().await, limited.connect().await);
    assert_eq!(first.get("/healthz").await.unwrap().status, 200);
    assert_eq!(second.get("/healthz").await.unwrap().status, 200);
    assert!(limited.connect().await.get("/healthz").await.is_none());
    drop(first);
    let begun = Instant::now();
    while limited.connect().await.get("/healthz").await.is_none() {
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    assert_eq!(second.get("/healthz").await.unwrap().status, 200);

    config.state = home.path().join("state2");
    config.proxies.networks = vec!["127.0.0.0/8".parse().unwrap()];
    let behind_proxy = Running::start(config).await;
    let mut connections = Vec::new();
    for _ in 0..10 {
        let mut connection = behind_proxy.connect().await;
        assert_eq!(connection.get("/healthz").await.unwrap().status, 200);
        connections.push(connection);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_says_whose_limit_counts() {
    let home = Home::published();
    let mut config = home.config();
    (config.network.burst, config.network.per_hour) = (16, 1);
    let service = Running::start(config).await;
    let body = good_body(&home.publisher, 16);
    let statuses = [
        service.connect().await.evaluate(JAKARTA, &body, "").await.unwrap().status,
        service.connect().await.evaluate(JAKARTA, &body, "x-forwarded-for: 203.0.113.1\r\n").await.unwrap().status,
    ];
    assert_eq!(statuses, [200, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_is_finished_before_the_end() {
    let mut home = Home::empty();
    home.publisher.publish(JAKARTA, &EpochPlan { evaluations_per_day: 8000, ..EpochPlan::now() });
    let mut service = Running::start(home.config()).await;
    let mut idle = service.connect().await;
    assert_eq!(idle.get("/healthz").await.unwrap().status, 200);
    let body = good_body(&home.publisher, 4);
    let mut begun = service.connect().await;
    begun.send(evaluate_head(JAKARTA, body.len(), "") + &body[..10]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    service.stop();
    // Who only waits is let go, who comes now is not let in, who has begun is answered.
    assert!(idle.answer().await.is_none());
    let refused = Instant::now();
    while Connection::open(service.address).await.is_ok() {
        assert!(refused.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    begun.send(&body[10..]).await.unwrap();
    let answer = begun.answer().await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("connection"), Some("close"));
    service.ended().await;
    // The rest of the lease is back: exactly what was given is missing.
    let state = home.open();
    let left = budget(&state.state.metrics_text().unwrap());
    assert_eq!(left, 3996);
}

fn budget(metrics: &str) -> u64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix("ceknikd_budget_elements{dataset=\"jakarta-2024\"} "));
    line.unwrap().parse().unwrap()
}

/// Connections that only the system has accepted when the end comes, some with their request, some just before they send it.
#[tokio::test]
async fn who_came_before_the_end_is_answered() {
    let home = Home::published();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut connections = Vec::new();
    for place in 0..40 {
        let mut connection = Connection::open(address).await.unwrap();
        if place % 2 == 0 {
            connection.send("GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
        }
        connections.push(connection);
    }
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(run(listener, home.config(), async {
        let _ = stopped.await;
    }));
    stop.send(()).unwrap();
    while Connection::open(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for (place, connection) in connections.iter_mut().enumerate() {
        if place % 2 == 1 {
            connection.send("GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
        }
        assert_eq!(connection.answer().await.unwrap().status, 200, "{place}");
        assert!(connection.answer().await.is_none());
    }
    ended.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_finish_is_cut_off_at_the_end() {
    let home = Home::published();
    let mut config = home.config();
    config.server.shutdown_timeout = Duration::from_secs(1);
    let mut service = Running::start(config).await;
    let mut never = service.connect().await;
    never.send(evaluate_head(JAKARTA, 1000, "")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let begun = Instant::now();
    service.stop();
    service.ended().await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

/// Ten epochs while four clients do what clients do: no request fails, and no answer belongs to another epoch than it says.
#[tokio::test(flavor = "multi_thread")]
async fn epochs_change_under_load_without_a_failed_request() {
    let mut home = Home::published();
    let mut config = home.config();
    (config.network.burst, config.network.share_percent) = (1_000_000, 100.0);
    let service = Running::start(config).await;
    let stop = Arc::new(AtomicBool::new(false));
    let rounds = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..4)
        .map(|client| {
            let (stop, rounds, address) = (Arc::clone(&stop), Arc::clone(&rounds), service.address);
            tokio::spawn(async move {
                let mut connection = Connection::open(address).await.unwrap();
                let mut seen = 0;
                let mut seed = client;
                while !stop.load(Ordering::Relaxed) {
                    seed += 4;
                    let answer = connection.get("/v1/jakarta-2024/manifest").await.unwrap();
                    assert_eq!(answer.status, 200);
                    let manifest = Manifest::parse(&answer.body).unwrap();
                    assert!(manifest.epoch >= seen);
                    seen = manifest.epoch;
                    let key = manifest.oprf.public_key.to_bytes();
                    let answer = connection.evaluate(JAKARTA, &body(&key, &elements(4, seed)), "").await.unwrap();
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    let index = (seed % 8) as u32;
                    let path = format!("/v1/jakarta-2024/epochs/{seen}/buckets/{index}");
                    let answer = connection.get(&path).await.unwrap();
                    assert_eq!(answer.status, 200);
                    manifest.buckets.geometry.open_response(index, &manifest.buckets.root, &answer.body).unwrap();
                    let digest = &manifest.filter.as_ref().unwrap().shards[0].sha256;
                    let path = format!("/v1/jakarta-2024/filter/{}", ceknik_core::encoding::hex(digest));
                    assert_eq!(connection.get_with(&path, "accept-encoding: gzip\r\n").await.unwrap().status, 200);
                    assert_eq!(
                        connection.get(&format!("/v1/jakarta-2024/epochs/{seen}/proof")).await.unwrap().status,
                        200
                    );
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
                seen
            })
        })
        .collect();
    let mut reader = service.connect().await;
    for i in 1..=10u64 {
        let published_at = EpochPlan::now().published_at + i as i64;
        // A new generation in the middle: another key.
        let plan = EpochPlan {
            records: 120 + i,
            members: 120 + i,
            published_at,
            announce: i == 4,
            new_generation: i == 5,
            ..EpochPlan::now()
        };
        home.publisher.publish(JAKARTA, &plan);
        let begun = Instant::now();
        loop {
            let current = Manifest::parse(&reader.get("/v1/jakarta-2024/manifest").await.unwrap().body).unwrap();
            if current.epoch == i + 1 {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(30));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        assert_eq!(client.await.unwrap(), 11);
    }
    assert!(rounds.load(Ordering::Relaxed) > 100, "{rounds:?}");
}
