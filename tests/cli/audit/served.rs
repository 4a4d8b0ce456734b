//! A service or host that alters, withholds or replays what an honest publisher published.

use std::fs;

use ceknik_core::encoding::base64url;
use ceknik_core::oprf::{BlindedElement, OprfSecretKey};
use rand::rngs::OsRng;
use serde_json::{Value, json};

use crate::liar::{LIST, Liar, hosted};
use crate::support::home::TestHome;
use crate::support::http::{Request, Response};
use crate::support::proxy::{Delivery, Proxy, altering, replacing};
use crate::support::service::Ceknikd;
use crate::{Told, audit};

/// Alters what the host answers to some paths.
pub(crate) fn alter(liar: &Liar, part: &'static str, change: impl Fn(&mut Response) + Send + Sync + 'static) {
    let public = liar.publisher.public();
    liar.host.behave(move |request, _| -> Delivery {
        let mut response = hosted(&public, request);
        if request.path.contains(part) {
            change(&mut response);
        }
        response.into()
    });
}

#[test]
fn altered_files_are_told_from_those_of_the_manifest() {
    let gone = |response: &mut Response| *response = Response::new(404, "none");
    type Change = Box<dyn Fn(&mut Response) + Send + Sync>;
    let cases: Vec<(&str, &str, &str, Change)> = vec![
        (
            "/buckets/5",
            "bucket_padding",
            "bucket 5: the bucket response's padding is not zero",
            Box::new(|response| {
                *response.body.last_mut().unwrap() = 1;
            }),
        ),
        (
            "/buckets/5",
            "bucket_root",
            "bucket 5: the bucket does not belong to the manifest's tree",
            Box::new(|response| {
                response.body[110] ^= 1;
            }),
        ),
        (
            "/buckets/5",
            "bucket_length",
            "bucket 5: the bucket response is 4095 bytes long, the manifest says 4096",
            Box::new(|response| {
                response.body.truncate(4095);
            }),
        ),
        (
            "/buckets/5",
            "bucket_length",
            "bucket 5: the service sends more bytes than it may have",
            Box::new(|response| {
                response.body.push(0);
            }),
        ),
        (
            "/buckets/5",
            "bucket_hashes",
            "bucket 5: the bucket response holds 4 proof hashes, the tree has 3 levels",
            Box::new(|response| {
                response.body[0] = 4;
            }),
        ),
        ("/buckets/", "bucket_withheld", "bucket 0: the service does not have it (status 404)", Box::new(gone)),
        (
            "/filter/",
            "filter_digest",
            "shard 0: the filter shard's SHA-256 is not the manifest's",
            Box::new(|response| {
                response.body[99] ^= 1;
            }),
        ),
        (
            "/filter/",
            "filter_header",
            "shard 0: the filter shard's header disagrees with the manifest: k",
            Box::new(|response| {
                response.body[9] = 2;
            }),
        ),
        (
            "/filter/",
            "filter_length",
            "shard 0: the service sends more bytes than it may have",
            Box::new(|response| {
                response.body.push(0);
            }),
        ),
        ("/filter/", "filter_withheld", "shard 0: the service does not have it (status 404)", Box::new(gone)),
        (
            "/tile/0/",
            "log_tiles",
            "the log's tiles are not those of its checkpoint: ",
            Box::new(|response| response.body[0] ^= 1),
        ),
        (
            "/tile/0/",
            "log_tiles",
            "the log's tile/0/000.p/1: the service does not have it (status 404)",
            Box::new(gone),
        ),
        (
            "/tile/entries/",
            "log_entry",
            "entry 0 in tile/entries/000.p/1 is not the one in the tree",
            Box::new(|response| {
                response.body[40] ^= 1;
            }),
        ),
        (
            "/tile/entries/",
            "log_entry_withheld",
            "the log's tile/entries/000.p/1: the service does not have it (status 404)",
            Box::new(gone),
        ),
        ("/proof", "log_proof_invalid", "the service does not have it (status 404)", Box::new(gone)),
        ("/epochs/1/manifest", "manifest_withheld", "the service does not have it (status 404)", Box::new(gone)),
        ("/jakarta-2024/manifest", "list_withheld", "the service does not have it (status 404)", Box::new(gone)),
        (
            "/v1/datasets",
            "list_withheld",
            "it is not among /v1/datasets",
            Box::new(|response| {
                *response = Response::new(200, r#"{"datasets":[]}"#);
            }),
        ),
        (
            "/log/checkpoint",
            "checkpoint_refused",
            "the signature of the log \"ceknik.example.org/log\" on the checkpoint is false",
            Box::new(|response| {
                let text = String::from_utf8(response.body.clone()).unwrap();
                response.body = text.replacen("\n1\n", "\n2\n", 1).into_bytes();
            }),
        ),
    ];
    for (part, code, detail, change) in cases {
        let liar = Liar::new();
        alter(&liar, part, change);
        let told = liar.told();
        let [(found, _, words)] = told.findings()[..] else { panic!("{part} {code}: {:#}", told.report) };
        assert_eq!((found, told.code), (code, 3), "{words}");
        // Tiles are told of in the words of what they were to prove.
        let words =
            words.trim_start_matches("the tiles at the right edge of the tree of size 1 do not hash to its root");
        assert!(words.is_empty() || words == detail, "{code}: {words}");
        // It was who served it: nothing of it is held against the publisher when it is mended.
        alter(&liar, "nothing", |_| {});
        liar.passes();
    }
}

#[test]
fn replayed_and_invented_lists() {
    let mut liar = Liar::new();
    let old = fs::read(liar.publisher.epoch_dir(LIST, 1).join("manifest")).unwrap();
    let old_hash = hash(&old);
    liar.publish(|_| {});
    let new_hash = hash(&fs::read(liar.publisher.epoch_dir(LIST, 2).join("manifest")).unwrap());
    let replayed = old.clone();
    alter(&liar, "/jakarta-2024/manifest", move |response| response.body = replayed.clone());
    let told = liar.told();
    let detail = format!("it gives epoch 1 ({old_hash}…), and the log's newest is epoch 2 ({new_hash}…)");
    assert_eq!((told.code, told.findings()), (3, vec![("list_stale", None, &*detail)]));

    let mut invented = liar.publisher.manifest(LIST).clone();
    invented.epoch = 3;
    let invented = invented.to_bytes().unwrap();
    let invented_hash = hash(&invented);
    alter(&liar, "/jakarta-2024/manifest", move |response| response.body = invented.clone());
    let told = liar.told();
    let detail = format!("it gives {invented_hash}…, and the log's newest is epoch 2 ({new_hash}…)");
    assert_eq!((told.code, told.findings()), (3, vec![("list_unlogged", None, &*detail)]));

    let another = liar.publisher.manifest(LIST).to_bytes().unwrap();
    let stranger = || Told::of(audit(&liar.host.url(), &liar.policy()).arg("--no-probes"));
    alter(&liar, "/epochs/1/manifest", move |response| response.body = another.clone());
    let told = stranger();
    let detail = format!("it gives {new_hash}…, logged is epoch 1 ({old_hash}…)");
    assert_eq!((told.code, told.findings()), (3, vec![("manifest_altered", Some(1), &*detail)]));

    // Expired, with nothing newer.
    let mut liar = Liar::with_nothing();
    liar.plan.published_at -= 8 * 86_400;
    liar.publish(|_| {});
    let told = liar.told();
    let (code, epoch, detail) = told.findings()[0];
    assert_eq!((told.code, code, epoch), (3, "list_expired", Some(1)));
    assert!(detail.starts_with("the list expired at ") && detail.ends_with(" and no newer one was given"), "{detail}");
    // A week without a list is worth a remark, and no more.
    liar.plan.published_at += 8 * 86_400;
    liar.publish(|_| {});
    let told = liar.told();
    assert_eq!((told.code, told.codes()), (0, vec!["lapsed"]));
}

fn hash(manifest: &[u8]) -> String {
    ceknik_core::encoding::hex(&ceknik_core::manifest::manifest_sha256(manifest))[..8].to_owned()
}

/// Files of old epochs may go; those of the newest may not.
#[test]
fn old_files_may_go() {
    let mut liar = Liar::new();
    liar.plan.records = 110;
    liar.publish(|_| {});
    fs::remove_file(liar.publisher.epoch_dir(LIST, 1).join("buckets")).unwrap();
    let told = liar.told();
    assert_eq!((told.code, told.codes()), (0, vec![]));
    assert_eq!(told.at("/lists/0/epochs/0/files"), "gone");
    assert_eq!(told.at("/lists/0/epochs/1/files"), "verified");
    assert_eq!(told.at("/lists/0/epochs/1/audited/changes"), &Value::Null);
    assert_eq!(told.at("/unchecked/0/why"), "they are served no more, as files of old epochs are not");
    // With that epoch missing, the next is compared with the last that was there.
    liar.plan.records = 115;
    liar.publish(|_| {});
    liar.publish(|_| {});
    fs::remove_file(liar.publisher.epoch_dir(LIST, 3).join("buckets")).unwrap();
    let told = liar.told();
    assert_eq!((told.code, told.codes()), (0, vec![]));
    let changes = json!({"since": 2, "added": 5, "removed": 0, "changed": 0});
    assert_eq!(told.at("/lists/0/epochs/3/audited/changes"), &changes);
}

/// The real service behind a proxy.
struct Behind {
    home: TestHome,
    _service: Ceknikd,
    proxy: Proxy,
}

impl Behind {
    fn new() -> Self {
        let home = TestHome::published(0..20);
        let service = Ceknikd::start(&home);
        let proxy = Proxy::before(service.address());
        Self { home, _service: service, proxy }
    }

    fn told(&self) -> Told {
        Told::but_for_chance(audit(&self.proxy.url(), &self.home.policy()))
    }
}

/// Evaluates with a key of his own, and proves it.
fn with_another_key(request: &Request) -> Response {
    let asked: Value = serde_json::from_slice(&request.body).unwrap();
    let elements: Vec<BlindedElement> = asked["blinded"]
        .as_array()
        .unwrap()
        .iter()
        .map(|element| {
            let bytes = ceknik_core::encoding::from_base64url::<32>(element.as_str().unwrap()).unwrap();
            BlindedElement::from_bytes(&bytes).unwrap()
        })
        .collect();
    let batch = OprfSecretKey::generate(&mut OsRng).evaluate_batch(&elements, &mut OsRng).unwrap();
    let pairs: Vec<Value> = elements
        .iter()
        .zip(&batch.evaluated)
        .map(|(blinded, evaluated)| {
            json!({"blinded": base64url(&blinded.to_bytes()), "evaluated": base64url(&evaluated.to_bytes())})
        })
        .collect();
    let body = json!({"batch": pairs, "first": 0, "proof": base64url(&batch.proof.to_bytes())});
    Response::new(200, body.to_string())
}

#[test]
fn the_evaluation_is_held_to_key_form_and_documents() {
    let behind = Behind::new();
    let honest = behind.told();
    assert_eq!((honest.code, honest.codes()), (0, vec![]), "{:#}", honest.report);

    // For one request in which nothing else is wrong.
    behind.proxy.behave(replacing("/evaluate", |request, upstream| {
        let honest = upstream.send(request);
        if honest.status != 200 {
            return honest;
        }
        let mut lie = with_another_key(request);
        lie.headers = honest.headers;
        lie
    }));
    let told = behind.told();
    assert_eq!(told.code, 3);
    assert!(told.codes().iter().all(|code| *code == "proof_invalid"), "{:?}", told.findings());
    assert_eq!(told.at("/lists/0/probes/proved"), 0);
    assert_eq!(told.findings().len(), 4, "one for each kind of request");

    // Longer for one than for another.
    let longer = std::sync::atomic::AtomicUsize::new(0);
    behind.proxy.behave(altering("/evaluate", move |body| {
        if body.starts_with(b"{\"batch\"") {
            let times = longer.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            body.extend(std::iter::repeat_n(b' ', times));
        }
    }));
    let told = behind.told();
    assert_eq!((told.code, told.codes()), (3, vec!["evaluation_size"; 2]));

    for (header, code) in [("ratelimit", "limits_untold"), ("ratelimit-policy", "limits_untold")] {
        behind.proxy.behave(replacing("/evaluate", move |request, upstream| {
            let mut response = upstream.send(request);
            response.headers.retain(|(name, _)| name != header);
            response
        }));
        assert_eq!(behind.told().codes(), [code]);
    }
    behind.proxy.behave(replacing("/evaluate", |request, upstream| {
        let mut response = upstream.send(request);
        for (name, value) in &mut response.headers {
            if name == "ratelimit-policy" {
                *value = "\"network\";q=8192;w=2048, \"share\";q=4000000;w=43200".to_owned();
            }
        }
        response
    }));
    let told = behind.told();
    let detail = "one network's share is 4000000 within 43200 seconds, the disclosed budget 100000 a day";
    assert_eq!(told.findings(), [("limit_over_budget", None, detail)]);

    // Errors that say too little.
    behind.proxy.behave(replacing("/evaluate", |request, upstream| {
        let response = upstream.send(request);
        if response.status == 400 { Response::new(400, "bad") } else { response }
    }));
    let told = behind.told();
    assert_eq!(told.codes(), ["problem_document"; 3]);
    assert_eq!(told.findings()[0].2, "what is no JSON: status 400 without a problem document");

    // Busy is no lie: it was not checked.
    behind.proxy.behave(replacing("/evaluate", |_, _| {
        Response::new(429, r#"{"type":"/problems/rate-limited","title":"a","status":429,"detail":"b"}"#)
            .with("content-type", "application/problem+json")
    }));
    let told = behind.told();
    assert_eq!((told.code, told.codes(), told.at("/verdict")), (4, vec![], &json!("not_whole")));
    assert_eq!(told.at("/unchecked/0/why"), "the service answered with status 429");
}
