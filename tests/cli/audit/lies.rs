//! Each rule broken by a publisher who signs it, found and named.

use std::fs;

use ceknik_core::log::{Policy, SignedCheckpoint};
use ceknik_core::manifest::{Manifest, NextKey};
use ceknik_core::oprf::OprfSecretKey;
use rand::rngs::OsRng;

use crate::liar::{LIST, Liar, hosted, refilter, reseal, turn};
use crate::publication::{Draft, EpochPlan};
use crate::support::http::Response;
use crate::support::proxy::Delivery;

type Alter = Box<dyn FnOnce(&mut Draft)>;

/// Publishes an epoch that is altered so after an honest one, audited; gives what is found.
#[track_caller]
fn found(plan: impl FnOnce(&mut EpochPlan), alter: impl FnOnce(&mut Draft)) -> Vec<(String, Option<u64>, String)> {
    let mut liar = Liar::new();
    liar.passes();
    plan(&mut liar.plan);
    liar.publish(alter);
    let told = liar.told();
    assert_eq!(told.code, 3, "{:#}", told.report);
    assert_eq!(told.at("/verdict"), "problem");
    // What is in the log stays in the log, and is told again.
    assert_eq!(liar.told().codes(), told.codes());
    let owned = |(code, epoch, detail): (&str, Option<u64>, &str)| (code.to_owned(), epoch, detail.to_owned());
    told.findings().into_iter().map(owned).collect()
}

#[track_caller]
fn one(found: Vec<(String, Option<u64>, String)>) -> (String, String) {
    let [(code, Some(2), detail)] = &found[..] else { panic!("{found:?}") };
    (code.clone(), detail.clone())
}

#[test]
fn cells() {
    let same = |_: &mut EpochPlan| {};
    let more = |plan: &mut EpochPlan| plan.members = 230;

    let cleared = one(found(same, |draft| refilter(draft, |shards| turn(shards, 1, false))));
    assert_eq!(cleared, ("cells_cleared".to_owned(), "1 cells that were set in epoch 1 are not set".to_owned()));

    // One cell that makes one person a permanent hit, in an epoch that has no new member.
    let (code, detail) = one(found(same, |draft| refilter(draft, |shards| turn(shards, 1, true))));
    assert_eq!(code, "new_cells_more");
    assert_eq!(detail, "1 cells are newly set since epoch 1; expected are 0.0, and 999 of 1,000 filters have 0 to 0");

    // A hundred new members: fifty cells that are nobody's; fifty of theirs, or of their noise, that are not set.
    let both: Vec<String> = found(more, |draft| refilter(draft, |shards| turn(shards, 50, true)))
        .into_iter()
        .map(|(code, ..)| code)
        .collect();
    assert_eq!(both, ["cells_more", "new_cells_more"]);
    let mut liar = Liar::new();
    liar.passes();
    let old = shards(&liar, 1);
    liar.plan.members = 230;
    liar.publish(|draft| {
        refilter(draft, |shards| {
            let mut left = 50;
            let cells = shards.iter_mut().zip(&old).flat_map(|(new, old)| new.iter_mut().zip(old).skip(45));
            for (new, old) in cells {
                while left > 0 && *new & !old != 0 {
                    let fresh = *new & !old;
                    *new ^= fresh & fresh.wrapping_neg();
                    left -= 1;
                }
            }
            assert_eq!(left, 0);
        });
    });
    assert_eq!(liar.told().codes(), ["cells_fewer", "new_cells_fewer"]);
}

/// The files of an epoch's shards.
fn shards(liar: &Liar, epoch: u64) -> Vec<Vec<u8>> {
    let manifest = fs::read(liar.publisher.epoch_dir(LIST, epoch).join("manifest")).unwrap();
    let shards = Manifest::parse(&manifest).unwrap().filter.unwrap().shards;
    let file = |digest: &[u8]| liar.publisher.dataset_dir(LIST).join("filter").join(ceknik_core::encoding::hex(digest));
    shards.iter().map(|shard| fs::read(file(&shard.sha256)).unwrap()).collect()
}

/// In the first epoch there is nothing to compare with but what members and noise explain.
#[test]
fn cells_of_a_first_epoch() {
    for (count, set, code) in [(60, false, "cells_fewer"), (60, true, "cells_more")] {
        let mut liar = Liar::with_nothing();
        liar.publish(|draft| refilter(draft, |shards| turn(shards, count, set)));
        let told = liar.told();
        assert_eq!((told.code, told.codes()), (3, vec![code]));
        let (_, _, detail) = told.findings()[0];
        assert!(
            detail.contains(" cells are set; expected are ") && detail.contains("999 of 1,000 filters have "),
            "{detail}"
        );
    }
}

#[test]
fn table() {
    let same = |_: &mut EpochPlan| {};
    let inflated = one(found(same, |draft| draft.manifest.records += 7));
    assert_eq!(inflated, ("records_count".to_owned(), "120 records were counted, the manifest says 127".to_owned()));

    let (code, detail) = one(found(same, |draft| reseal(draft, |buckets| buckets[0].swap(0, 1))));
    assert_eq!(code, "bucket_order");
    assert_eq!(detail, "bucket 0: entry 1 of the bucket is out of order or belongs to another bucket");

    // A record that lies where nobody looks for it.
    let (code, detail) = one(found(same, |draft| {
        reseal(draft, |buckets| {
            let hidden = buckets[0].remove(0);
            buckets[1].insert(0, hidden);
        });
    }));
    assert_eq!(code, "bucket_order");
    assert_eq!(detail, "bucket 1: entry 0 of the bucket is out of order or belongs to another bucket");

    // Removed without a word: allowed, and counted.
    let mut liar = Liar::new();
    liar.passes();
    liar.publish(|draft| {
        reseal(draft, |buckets| drop(buckets[3].remove(0)));
        draft.manifest.records -= 1;
    });
    let told = liar.told();
    assert_eq!((told.code, told.codes()), (0, vec![]));
    let changes = serde_json::json!({"since": 1, "added": 0, "removed": 1, "changed": 0});
    assert_eq!(told.at("/lists/0/epochs/1/audited/changes"), &changes);
}

/// Every rule of succession that a manifest can break and still agree with itself.
#[test]
fn succession() {
    let other_key = || *OprfSecretKey::generate(&mut OsRng).public_key();
    let cases: Vec<(&str, &str, Alter)> = vec![
        (
            "succession_previous",
            "entry 1: `previous` is not the SHA-256 of epoch 1's manifest",
            Box::new(|draft| draft.manifest.previous = Some([9; 32])),
        ),
        (
            "succession_time",
            "entry 1: published_at does not lie after that of epoch 1",
            Box::new(|draft| {
                let back = ceknik_core::time::Timestamp::from_unix(draft.manifest.published_at.unix() - 61).unwrap();
                draft.manifest.published_at = back;
                let end = ceknik_core::time::Timestamp::from_unix(back.unix() + 86_400).unwrap();
                draft.manifest.valid_until = end;
            }),
        ),
        (
            "succession_key",
            "entry 1: the key of the evaluation changed unannounced",
            Box::new(move |draft| draft.manifest.oprf.public_key = other_key()),
        ),
        (
            "succession_generation",
            "entry 1: disclosure.cover_percent changed within a generation",
            Box::new(|draft| draft.manifest.disclosure.cover_percent += 1),
        ),
        (
            "succession_noise",
            "entry 1: filter.noise does not follow from the epoch before",
            Box::new(|draft| {
                let filter = draft.manifest.filter.as_mut().unwrap();
                filter.noise += 1;
                let factor = ceknik_core::deniability::odds_factor(filter.geometry.cells(), filter.noise);
                draft.manifest.disclosure.odds_factor = Some(factor);
            }),
        ),
        (
            "succession_epoch_factor",
            "entry 1: disclosure.epoch_odds_factor does not follow from the epoch before",
            Box::new(|draft| draft.manifest.disclosure.epoch_odds_factor = Some(12.0)),
        ),
    ];
    for (code, detail, alter) in cases {
        let mut liar = Liar::new();
        liar.passes();
        liar.publish(alter);
        let told = liar.told();
        let findings = told.findings();
        assert!(findings.contains(&(code, Some(2), detail)), "{code}: {findings:?}");
        assert_eq!(told.code, 3);
    }
    // What was announced does not come.
    let mut liar = Liar::new();
    let next = other_key();
    liar.publish(|draft| draft.manifest.oprf.next = Some(NextKey { public_key: next, from_epoch: 3 }));
    liar.passes();
    liar.publish(|_| {});
    let findings = liar.told();
    assert_eq!(findings.findings(), [("succession_announced", Some(3), "entry 2: the announced key did not come")]);
}

#[test]
fn epochs() {
    // One is missing.
    let (code, detail) = {
        let mut liar = Liar::new();
        liar.publish(|draft| draft.manifest.epoch = 4);
        let told = liar.told();
        let (code, _, detail) = told.findings()[0];
        (code.to_owned(), detail.to_owned())
    };
    assert_eq!((&*code, &*detail), ("epoch_gap", "entry 1 is epoch 4; not logged: 2 to 3"));

    // One is written twice: the second of them is served.
    let mut liar = Liar::new();
    liar.passes();
    let mut again = liar.publisher.manifest(LIST).clone();
    again.records -= 1;
    let again = again.to_bytes().unwrap();
    let proof = liar.publisher.append(again.clone());
    fs::write(liar.publisher.epoch_dir(LIST, 1).join("manifest"), again).unwrap();
    fs::write(liar.publisher.epoch_dir(LIST, 1).join("proof"), proof).unwrap();
    let told = liar.told();
    assert_eq!(told.code, 3);
    let findings = told.findings();
    let second = ("second_leaf", Some(1), "entries 0 and 1 are both epoch 1, the later one another manifest");
    assert!(findings.contains(&second), "{findings:?}");
    assert!(told.codes().contains(&"list_unlogged"), "{findings:?}");
    // It needs no memory: the log has both.
    let stranger = crate::Told::of(crate::audit(&liar.host.url(), &liar.policy()).arg("--no-probes"));
    assert!(stranger.findings().contains(&second));

    // The same bytes twice.
    let mut liar = Liar::new();
    let same = liar.publisher.manifest(LIST).to_bytes().unwrap();
    liar.publisher.append(same);
    let told = liar.told();
    assert_eq!(told.findings()[0].2, "entries 0 and 1 are both epoch 1, the later one the same manifest");
}

#[test]
fn entries_that_are_no_manifests_of_this_log() {
    let mut liar = Liar::new();
    liar.publisher.append(b"{}".to_vec());
    let mut foreign = liar.publisher.manifest(LIST).clone();
    foreign.log = "elsewhere.example.org/log".to_owned();
    liar.publisher.append(foreign.to_bytes().unwrap());
    let told = liar.told();
    assert_eq!(told.code, 3);
    assert_eq!(told.codes(), ["leaf_malformed", "leaf_of_another_log"]);
    assert_eq!(told.findings()[1].2, "entry 2 names the log elsewhere.example.org/log");
    let told_before =
        |told: &crate::Told| [0, 1].map(|place| told.at(&format!("/findings/{place}/told_before")) == true);
    assert_eq!(told_before(&told), [false; 2]);
    // The next audit marks what is new.
    liar.publisher.append(b"[]".to_vec());
    let told = liar.told();
    assert_eq!(told.codes(), ["leaf_malformed", "leaf_of_another_log", "leaf_malformed"]);
    assert_eq!(told_before(&told), [true; 2]);
    assert_eq!(told.at("/findings/2/told_before"), false);
    let text = liar.audit().run().stdout;
    assert!(text.contains("  leaf_malformed [log], masalah / problem: "), "{text}");
    assert_eq!(text.matches(" (sudah disampaikan / told before)\n").count(), 3, "{text}");
}

/// Whoever may sign a log may fill it: what is alike is counted, and there is an end.
#[test]
fn a_log_full_of_nothing() {
    let mut liar = Liar::new();
    liar.passes();
    for entry in 0..200 {
        liar.publisher.append(format!("{entry}").into_bytes());
    }
    let told = liar.told();
    assert_eq!((told.code, told.codes()), (3, vec!["leaf_malformed"; 16]));
    let counts: Vec<u64> =
        (0..16).map(|place| told.at(&format!("/findings/{place}/count")).as_u64().unwrap()).collect();
    assert_eq!((counts[..15].to_vec(), counts[15]), (vec![1; 15], 185));
    let text = liar.audit().run().stdout;
    assert!(text.contains(" (dan 184 lagi / and 184 more)"), "{text}");
    let checkpoint = liar.publisher.invented_checkpoint(1 << 18);
    let public = liar.publisher.public();
    liar.host.behave(move |request, _| -> Delivery {
        match request.path.as_str() {
            "/log/checkpoint" => Response::new(200, checkpoint.clone()).into(),
            _ => hosted(&public, request).into(),
        }
    });
    let stranger = crate::Told::of(crate::audit(&liar.host.url(), &liar.policy()).arg("--no-probes"));
    let detail = "it has 262144 entries, and an audit follows 131072 at most";
    assert_eq!((stranger.code, stranger.findings()), (3, vec![("log_too_large", None, detail)]));
}

/// Another list under the same key: whoever has both intersects them.
#[test]
fn a_key_of_two_lists() {
    let mut liar = Liar::new();
    let first = liar.publisher.manifest(LIST).clone();
    let plan = liar.plan.clone();
    let epoch = liar.publisher.stage_altered("other", &plan, |draft| draft.manifest.oprf = first.oprf.clone());
    liar.publisher.make_current("other", epoch);
    let told = liar.told();
    let detail = "entry 1: the key was used before, in another list or generation";
    assert_eq!(told.findings(), [("secret_reused", Some(1), detail)]);
    // Who audits the first list alone is not told of the other.
    let told = crate::Told::of(crate::audit(&liar.host.url(), &liar.policy()).args(["--no-probes", LIST]));
    assert_eq!((told.code, told.codes()), (0, vec![]));
}

/// One address is shown another log than the one before.
#[test]
fn forks() {
    let fork = |shown: Vec<u8>, code: &str, words: &str, liar: &Liar| {
        let public = liar.publisher.public();
        liar.host.behave(move |request, _| -> Delivery {
            match request.path.as_str() {
                "/log/checkpoint" => Response::new(200, shown.clone()).into(),
                _ => hosted(&public, request).into(),
            }
        });
        let told = liar.told();
        assert_eq!((told.code, told.at("/verdict")), (5, &"fork".into()), "{:#}", told.report);
        let findings = told.findings();
        let (found, _, detail) = findings[0];
        assert_eq!(found, code);
        assert!(detail.starts_with(words), "{detail}");
        // Both are kept as they were signed.
        let evidence = detail.split("both checkpoints are in ").nth(1).unwrap();
        for name in ["seen-before", "shown-now"] {
            let note = fs::read(std::path::Path::new(evidence).join(name)).unwrap();
            let policy = Policy::parse(&fs::read(liar.policy()).unwrap()).unwrap();
            SignedCheckpoint::parse(&note).unwrap().verify(&policy).unwrap();
        }
        // And the truth is believed afterwards.
        let public = liar.publisher.public();
        liar.host.behave(move |request, _| -> Delivery { hosted(&public, request).into() });
    };
    let mut liar = Liar::new();
    let old = fs::read(liar.publisher.public().join("log/checkpoint")).unwrap();
    liar.publish(|_| {});
    liar.passes();
    let forked = liar.publisher.forked_checkpoint();
    fork(forked.clone(), "log_forked", "the log was forked: two checkpoints of size 2 have different roots", &liar);
    liar.passes();
    fork(old, "log_rolled_back", "the log was rolled back: it had 2 entries, and the new checkpoint has 1", &liar);
    liar.publish(|_| {});
    liar.passes();
    // The fork of size 2 is no beginning of the log of size 3, whichever comes first.
    let words = "the log rewrote its history: the tree of size 3 does not begin with the tree of size 2";
    fork(forked, "log_rewritten", words, &liar);
    // Another publisher with the same key, from the start on.
    let mut other = Liar::with_nothing();
    other.publish(|draft| draft.manifest.title.en = "Another list".to_owned());
    for _ in 0..4 {
        other.publish(|_| {});
    }
    let public = other.publisher.public();
    liar.host.behave(move |request, _| -> Delivery { hosted(&public, request).into() });
    let told = liar.told();
    assert_eq!((told.code, told.codes()), (5, vec!["log_rewritten"]));
}
