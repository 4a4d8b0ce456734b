//! Lies that are well-formed: another key, another's answer, another bucket, another epoch, another log.

use std::fs;
use std::sync::Mutex;

use ceknik_core::encoding::{base64url, from_base64url};
use ceknik_core::oprf::{BlindedElement, OprfSecretKey};
use rand::rngs::OsRng;
use serde_json::{Value, json};

use crate::support::forger;
use crate::support::home::{TestHome, definition, list};
use crate::support::http::{Request, Response};
use crate::support::proxy::{Delivery, Upstream, altering, replacing};
use crate::support::service::Ceknikd;
use crate::world::{Device, LISTED, World, ago, from_another, lie, stranger, visited};

const MANIFEST: &str = "/v1/jakarta-2024/manifest";
const EVALUATE: &str = "/v1/jakarta-2024/evaluate";

/// Changes the JSON of an evaluation.
fn evaluation_with(
    change: impl Fn(&mut Value) + Send + Sync + 'static,
) -> impl Fn(&Request, &Upstream) -> Delivery + Send + Sync + 'static {
    altering(EVALUATE, move |body| {
        let mut json = serde_json::from_slice(body).unwrap();
        change(&mut json);
        *body = serde_json::to_vec(&json).unwrap();
    })
}

/// The elements of a request.
fn blinded(request: &Request) -> Vec<BlindedElement> {
    let json: Value = serde_json::from_slice(&request.body).unwrap();
    let element = |text: &Value| BlindedElement::from_bytes(&from_base64url(text.as_str().unwrap()).unwrap()).unwrap();
    json["blinded"].as_array().unwrap().iter().map(element).collect()
}

/// An evaluation and its proof, both valid under a key of the liar's own.
fn evaluate_with(key: &OprfSecretKey, request: &Request) -> Response {
    let asked = blinded(request);
    let answer = key.evaluate_batch(&asked, &mut OsRng).unwrap();
    let pair = |(asked, evaluated): (&BlindedElement, &ceknik_core::oprf::EvaluatedElement)| json!({"blinded": base64url(&asked.to_bytes()), "evaluated": base64url(&evaluated.to_bytes())});
    let batch: Vec<Value> = asked.iter().zip(&answer.evaluated).map(pair).collect();
    let body = json!({"batch": batch, "first": 0, "proof": base64url(&answer.proof.to_bytes())});
    Response::new(200, body.to_string())
}

fn replace(bytes: &mut Vec<u8>, from: &str, to: &str) {
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.contains(from));
    *bytes = text.replace(from, to).into_bytes();
}

#[test]
fn the_proxy_that_does_nothing_changes_nothing() {
    let world = World::new();
    let (proxy, device) = (world.proxy(), Device::new());
    for _ in 0..2 {
        let said = world.ask(&proxy.url(), &device, &[]);
        assert!(said.all() && said.code == 0, "{said:?}");
    }
    let paths: Vec<String> = proxy.take_requests().into_iter().map(|request| request.path).collect();
    for part in ["/v1/policy", MANIFEST, "/epochs/1/proof", "/filter/", EVALUATE, "/epochs/1/buckets/"] {
        assert!(paths.iter().any(|path| path.contains(part)), "{part} was not asked for: {paths:?}");
    }
    // The second visit has the list and its filter.
    for part in ["/v1/policy", "/epochs/1/proof", "/filter/"] {
        assert_eq!(paths.iter().filter(|path| path.contains(part)).count(), 1, "{part}: {paths:?}");
    }
}

/// A service that evaluates callers together puts strangers into the batch, which is no lie.
#[test]
fn strangers_in_the_batch_are_no_lie() {
    let world = World::new();
    let proxy = world.proxy();
    proxy.behave(replacing(EVALUATE, with_strangers(|_| ())));
    let said = world.ask(&proxy.url(), &Device::new(), &["--confirm-all"]);
    assert!(said.all(), "{said:?}");
}

/// Evaluates the caller's elements behind those of strangers, 16 in all, and changes the batch.
fn with_strangers(
    change: impl Fn(&mut Value) + Send + Sync + 'static,
) -> impl Fn(&Request, &Upstream) -> Response + Send + Sync + 'static {
    move |request, upstream| {
        let mut json: Value = serde_json::from_slice(&request.body).unwrap();
        let own = json["blinded"].as_array().unwrap().clone();
        let strangers = (own.len()..16).map(|_| json!(base64url(&BlindedElement::random(&mut OsRng).to_bytes())));
        let batch: Vec<Value> = strangers.chain(own.clone()).collect();
        json["blinded"] = json!(batch);
        let mut response = upstream.send(&Request { body: json.to_string().into_bytes(), ..request.clone() });
        let mut answer = response.json();
        answer["first"] = json!(16 - own.len());
        change(&mut answer["batch"]);
        response.body = answer.to_string().into_bytes();
        response
    }
}

/// Less noise than the promise wants is no valid manifest, logged or not.
#[test]
fn noise_below_the_promise() {
    let world = World::new();
    let noise = forger::manifest(&world.home, 1).filter.unwrap().noise;
    let (before, after) = (format!("\"noise\": {noise}"), format!("\"noise\": {}", noise - 1));
    let lies = vec![lie(
        "a cell of noise fewer",
        "manifest_invalid",
        "the list's manifest is malformed or contradicts itself (filter.noise: too little for disclosure.posterior_percent)",
        altering(MANIFEST, move |body| replace(body, &before, &after)),
    )];
    world.refutes(stranger, &["--confirm-all"], lies);
}

/// One wrong evaluation in a batch of many callers: whosever it is, the proof is of none of them.
#[test]
fn a_wrong_evaluation_beside_strangers() {
    let world = World::new();
    let told = "the proof of the evaluation does not verify under the list's key (the proof does not verify under the key of \
                the manifest)";
    let wrong_at = |place: usize| {
        let key = OprfSecretKey::generate(&mut OsRng);
        replacing(
            EVALUATE,
            with_strangers(move |batch| {
                let blinded = from_base64url(batch[place]["blinded"].as_str().unwrap()).unwrap();
                let blinded = BlindedElement::from_bytes(&blinded).unwrap();
                let evaluated = key.evaluate_batch(&[blinded], &mut OsRng).unwrap().evaluated[0];
                batch[place]["evaluated"] = json!(base64url(&evaluated.to_bytes()));
            }),
        )
    };
    let lies = vec![
        lie("the caller's own", "proof_invalid", told, wrong_at(12)),
        lie("a stranger's", "proof_invalid", told, wrong_at(0)),
    ];
    world.refutes(stranger, &["--confirm-all"], lies);
}

#[test]
fn wrong_key_and_wrong_proof() {
    let world = World::new();
    let own = OprfSecretKey::generate(&mut OsRng);
    let public = base64url(&own.public_key().to_bytes());
    let true_public = base64url(&forger::manifest(&world.home, 1).oprf.public_key.to_bytes());
    let (first, second) = (own.clone(), own);
    let does_not_verify = "the proof of the evaluation does not verify under the list's key";
    let invalid = format!("{does_not_verify} (the proof does not verify under the key of the manifest)");
    let other_proof = base64url(&[1; 64]);
    let no_scalars = base64url(&[0xff; 64]);
    let lies = vec![
        lie(
            "evaluated and proved with another key",
            "proof_invalid",
            invalid.clone(),
            replacing(EVALUATE, move |request, _| evaluate_with(&first, request)),
        ),
        lie(
            "the same, and the manifest names that key",
            "log_proof_invalid",
            "the proof that the list is in the public log does not hold (the log proof does not show this entry at \
             position 0 of the log)",
            move |request, upstream| {
                if request.path == EVALUATE {
                    return evaluate_with(&second, request).into();
                }
                let mut response = upstream.send(request);
                if request.path == MANIFEST {
                    replace(&mut response.body, &true_public, &public);
                }
                response.into()
            },
        ),
        lie(
            "another proof",
            "proof_invalid",
            invalid.clone(),
            evaluation_with(move |json| json["proof"] = json!(other_proof)),
        ),
        lie(
            "a proof that is not canonical",
            "proof_invalid",
            format!("{does_not_verify} (the proof is not canonically encoded)"),
            evaluation_with(move |json| json["proof"] = json!(no_scalars)),
        ),
        lie(
            "no proof",
            "evaluation_invalid",
            "the service's evaluation is malformed (the response is not the JSON of an evaluation)",
            evaluation_with(|json| drop(json.as_object_mut().unwrap().remove("proof"))),
        ),
        lie(
            "evaluations exchanged among each other",
            "proof_invalid",
            invalid,
            evaluation_with(|json| {
                let first = json["batch"][0]["evaluated"].take();
                json["batch"][0]["evaluated"] = json["batch"][1]["evaluated"].take();
                json["batch"][1]["evaluated"] = first;
            }),
        ),
        lie(
            "the identity as an evaluation",
            "evaluation_invalid",
            "the service's evaluation is malformed (an element is not canonical, or the identity)",
            evaluation_with(|json| json["batch"][0]["evaluated"] = json!(base64url(&[0; 32]))),
        ),
    ];
    world.refutes(stranger, &["--confirm-all"], lies);
}

#[test]
fn anothers_batch() {
    let world = World::new();
    let foreign = "the service evaluated something other than what was sent";
    let kept: Mutex<Option<Response>> = Mutex::new(None);
    let lies = vec![
        lie(
            "the answer to an earlier request",
            "evaluation_foreign",
            format!("{foreign} (the batch does not hold the elements that were sent)"),
            replacing(EVALUATE, move |request, upstream| {
                let mut kept = kept.lock().unwrap();
                let earlier = kept.get_or_insert_with(|| {
                    let mut json: Value = serde_json::from_slice(&request.body).unwrap();
                    let strangers = blinded(request).into_iter().map(|_| BlindedElement::random(&mut OsRng));
                    json["blinded"] = strangers.map(|element| json!(base64url(&element.to_bytes()))).collect();
                    upstream.send(&Request { body: json.to_string().into_bytes(), ..request.clone() })
                });
                earlier.clone()
            }),
        ),
        lie(
            "the caller's elements elsewhere than the response says",
            "evaluation_foreign",
            format!("{foreign} (the batch does not hold as many elements as were sent)"),
            evaluation_with(|json| json["first"] = json!(1)),
        ),
        lie(
            "too few elements",
            "evaluation_foreign",
            format!("{foreign} (the batch does not hold as many elements as were sent)"),
            evaluation_with(|json| drop(json["batch"].as_array_mut().unwrap().pop())),
        ),
        lie(
            "65 elements",
            "evaluation_invalid",
            "the service's evaluation is malformed (the batch has no elements, or more than 64)",
            evaluation_with(|json| {
                let one = json["batch"][0].clone();
                json["batch"].as_array_mut().unwrap().resize(65, one);
            }),
        ),
    ];
    world.refutes(stranger, &["--confirm-all"], lies);
}

#[test]
fn swapped_and_altered_buckets() {
    let home = TestHome::published(LISTED);
    // Another epoch of the same shape, with one status changed.
    home.import(list([150]).replace(",ms,", ",tms,"));
    home.publish();
    let world = World::of(home);
    let elsewhere = "the sealed bucket is not the one that the manifest commits to";
    let no_member = format!("{elsewhere} (the bucket does not belong to the manifest's tree)");
    let hashes = 1 + 32 * 4;
    let lies = vec![
        lie(
            "the bucket of another index",
            "bucket_root",
            no_member.clone(),
            replacing("/buckets/", |request, upstream| {
                let (epoch, index) = request.path.rsplit_once('/').unwrap();
                let other = (index.parse::<u32>().unwrap() + 1) % 16;
                upstream.get(&format!("{epoch}/{other}"))
            }),
        ),
        lie(
            "the bucket of another epoch",
            "bucket_root",
            no_member.clone(),
            replacing("/epochs/2/buckets/", |request, upstream| {
                upstream.get(&request.path.replace("/epochs/2/", "/epochs/1/"))
            }),
        ),
        lie(
            "every record taken out",
            "bucket_root",
            no_member.clone(),
            altering("/buckets/", move |body| body[hashes..].fill(0)),
        ),
        lie(
            "a byte of a sealed record",
            "bucket_root",
            no_member,
            altering("/buckets/", move |body| body[hashes + 4 + 20] ^= 1),
        ),
        lie(
            "a proof of another depth",
            "bucket_hashes",
            "the sealed bucket's proof is not of the table's depth (the bucket response holds 3 proof hashes, the tree has \
             4 levels)",
            altering("/buckets/", |body| body[0] = 3),
        ),
        lie(
            "half a record",
            "bucket_entries",
            "the sealed bucket's entries are not whole (the bucket's entries are 8 bytes long, which is no whole number of \
             entries that fits)",
            altering("/buckets/", move |body| body[hashes..hashes + 4].copy_from_slice(&8u32.to_be_bytes())),
        ),
        lie(
            "something hidden behind the records",
            "bucket_padding",
            "the sealed bucket's padding is not empty (the bucket response's padding is not zero)",
            altering("/buckets/", |body| *body.last_mut().unwrap() = 1),
        ),
        lie(
            "no bucket",
            "bucket_unavailable",
            "the sealed bucket could not be fetched (status 404)",
            replacing("/buckets/", |_, _| Response::new(404, "")),
        ),
    ];
    world.refutes(stranger, &["--confirm-all"], lies);
}

#[test]
fn stale_and_early_lists() {
    let home = TestHome::with_list(LISTED);
    let (stale, early) = (home.copy(), home.copy());
    home.publish();
    let world = World::of(home);
    stale.publish_at("2026-01-05T08:00:00Z");
    early.publish_at("2099-01-05T08:00:00Z");
    let (stale, early) = (Ceknikd::start(&stale), Ceknikd::start(&early));
    let lies = vec![
        lie(
            "an expired list",
            "stale",
            "the list has expired and there is no newer one: the answer could be out of date (the list expired at \
             2026-01-12T08:00:00Z and no newer one was given)",
            from_another(&stale),
        ),
        lie(
            "a list of the future",
            "published_ahead",
            "the list is dated in the future: check the clock of this device (the list was published at \
             2099-01-05T08:00:00Z, which lies ahead: the clock of this device may be wrong)",
            from_another(&early),
        ),
    ];
    world.refutes(stranger, &[], lies);
}

#[test]
fn rolled_back_epoch() {
    let home = TestHome::published(LISTED);
    home.publish();
    let world = World::of(home);
    let older = replacing(MANIFEST, |_, upstream| upstream.get("/v1/jakarta-2024/epochs/1/manifest"));
    let told = "the service showed an older list than the one this device has seen (epoch 1 after epoch 2)";
    world.refutes(|proxy| visited(&world, proxy), &[], vec![lie("the epoch before, wholly", "rollback", told, older)]);
    // Who was never there cannot know; the list is as good as it says until it expires.
    let proxy = world.proxy();
    proxy.behave(replacing(MANIFEST, |_, upstream| upstream.get("/v1/jakarta-2024/epochs/1/manifest")));
    assert!(world.ask(&proxy.url(), &Device::new(), &[]).all());
}

/// Two histories under one log key. Both begin alike; the device has seen one of them.
#[test]
fn forked_log() {
    let home = TestHome::with_list(LISTED);
    home.create_dataset(&definition("bandung-2024", ""));
    let other = home.write("other.csv", list(0..5));
    home.command("import").arg("bandung-2024").arg(other).done();
    let fork = home.copy();
    // The one that is seen has the other list's epoch in its log before this one's.
    let (first, second) = (ago(3600), ago(1800));
    home.command("publish").args(["bandung-2024", "--now", &first]).done();
    home.publish_at(&second);
    // In the other it stands first, and is followed by a second one: the same size, another root.
    fork.publish_at(&second);
    let seen_manifest = fs::read(home.epoch_dir(1).join("manifest")).unwrap();
    assert_eq!(fs::read(fork.epoch_dir(1).join("manifest")).unwrap(), seen_manifest, "both begin with the same epoch");
    fork.publish_at(&ago(900));
    let longer = fork.copy();
    longer.publish_at(&ago(600));
    let world = World::of(home);
    let (fork, longer) = (Ceknikd::start(&fork), Ceknikd::start(&longer));
    let lies = vec![
        lie(
            "a log of the same size and another root",
            "fork",
            "the public log was forked: two checkpoints of the same size differ (the log was forked: two checkpoints of \
             size 2 have different roots)",
            from_another(&fork),
        ),
        lie(
            "a longer log with another beginning",
            "log_inconsistent",
            "the public log rewrote its history since this device last saw it (the log rewrote its history: the tree of \
             size 3 does not begin with the tree of size 2)",
            from_another(&longer),
        ),
    ];
    world.refutes(|proxy| visited(&world, proxy), &[], lies);
}
