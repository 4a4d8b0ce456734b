//! How it stands with an epoch from audit to audit: what failed is not forgotten, and what passed is looked at again.

use std::fs;

use serde_json::{Value, json};

use crate::Told;
use crate::liar::{LIST, Liar};
use crate::served::alter;
use crate::support::http::Response;

fn flip(response: &mut Response) {
    response.body[110] ^= 1;
}

fn refuse(status: u16) -> impl Fn(&mut Response) + Send + Sync + 'static {
    move |response| *response = Response::new(status, "no")
}

fn files(told: &Told) -> Vec<&str> {
    let epochs = told.at("/lists/0/epochs").as_array().unwrap();
    epochs.iter().map(|epoch| epoch["files"].as_str().unwrap()).collect()
}

/// What was not checked of an epoch, but for probes.
fn unchecked(told: &Told, epoch: u64) -> Vec<(&str, &str, &Value)> {
    let all = told.at("/unchecked").as_array().unwrap().iter();
    let of_epoch = all.filter(|unchecked| unchecked["epoch"] == epoch);
    let text = |unchecked: &'_ Value, name: &str| unchecked[name].as_str().unwrap().to_owned().leak() as &str;
    of_epoch.map(|unchecked| (text(unchecked, "what"), text(unchecked, "why"), &unchecked["expected"])).collect()
}

const FILES: &str = "filter and buckets";

#[test]
fn an_epoch_that_was_wrong_is_asked_for_until_it_is_right() {
    let mut liar = Liar::new();
    liar.passes();
    let root = ("bucket_root", Some(2), "bucket 5: the bucket does not belong to the manifest's tree");
    liar.plan.records = 110;
    liar.publish(|_| {});
    alter(&liar, "/epochs/2/buckets/5", flip);
    let told = liar.told();
    assert_eq!((told.code, told.findings()), (3, vec![root]));
    // Later epochs do not hide it, this night or the next.
    liar.plan.records = 115;
    liar.publish(|_| {});
    for night in 0..2 {
        let told = liar.told();
        assert_eq!((told.code, told.findings()), (3, vec![root]), "night {night}");
        assert_eq!(files(&told), ["verified", "wrong", "verified"]);
        let why = "they are wrong or withheld; the next audit asks for them again";
        assert_eq!(unchecked(&told, 2), [(FILES, why, &json!(false))]);
    }
    // Refused, or gone, it is not right.
    for (status, why) in [
        (403, "they were wrong or withheld before, and now: bucket 5: the service refuses it (status 403)"),
        (404, "they were wrong or withheld before, and are served no more"),
    ] {
        alter(&liar, "/epochs/2/buckets/", refuse(status));
        for night in 0..2 {
            let told = liar.told();
            assert_eq!((told.code, told.codes()), (4, vec![]), "{status}, night {night}");
            assert_eq!(files(&told), ["verified", "wrong", "verified"]);
            assert_eq!(unchecked(&told, 2), [(FILES, &*why.replace("bucket 5", "bucket 0"), &json!(false))]);
        }
    }
    // Mended, or had from somebody's archive.
    alter(&liar, "nothing", |_| {});
    let told = liar.told();
    assert_eq!((told.code, told.codes(), files(&told)), (0, vec![], vec!["verified"; 3]));
    assert_eq!(told.at("/lists/0/epochs/1/audited/records"), 110);
    // It came after the one that follows it, and is compared with none.
    assert_eq!(told.at("/lists/0/epochs/1/audited/changes"), &Value::Null);
    let changes = json!({"since": 1, "added": 0, "removed": 5, "changed": 0});
    assert_eq!(told.at("/lists/0/epochs/2/audited/changes"), &changes);
    let kept: Vec<_> =
        fs::read_dir(liar.state().join("lists").join(LIST)).unwrap().map(|entry| entry.unwrap()).collect();
    let tables: Vec<_> = kept.iter().map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert_eq!(tables.iter().filter(|name| name.starts_with("table-")).collect::<Vec<_>>(), ["table-3"]);
    liar.host.take_requests();
    liar.passes();
    assert!(liar.host.take_requests().iter().all(|request| !request.path.contains("/epochs/2/")));
}

/// Only 404 and 410 say that files went; whatever else is asked for again.
#[test]
fn an_old_epoch_that_cannot_be_had_is_asked_for_again() {
    let mut liar = Liar::new();
    liar.plan.records = 110;
    liar.publish(|_| {});
    for (status, why) in
        [(403, "bucket 0: the service refuses it (status 403)"), (500, "bucket 0: the service answers with status 500")]
    {
        alter(&liar, "/epochs/1/buckets/0", refuse(status));
        let told = liar.told();
        assert_eq!((told.code, told.codes(), files(&told)), (4, vec![], vec!["unchecked", "verified"]));
        assert_eq!(unchecked(&told, 1), [(FILES, why, &json!(false))]);
    }
    alter(&liar, "/epochs/1/buckets/", refuse(410));
    let told = liar.told();
    assert_eq!((told.code, told.codes(), files(&told)), (0, vec![], vec!["gone", "verified"]));
    let why = "they are served no more, as files of old epochs are not";
    assert_eq!(unchecked(&told, 1), [(FILES, why, &json!(true))]);
    // What is gone is not asked for again.
    liar.host.take_requests();
    let told = liar.told();
    assert_eq!((told.code, files(&told)), (0, vec!["gone", "verified"]));
    assert!(liar.host.take_requests().iter().all(|request| !request.path.contains("/epochs/1/")));
}

/// The newest has to be there: withheld then and gone later is not as it may be.
#[test]
fn an_epoch_that_was_withheld_while_it_was_the_newest() {
    let mut liar = Liar::new();
    alter(&liar, "/epochs/1/buckets/", refuse(404));
    let told = liar.told();
    let detail = "bucket 0: the service does not have it (status 404)";
    assert_eq!((told.code, told.findings()), (3, vec![("bucket_withheld", Some(1), detail)]));
    liar.plan.records = 110;
    liar.publish(|_| {});
    let told = liar.told();
    assert_eq!((told.code, told.codes(), files(&told)), (4, vec![], vec!["wrong", "verified"]));
    let why = "they were wrong or withheld before, and are served no more";
    assert_eq!(unchecked(&told, 1), [(FILES, why, &json!(false))]);
}

/// A refusal that lasts is withholding, of whatever kind it is.
#[test]
fn a_refusal_is_withholding() {
    for (part, code, detail) in [
        ("/log/tile/0", "log_tiles", "the log's tile/0/000.p/1: the service refuses it (status 451)"),
        (
            "/log/tile/entries",
            "log_entry_withheld",
            "the log's tile/entries/000.p/1: the service refuses it (status 451)",
        ),
        ("/jakarta-2024/manifest", "list_withheld", "the service refuses it (status 451)"),
        ("/epochs/1/manifest", "manifest_withheld", "the service refuses it (status 451)"),
        ("/proof", "log_proof_invalid", "the service refuses it (status 451)"),
        ("/filter/", "filter_withheld", "shard 0: the service refuses it (status 451)"),
        ("/buckets/", "bucket_withheld", "bucket 0: the service refuses it (status 451)"),
    ] {
        let liar = Liar::new();
        alter(&liar, part, refuse(451));
        let told = liar.told();
        let found: Vec<(&str, &str)> = told.findings().into_iter().map(|(code, _, detail)| (code, detail)).collect();
        assert_eq!((told.code, found), (3, vec![(code, detail)]), "{part}");
        alter(&liar, "nothing", |_| {});
        liar.passes();
    }
}

/// What was verified is looked at again as it is served now.
#[test]
fn what_passed_is_looked_at_again() {
    let mut liar = Liar::new();
    let first = liar.told();
    assert_eq!((first.code, first.at("/lists/0/again")), (0, &Value::Null));
    let wrong = "the bucket does not belong to the manifest's tree";
    let digest = "the filter shard's SHA-256 is not the manifest's";
    // Of two files of the filter one is looked at: both are altered.
    for (part, code, detail) in [
        ("/buckets/", "bucket_root", format!("bucket 0: {wrong}, and 7 more")),
        ("/buckets/6", "bucket_root", format!("bucket 6: {wrong}")),
        ("/filter/", "filter_digest", digest.to_owned()),
    ] {
        alter(&liar, part, flip);
        let told = liar.told();
        let [(found, Some(1), words)] = told.findings()[..] else { panic!("{part}: {:#}", told.report) };
        assert_eq!((told.code, found, files(&told)), (3, code, vec!["wrong"]));
        assert_eq!(words.trim_start_matches("shard 0: ").trim_start_matches("shard 1: "), detail);
    }
    alter(&liar, "/buckets/3", refuse(403));
    let told = liar.told();
    let detail = "bucket 3: the service refuses it (status 403)";
    assert_eq!((told.code, told.findings()), (3, vec![("bucket_withheld", Some(1), detail)]));
    alter(&liar, "/buckets/3", refuse(503));
    let told = liar.told();
    assert_eq!((told.code, told.codes()), (4, vec![]));
    let why = "bucket 3: the service answers with status 503";
    assert!(unchecked(&told, 1).contains(&("a sample of what is served now", why, &json!(false))));

    // Mended; what was left out is told, and is as it may be.
    alter(&liar, "nothing", |_| {});
    let told = liar.told();
    assert_eq!((told.code, told.codes(), files(&told)), (0, vec![], vec!["verified"]));
    let again = json!({"buckets": 8, "of_buckets": 8, "shards": 1, "of_shards": 2});
    assert_eq!(told.at("/lists/0/again"), &again);
    let why = "the same was verified before; of what is served now a sample was looked at, drawn at random";
    assert_eq!(unchecked(&told, 1), [("1 of 2 files of the filter as they are served now", why, &json!(true))]);
    let text = liar.audit().done().stdout;
    let line = "  dilihat lagi / looked at again: 8 dari / of 8 bagian / buckets, 1 dari / of 2 berkas saringan / files of the filter";
    assert!(text.lines().any(|told| told == line), "{text}");

    // A renewal has buckets of its own, which nobody has looked at.
    liar.publish(|_| {});
    alter(&liar, "/epochs/2/buckets/", flip);
    let told = liar.told();
    let detail = format!("bucket 0: {wrong}, and 7 more");
    assert_eq!((told.code, told.findings()), (3, vec![("bucket_root", Some(2), &*detail)]));
    alter(&liar, "nothing", |_| {});
    liar.passes();
}

/// Of many buckets a sample is fetched.
#[test]
fn a_sample_is_of_sixty_four() {
    let mut liar = Liar::with_nothing();
    liar.plan.bits = 7;
    liar.publish(|_| {});
    liar.passes();
    let sampled = |liar: &Liar| {
        liar.host.take_requests();
        liar.passes();
        let asked = liar.host.take_requests().into_iter().map(|request| request.path);
        asked.filter(|path| path.contains("/buckets/")).collect::<std::collections::BTreeSet<String>>()
    };
    // Another one each time: that two of 64 in 128 are one has a chance of 1 in 10^37.
    let (one, other) = (sampled(&liar), sampled(&liar));
    assert_eq!((one.len(), other.len()), (64, 64));
    assert_ne!(one, other);
    let what = "64 of 128 buckets and 1 of 2 files of the filter as they are served now";
    assert_eq!(unchecked(&liar.told(), 1)[0].0, what);
    alter(&liar, "/buckets/", flip);
    let told = liar.told();
    let [("bucket_root", Some(1), words)] = told.findings()[..] else { panic!("{:#}", told.report) };
    assert!(words.ends_with(": the bucket does not belong to the manifest's tree, and 63 more"), "{words}");
}
