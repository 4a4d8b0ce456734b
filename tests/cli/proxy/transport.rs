//! A service that breaks, or what stands before it: bodies that are cut, endless or nonsense, statuses, silence.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ceknik_core::encoding::{base64url, hex};
use ceknik_core::filter::ShardDigest;
use ceknik_core::manifest::MOST_MANIFEST_BYTES;
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

use crate::support::forger;
use crate::support::home::TestHome;
use crate::support::http::{Request, Response};
use crate::support::proxy::{Delivery, Proxy, Upstream, altering, replacing};
use crate::world::{Device, LISTED, Lie, World, lie, stranger};

const POLICY: &str = "/v1/policy";
const MANIFEST: &str = "/v1/jakarta-2024/manifest";
const PROOF: &str = "/proof";
const FILTER: &str = "/filter/";
const EVALUATE: &str = "/evaluate";
const BUCKET: &str = "/buckets/";
const TILE: &str = "/log/tile/";
/// Every route that a check asks for something, the tiles with a list that is remembered.
const ROUTES: [&str; 7] = [POLICY, MANIFEST, PROOF, FILTER, EVALUATE, BUCKET, TILE];

const GIGABYTE: u64 = 1 << 30;
const TOO_LONG: (&str, &str) = ("response_too_long", "the service sent more than a correct response can hold");

/// A list of two epochs.
fn world_of_two_epochs() -> World {
    let home = TestHome::published(LISTED);
    home.publish();
    World::of(home)
}

/// Somebody who was shown the first epoch when it was the last.
fn who_saw_the_first(world: &World, proxy: &Proxy) -> Device {
    let device = Device::new();
    proxy.behave(replacing(MANIFEST, |_, upstream| upstream.get("/v1/jakarta-2024/epochs/1/manifest")));
    let said = world.ask(&proxy.url(), &device, &[]);
    assert!(said.all(), "{said:?}");
    device
}

/// Each way in which the bodies of a route can be nonsense, with the reason, the sentence that tells it, and the particulars
/// of each way.
fn broken_bodies(part: &'static str, reason: &'static str, sentence: &str, particulars: [&str; 5]) -> Vec<Lie> {
    let [empty, half, longer, page, noise] = particulars.map(|particulars| match particulars {
        "" => TOO_LONG,
        _ => (reason, format!("{sentence} ({particulars})").leak() as &str),
    });
    let mut random = vec![0; 3000];
    StdRng::seed_from_u64(1).fill_bytes(&mut random);
    vec![
        lie("an empty body", empty.0, empty.1, altering(part, Vec::clear)),
        lie("half a body", half.0, half.1, altering(part, |body| body.truncate(body.len() / 2))),
        lie("a byte more", longer.0, longer.1, altering(part, |body| body.push(0))),
        lie(
            "a page of the hotel's network",
            page.0,
            page.1,
            replacing(part, |_, _| Response::new(200, "<html><body>Selamat datang</body></html>")),
        ),
        lie("noise", noise.0, noise.1, replacing(part, move |_, _| Response::new(200, random.clone()))),
        lie(
            "a gigabyte, declared",
            TOO_LONG.0,
            TOO_LONG.1,
            replacing(part, |_, _| Delivery::Declared(Response::new(200, "x"), GIGABYTE)),
        ),
        lie(
            "bytes without end",
            TOO_LONG.0,
            TOO_LONG.1,
            replacing(part, |_, _| Delivery::Endless(Response::new(200, ""))),
        ),
    ]
}

#[test]
fn broken_policies() {
    let octet = |line, octet| {
        format!(
            "policy line {line}: octet {octet} is not allowed (lines end with a newline alone, and only tabs and spaces separate)"
        )
    };
    let lies = broken_bodies(
        POLICY,
        "policy_invalid",
        "the service's trust policy is malformed",
        [
            "policy line 1: no quorum line; \"quorum none\" asks for no witness",
            "policy line 1: the line does not end with a newline",
            &octet(3, "0x00"),
            "policy line 1: the line does not end with a newline",
            &octet(1, "0x18"),
        ],
    );
    World::new().refutes(stranger, &[], lies);
}

#[test]
fn broken_manifests() {
    let lies = broken_bodies(
        MANIFEST,
        "manifest_invalid",
        "the list's manifest is malformed or contradicts itself",
        [
            "line 1, column 0: EOF while parsing a value",
            "line 43, column 13: EOF while parsing a value",
            "line 92, column 1: trailing characters",
            "line 1, column 1: expected value",
            "line 1, column 1: expected value",
        ],
    );
    World::new().refutes(stranger, &[], lies);
}

#[test]
fn manifests_at_the_longest() {
    let told = "the proof that the list is in the public log does not hold (the log proof does not show this entry at position \
                0 of the log)";
    let padded = |bytes| altering(MANIFEST, move |body| body.resize(bytes, b' '));
    World::new().refutes(
        stranger,
        &[],
        vec![
            lie("65,535 bytes, which may be", "log_proof_invalid", told, padded(MOST_MANIFEST_BYTES)),
            lie("65,536 bytes, which may not", TOO_LONG.0, TOO_LONG.1, padded(MOST_MANIFEST_BYTES + 1)),
        ],
    );
}

#[test]
fn broken_proofs() {
    let sentence = "the proof that the list is in the public log does not hold";
    let lies = broken_bodies(
        PROOF,
        "log_proof_invalid",
        sentence,
        [
            "log proof, line 1: expected a line that ends with a newline",
            "the checkpoint is not a signed note",
            "the checkpoint is not a signed note",
            "log proof, line 1: expected a line that ends with a newline",
            "log proof, line 1: expected \"c2sp.org/tlog-proof@v1\"",
        ],
    );
    World::new().refutes(stranger, &[], lies);
}

#[test]
fn broken_filters() {
    let length = |bytes| format!("the filter shard is {bytes} bytes long, the manifest says 8237");
    let sentence = "the filter has another length than the manifest says";
    let lengths = [&length(0), &length(4118), "", &length(40), &length(3000)];
    let world = World::new();
    world.refutes(stranger, &[], broken_bodies(FILTER, "filter_length", sentence, lengths));
    let header =
        "the filter's header disagrees with the manifest (the filter shard's header disagrees with the manifest: ";
    world.refutes(
        stranger,
        &[],
        vec![
            lie(
                "k = 2^32 - 1",
                "filter_header",
                format!("{header}k)"),
                altering(FILTER, |file| file[9..13].fill(0xff)),
            ),
            lie(
                "bits of no length",
                "filter_header",
                format!("{header}length)"),
                altering(FILTER, |file| file[1..9].fill(0)),
            ),
            lie(
                "a bit",
                "filter_digest",
                "the filter's hash is not the manifest's (the filter shard's SHA-256 is not the manifest's)",
                altering(FILTER, |file| file[5000] ^= 1),
            ),
        ],
    );
}

/// The manifest says of the filter what suits the lie, and is in no log.
#[test]
fn filters_that_an_altered_manifest_vouches_for() {
    let world = World::new();
    let manifest = forger::manifest(&world.home, 1);
    let published = manifest.filter.as_ref().unwrap().shards[0];
    let mut filter = world.service.get(&format!("/v1/jakarta-2024/filter/{}", hex(&published.sha256))).body;
    filter[9..13].fill(0xff);
    let forged = ShardDigest::of(&filter);
    let path = format!("/v1/jakarta-2024/filter/{}", hex(&forged.sha256));
    let with_hashes = move |request: &Request, upstream: &Upstream| {
        if request.path == path {
            return Response::new(200, filter.clone()).into();
        }
        let mut response = upstream.send(request);
        if request.path == MANIFEST {
            let text = String::from_utf8(response.body).unwrap();
            let text = text.replace(&hex(&published.sha256), &hex(&forged.sha256));
            response.body = text.replace(&base64url(&published.root), &base64url(&forged.root)).into_bytes();
        }
        response.into()
    };
    let without_bits = altering(MANIFEST, |body| {
        let text = String::from_utf8(body.clone()).unwrap();
        assert!(text.contains("\"bytes\": 8237"));
        *body = text.replace("\"bytes\": 8237", "\"bytes\": 45").into_bytes();
    });
    world.refutes(
        stranger,
        &[],
        vec![
            lie(
                "k = 2^32 - 1",
                "log_proof_invalid",
                "the proof that the list is in the public log does not hold (the log proof does not show this entry at \
                 position 0 of the log)",
                with_hashes,
            ),
            lie(
                "bits of no length",
                "manifest_invalid",
                "the list's manifest is malformed or contradicts itself (filter: a shard of 45 bytes; 46 to 67108864 are \
                 possible)",
                without_bits,
            ),
        ],
    );
}

#[test]
fn broken_evaluations() {
    let sentence = "the service's evaluation is malformed";
    let particulars = ["the response is not the JSON of an evaluation"; 5];
    World::new().refutes(stranger, &[], broken_bodies(EVALUATE, "evaluation_invalid", sentence, particulars));
}

#[test]
fn broken_buckets() {
    let world = World::new();
    // As long as the fullest bucket, which follows from the key.
    let want = forger::manifest(&world.home, 1).buckets.geometry.response_bytes();
    let length = |bytes| format!("the bucket response is {bytes} bytes long, the manifest says {want}");
    let sentence = "the sealed bucket has another length than the manifest says";
    let lengths = [&length(0), &length(want / 2), "", &length(40), &length(3000)];
    world.refutes(stranger, &[], broken_bodies(BUCKET, "bucket_length", sentence, lengths));
}

#[test]
fn broken_tiles() {
    let length = |bytes| {
        format!("the log's tiles are not those of its checkpoint: tile/0/000.p/2 has {bytes} bytes instead of 64")
    };
    let sentence = "the public log's files do not belong to its checkpoint";
    let lengths = [&length(0), &length(32), &length(65), &length(40), &*length(3000)];
    let world = world_of_two_epochs();
    let lies = broken_bodies(TILE, "log_tiles_invalid", sentence, lengths);
    world.refutes(|proxy| who_saw_the_first(&world, proxy), &[], lies);
}

fn status(status: u16) -> impl Fn(&Request, &Upstream) -> Response + Send + Sync {
    move |_, _| Response::new(status, "")
}

#[test]
fn things_that_are_gone() {
    let world = world_of_two_epochs();
    let missing = "the proof that the list is in the public log, or that the log only grew, is missing (status 404)";
    let lies = [
        (POLICY, "policy_unavailable", "no trust policy was given and the service's could not be fetched (status 404)"),
        (MANIFEST, "not_covered", "the service has no such list (status 404)"),
        (PROOF, "log_unavailable", missing),
        (FILTER, "filter_unavailable", "the filter could not be fetched (status 404)"),
        (EVALUATE, "unexpected_status", "the service refused a request that should be answered (status 404)"),
        (BUCKET, "bucket_unavailable", "the sealed bucket could not be fetched (status 404)"),
    ];
    let lies = lies.map(|(part, reason, told)| lie(part, reason, told, replacing(part, status(404))));
    world.refutes(stranger, &[], lies.into());
    let tile = lie(TILE, "log_unavailable", missing, replacing(TILE, status(404)));
    world.refutes(|proxy| who_saw_the_first(&world, proxy), &[], vec![tile]);
    // The key is served no more, and there is no newer list.
    let retired = lie(
        "410",
        "key_retired",
        "the service no longer serves the key of this list (status 410)",
        replacing(EVALUATE, status(410)),
    );
    // Nobody is sent elsewhere.
    let elsewhere = |_: &Request, _: &Upstream| Response::new(302, "").with("location", "https://example.org/");
    let refused = |status| format!("the service refused a request that should be answered (status {status})");
    let moved = lie("302", "unexpected_status", refused(302), replacing(EVALUATE, elsewhere));
    let forbidden = lie("403", "unexpected_status", refused(403), replacing(MANIFEST, status(403)));
    world.refutes(stranger, &[], vec![retired, moved, forbidden]);
}

/// Who is turned away tries again, some times and not for ever, and is told when to come back.
#[test]
fn turned_away() {
    let world = World::new();
    let problem = |status: u16, slug: &str, seconds: u32| {
        let body = format!("{{\"type\":\"/problems/{slug}\",\"title\":\"x\",\"status\":{status}}}");
        let response = Response::new(status, body).with("content-type", "application/problem+json");
        let response = response.with("retry-after", &seconds.to_string());
        move |_: &Request, _: &Upstream| response.clone()
    };
    let told = |sentence: &str, status: u16, seconds: u32| {
        format!("{sentence}: try again later (status {status})\n   coba lagi dalam / try again in {seconds} s")
    };
    let (many, spent) =
        ("too many checks came from this network", "the service has given all the confirmations that it gives for now");
    let unavailable = |status| format!("the service is not available at the moment: try again later (status {status})");
    let lies = vec![
        lie(
            "429, for an hour",
            "rate_limited",
            told(many, 429, 3600),
            replacing(EVALUATE, problem(429, "rate-limited", 3600)),
        ),
        lie(
            "429, again and again",
            "rate_limited",
            told(many, 429, 1),
            replacing(EVALUATE, problem(429, "rate-limited", 1)),
        ),
        lie(
            "the budget",
            "budget_exhausted",
            told(spent, 503, 7200),
            replacing(EVALUATE, problem(503, "budget-spent", 7200)),
        ),
        lie("503 for all", "service_unavailable", unavailable(503), |_, _| Response::new(503, "").into()),
        lie("500", "service_unavailable", unavailable(500), replacing(EVALUATE, status(500))),
    ];
    world.refutes(stranger, &[], lies);

    let (proxy, times) = (world.proxy(), AtomicU32::new(0));
    proxy.behave(replacing(EVALUATE, move |request, upstream| match times.fetch_add(1, Ordering::SeqCst) {
        0 => problem(429, "rate-limited", 1)(request, upstream),
        _ => upstream.send(request),
    }));
    let begun = Instant::now();
    let ran = world.check(&proxy.url(), &Device::new(), &["--json"]).run();
    assert_eq!(ran.code(), 0, "{ran:?}");
    assert!(begun.elapsed() >= Duration::from_secs(1), "came back too early");
    let told = "Menunggu 2 detik, lalu dicoba lagi / waiting 2 s, then trying again (rate_limited)";
    assert!(ran.stderr.lines().any(|line| line == told), "{ran:?}");
    // What is sent again is blinded anew: nobody can tell that it is the same person.
    let bodies: Vec<_> = proxy.take_requests().into_iter().filter(|request| request.path.contains(EVALUATE)).collect();
    assert_eq!(bodies.len(), 2);
    assert_ne!(bodies[0].body, bodies[1].body);
}

/// The connection ends in the middle of a body.
fn cut(part: &'static str) -> impl Fn(&Request, &Upstream) -> Delivery + Send + Sync + 'static {
    replacing(part, |request, upstream| {
        let response = upstream.send(request);
        let half = response.body.len() / 2;
        Delivery::Cut(response, half)
    })
}

#[test]
fn connections_that_break() {
    let world = world_of_two_epochs();
    let told = "the connection to the service broke off";
    let routes = ROUTES.into_iter().filter(|route| *route != TILE);
    let mut lies: Vec<_> = routes.map(|route| lie(route, "interrupted", told, cut(route))).collect();
    lies.push(lie("no word", "interrupted", told, replacing(EVALUATE, |_, _| Delivery::Hangup)));
    world.refutes(stranger, &[], lies);
    // That the log only grew cannot be seen: neither the new list answers, nor the one that it follows.
    let proxy = world.proxy();
    let device = who_saw_the_first(&world, &proxy);
    proxy.behave(cut(TILE));
    assert_eq!(world.ask(&proxy.url(), &device, &[]).reason(), "interrupted");
}

#[test]
fn silence_and_dripping() {
    let world = World::new();
    let told = "the service did not respond in time";
    let drip =
        |request: &Request, upstream: &Upstream| Delivery::Drip(upstream.send(request), Duration::from_millis(300));
    let lies = vec![
        lie("silence", "timed_out", told, replacing(MANIFEST, |_, _| Delivery::Silence(Duration::from_secs(8)))),
        lie("a byte at a time", "timed_out", told, replacing(EVALUATE, drip)),
    ];
    let begun = Instant::now();
    world.refutes(stranger, &["--timeout", "1"], lies);
    // Four attempts, and what is waited between them.
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn nobody_is_there() {
    let world = World::new();
    let url = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let said = world.ask(&url, &Device::new(), &[]);
    assert_eq!(said.reason(), "unreachable");
    let told = world.told(&url, &Device::new(), &[]);
    assert_eq!(told, "BELUM ADA JAWABAN / no answer: the service could not be reached");
}
