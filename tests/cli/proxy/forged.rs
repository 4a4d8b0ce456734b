//! Lies that the log's key signed, or that show another log: what only memory, a policy and witnesses notice.

use std::fs;
use std::path::PathBuf;

use ceknik_core::filter::ShardDigest;
use ceknik_core::log::{Cosigner, LogSigner, Policy, TlogProof};
use ceknik_core::manifest::{Manifest, manifest_sha256};
use ceknik_core::oprf::OprfSecretKey;
use ceknik_core::time::Timestamp;
use rand::rngs::OsRng;

use crate::support::command::ceknik;
use crate::support::forger::{self, Forger};
use crate::support::home::{TestHome, nik};
use crate::support::http::{Request, Response};
use crate::support::proxy::{Delivery, Upstream, altering};
use crate::support::service::Ceknikd;
use crate::world::{Device, LISTED, World, from_another, lie, stranger, visited};

/// Serves a forged manifest as the current one, with its tlog-proof and the log's new tiles; everything else is the
/// service's own.
fn forging(mut forger: Forger, manifest: Vec<u8>) -> impl Fn(&Request, &Upstream) -> Delivery + Send + Sync + 'static {
    let epoch = Manifest::parse(&manifest).unwrap().epoch;
    let proof = forger.log(&manifest);
    move |request, upstream| {
        let tile = |path: &str| forger.tiles.iter().find(|(tile, _)| path == format!("/log/{}", tile.path()));
        let forged = match request.path.as_str() {
            "/v1/jakarta-2024/manifest" => Some(&manifest),
            path if path == format!("/v1/jakarta-2024/epochs/{epoch}/manifest") => Some(&manifest),
            path if path == format!("/v1/jakarta-2024/epochs/{epoch}/proof") => Some(&proof),
            path => tile(path).map(|(_, bytes)| bytes),
        };
        forged.map_or_else(|| upstream.send(request), |bytes| Response::new(200, bytes.clone())).into()
    }
}

/// The epoch after, as a publisher would renew it, for a forger to change.
fn renewed(before: &Manifest) -> Manifest {
    let mut manifest = before.clone();
    manifest.epoch += 1;
    manifest.previous = Some(manifest_sha256(&before.to_bytes().unwrap()));
    manifest.published_at = Timestamp::from_unix(before.published_at.unix() + 1).unwrap();
    manifest.disclosure.epoch_odds_factor = None;
    manifest
}

#[test]
fn wrong_key_that_is_logged() {
    let world = World::new();
    let mut manifest = renewed(&forger::manifest(&world.home, 1));
    // Without the lie the next epoch would be believed.
    let honest = forging(Forger::with_log_of(&world.home), manifest.to_bytes().unwrap());
    let proxy = world.proxy();
    let device = visited(&world, &proxy);
    proxy.behave(move |request, upstream| match request.path.contains("/epochs/2/buckets/") {
        true => upstream.get(&request.path.replace("/epochs/2/", "/epochs/1/")).into(),
        false => honest(request, upstream),
    });
    assert!(world.ask(&proxy.url(), &device, &[]).all());

    manifest.oprf.public_key = *OprfSecretKey::generate(&mut OsRng).public_key();
    let lies = vec![lie(
        "the next epoch has another key, which nobody announced",
        "wrong_key",
        "the publisher's evaluation key changed without having been announced (the key of the evaluation changed unannounced)",
        forging(Forger::with_log_of(&world.home), manifest.to_bytes().unwrap()),
    )];
    world.refutes(|proxy| visited(&world, proxy), &[], lies);
}

#[test]
fn second_manifest_for_one_epoch() {
    let home = TestHome::with_list(LISTED);
    let other = home.copy();
    home.publish();
    other.command("withdraw").arg("jakarta-2024").stdin(nik(150)).done();
    other.publish();
    let world = World::of(home);
    let other = Ceknikd::start(&other);
    let mut manifest = forger::manifest(&world.home, 1);
    manifest.title.en = "Another list".to_owned();
    let told = "the publisher logged two different manifests for one epoch";
    let lies = vec![
        lie("in a log of its own", "second_manifest", format!("{told} (epoch 1)"), from_another(&other)),
        lie(
            "in the same log",
            "second_manifest",
            format!("{told} (epoch 1)"),
            forging(Forger::with_log_of(&world.home), manifest.to_bytes().unwrap()),
        ),
        lie(
            "as the epoch that the next one names",
            "second_manifest",
            format!("{told} (`previous` is not the SHA-256 of epoch 1's manifest)"),
            forging(Forger::with_log_of(&world.home), renewed(&manifest).to_bytes().unwrap()),
        ),
    ];
    world.refutes(|proxy| visited(&world, proxy), &[], lies);
}

/// The publisher leaves people out of the filter who are in the sealed table: whoever is confirmed all the same is told so, and
/// holds what proves it to others.
#[test]
fn a_filter_that_lacks_sealed_records() {
    let world = World::new();
    let mut manifest = forger::manifest(&world.home, 1);
    let shard = |manifest: &Manifest| ceknik_core::encoding::hex(&manifest.filter.as_ref().unwrap().shards[0].sha256);
    let mut filter = world.service.get(&format!("/v1/jakarta-2024/filter/{}", shard(&manifest))).body;
    // Behind the header nobody's cell is set.
    filter[45..].fill(0);
    manifest.filter.as_mut().unwrap().shards[0] = ShardDigest::of(&filter);
    let path = format!("/v1/jakarta-2024/filter/{}", shard(&manifest));
    let forged = forging(Forger::with_empty_log(&world.home), manifest.to_bytes().unwrap());
    let proxy = world.proxy();
    proxy.behave(move |request, upstream| match request.path == path {
        true => Response::new(200, filter.clone()).into(),
        false => forged(request, upstream),
    });
    let dir = tempfile::tempdir().unwrap();
    let evidence = dir.path().join("evidence");
    let ran = world.check(&proxy.url(), &Device::new(), &["--json", "--evidence", evidence.to_str().unwrap()]).done();
    let line = &ran.json_lines()[0];
    assert_eq!((line["answer"].as_str(), line["local"].as_str()), (Some("listed"), Some("miss")));
    assert!(line["warnings"].as_array().unwrap().iter().any(|code| code == "filter_lacks_record"), "{line}");
    let told = world.check(&proxy.url(), &Device::new(), &["--confirm-all"]).done().stdout;
    let warning = "the filter misses this NIK although a sealed record is there: the publisher's filter is wrong";
    assert!(told.contains(warning), "{told}");
    // The evidence stands by itself: the NIK, the file, the policy.
    let verified = ceknik(["verify"]).arg(line["evidence"].as_str().unwrap()).arg("--policy").arg(world.home.policy());
    let verified = verified.arg("--accept-weak").arg("--json").stdin(format!("{}\n", world.niks[0])).run();
    assert_eq!((verified.code(), verified.json()["verdict"].as_str()), (4, Some("filter_lacks_record")));
    // Who asks for no confirmation is not told: that is what the cover is for.
    let said = world.check(&proxy.url(), &Device::new(), &["--json", "--local-only"]).done();
    assert_eq!(said.json_lines()[0]["answer"], "not_listed");
}

/// The publisher signs a manifest that names a filter which no honest one would make.
#[test]
fn filters_that_the_manifest_vouches_for() {
    let world = World::new();
    let manifest = forger::manifest(&world.home, 1);
    let name = |manifest: &Manifest| ceknik_core::encoding::hex(&manifest.filter.as_ref().unwrap().shards[0].sha256);
    let path = format!("/v1/jakarta-2024/filter/{}", name(&manifest));
    let filter = world.service.get(&path).body;
    let with_filter = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut altered = filter.clone();
        change(&mut altered);
        let mut manifest = manifest.clone();
        manifest.filter.as_mut().unwrap().shards[0] = ShardDigest::of(&altered);
        let path = format!("/v1/jakarta-2024/filter/{}", name(&manifest));
        let forged = forging(Forger::with_empty_log(&world.home), manifest.to_bytes().unwrap());
        move |request: &Request, upstream: &Upstream| match request.path == path {
            true => Response::new(200, altered.clone()).into(),
            false => forged(request, upstream),
        }
    };
    let mut other_root = manifest.clone();
    other_root.filter.as_mut().unwrap().shards[0].root = [9; 32];
    let header = "the filter's header disagrees with the manifest";
    let lies = vec![
        lie(
            "k = 2^32 - 1",
            "filter_header",
            format!("{header} (the filter shard's header disagrees with the manifest: k)"),
            with_filter(&|filter| filter[9..13].fill(0xff)),
        ),
        lie(
            "bits of no length",
            "filter_header",
            format!("{header} (the filter shard's header disagrees with the manifest: length)"),
            with_filter(&|filter| filter[1..9].fill(0)),
        ),
        lie(
            "a file of no length",
            "filter_length",
            "the filter has another length than the manifest says (the filter shard is 0 bytes long, the manifest says 8237)",
            with_filter(&Vec::clear),
        ),
        lie(
            "another seed",
            "filter_header",
            format!("{header} (the filter shard's header disagrees with the manifest: seed)"),
            with_filter(&|filter| filter[13] ^= 1),
        ),
        lie(
            "another tree over the file",
            "filter_root",
            "the filter's tree is not the manifest's (the filter shard's tree root is not the manifest's)",
            forging(Forger::with_empty_log(&world.home), other_root.to_bytes().unwrap()),
        ),
    ];
    // The publisher signed it: the device remembers that, and takes the true manifest for the second one.
    let lies = lies.into_iter().map(|lie| lie.leaving("second_manifest")).collect();
    world.refutes(stranger, &[], lies);
}

/// A policy file beside a world's home.
fn policy_file(world: &World, text: &str) -> PathBuf {
    world.home.write("trusted-policy", text)
}

#[test]
fn quorum_not_met() {
    let world = World::new();
    let log_key = fs::read_to_string(world.home.path().join("keys/log.pub")).unwrap();
    let (witness, impostor) =
        (Cosigner::generate("paper", &mut OsRng).unwrap(), Cosigner::generate("paper", &mut OsRng).unwrap());
    let text = format!("log {log_key}witness paper {}\nquorum paper\n", witness.verifier_key());
    let policy = policy_file(&world, &text);
    let options = ["--policy", policy.to_str().unwrap()];
    let proof = fs::read(world.home.epoch_dir(1).join("proof")).unwrap();
    let checkpoint = TlogProof::parse(&proof).unwrap().checkpoint().clone();
    let plain = Policy::parse(&fs::read(world.home.policy()).unwrap()).unwrap();
    let verified = checkpoint.verify(&plain).unwrap();
    let cosigned = |by: &Cosigner| [&proof[..], &by.cosign(&verified, 1_700_000_000).unwrap()].concat();

    let proxy = world.proxy();
    let whole = cosigned(&witness);
    proxy.behave(altering("/epochs/1/proof", move |body| *body = whole.clone()));
    assert!(world.ask(&proxy.url(), &Device::new(), &options).all(), "with its cosignature the list is believed");

    let by_impostor = cosigned(&impostor);
    let mut altered = cosigned(&witness);
    let at = altered.len() - 30;
    altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
    let too_few = "too few witnesses of the trust policy have seen this list (too few witnesses cosigned the \
                   checkpoint: \"paper\" needs 1 of its 1 and has 0 (0 of the policy's 1 witnesses cosigned))";
    let false_cosignature = "the list is not signed as the trust policy demands (the cosignature of the witness \"paper\" on \
                             the checkpoint is false)";
    for (name, reason, told, proof) in [
        ("no witness", "quorum_not_met", too_few, proof.clone()),
        ("somebody of the same name", "quorum_not_met", too_few, by_impostor),
        ("an altered cosignature", "policy", false_cosignature, altered),
    ] {
        let proxy = world.proxy();
        proxy.behave(altering("/epochs/1/proof", move |body| *body = proof.clone()));
        assert_eq!(world.ask(&proxy.url(), &Device::new(), &options).reason(), reason, "{name}");
        let text = world.told(&proxy.url(), &Device::new(), &options);
        assert_eq!(text, format!("BELUM ADA JAWABAN / no answer: {told}"), "{name}");
    }
}

#[test]
fn another_log() {
    let world = World::new();
    // Another publisher under the same names, with keys of his own.
    let other_home = TestHome::published(LISTED);
    let other = Ceknikd::start(&other_home);
    let told = "the list is not signed as the trust policy demands (the checkpoint is not signed by the policy's key for the \
                log \"ceknik.example.org/log\")";
    let lies = vec![lie("everything is another's", "policy", told, from_another(&other))];
    // The policy was pinned at the first visit.
    world.refutes(|proxy| visited(&world, proxy), &[], lies);
    // It was given.
    let lies = vec![lie("everything is another's", "policy", told, from_another(&other))];
    let policy = world.home.policy();
    world.refutes(stranger, &["--policy", policy.to_str().unwrap()], lies);
    // The key is right and the manifest is another log's.
    let mut manifest = forger::manifest(&world.home, 1);
    manifest.log = "elsewhere.example.org/log".to_owned();
    let told = "the proof that the list is in the public log does not hold (the manifest names another log than the \
                one that it was found in)";
    let forged = forging(Forger::with_empty_log(&world.home), manifest.to_bytes().unwrap());
    world.refutes(stranger, &[], vec![lie("the manifest of another log", "log_proof_invalid", told, forged)]);
}

/// A first visit trusts whoever answers, and says so; the pinned policy is not replaced afterwards by another.
#[test]
fn a_pinned_policy_is_not_replaced() {
    let world = World::new();
    let proxy = world.proxy();
    let device = Device::new();
    let first = world.check(&proxy.url(), &device, &[]).run();
    assert!(first.stderr.contains("First visit"), "{first:?}");
    let stranger = LogSigner::generate("ceknik.example.org/log", &mut OsRng).unwrap();
    let policy = Policy::for_log(stranger.verifier_key()).to_bytes();
    proxy.behave(altering("/v1/policy", move |body| *body = policy.clone()));
    proxy.take_requests();
    assert!(world.ask(&proxy.url(), &device, &[]).all());
    assert!(proxy.take_requests().iter().all(|request| request.path != "/v1/policy"), "asked for once");
    let again = world.check(&proxy.url(), &device, &[]).run();
    assert!(!again.stderr.contains("First visit"), "{again:?}");
}
