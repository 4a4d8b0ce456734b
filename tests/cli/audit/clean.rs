//! A history in which nothing is wrong.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::support::home::{DATASET, TestHome, list, nik};
use crate::support::http::Request;
use crate::support::proxy::Proxy;
use crate::support::service::Ceknikd;
use crate::{Told, audit, is_well};

/// Two epochs, a renewal, withdrawals and changes, a new generation; audited at once, and piece by piece.
#[test]
fn a_clean_history_has_its_exact_figures() {
    let home = TestHome::published(0..200);
    let mut service = Ceknikd::start(&home);
    let state = home.beside("audit");
    let proxy = Proxy::before(service.address());
    let again = || Told::but_for_chance(audit(&proxy.url(), &home.policy()).arg("--state").arg(&state));
    let mut serve = |epoch: u64| {
        service.wait_for_log(|line| line["message"] == "epoch served" && line["epoch"] == epoch);
    };

    let first = again();
    assert_eq!((first.code, first.codes()), (0, vec![]), "{:#}", first.report);
    assert_eq!(first.at("/verdict"), "all_well");
    assert_eq!(first.at("/log/size"), 1);
    assert_eq!(first.at("/log/size_before"), &json!(null));
    let manifest = service_manifest(&proxy, 1);
    let (set, noise) = counted_cells(&proxy, &manifest);
    let audited = first.at("/lists/0/epochs/0/audited");
    assert_eq!(audited["records"], 200);
    assert_eq!(audited["cells"]["set"], set);
    assert_eq!(audited["cells"]["cells"], 65_536);
    assert_eq!(audited["changes"], json!(null));
    assert_eq!(audited["buckets"]["count"], 16);
    // Noise of 65,536 · 200 / 3,800 cells, and 200 people: with what falls together, to the next whole cell.
    assert_eq!(noise, 3450);
    let mean = audited["cells"]["expected"]["mean"].as_f64().unwrap();
    let (n, c): (f64, f64) = (65_536.0, 3450.0);
    assert!((mean - (n - (n - c) * (1.0 - 1.0 / n).powi(200))).abs() < 1e-6, "{mean}");
    assert_eq!(
        first.at("/lists/0/probes"),
        &json!({
            "evaluations": 8, "elements": 68, "proved": 8, "errors": 7,
            "limits": first.at("/lists/0/probes/limits"),
        })
    );
    assert_eq!(first.at("/lists/0/promise/people_per_bucket"), 250);
    assert_eq!(first.at("/lists/0/promise/base_rate_percent"), 5.0);

    // Ten more, five fewer, two otherwise.
    home.import(list(200..210));
    home.import(list(20..22).replace(",ms,", ",tms,"));
    home.command("withdraw").arg(DATASET).stdin((0..5).map(|number| nik(number) + "\n").collect::<String>()).done();
    home.publish();
    serve(2);
    // A renewal: its buckets are the same, and are looked at as it serves them.
    home.publish();
    serve(3);
    proxy.take_requests();
    let second = again();
    assert_eq!((second.code, second.codes()), (0, vec![]), "{:#}", second.report);
    assert_eq!((second.at("/log/size"), second.at("/log/size_before")), (&json!(3), &json!(1)));
    assert_eq!(
        second.at("/lists/0/epochs/1/audited/changes"),
        &json!({"since": 1, "added": 10, "removed": 5, "changed": 2})
    );
    assert_eq!(second.at("/lists/0/epochs/1/audited/records"), 205);
    assert_eq!(
        second.at("/lists/0/epochs/2/audited/changes"),
        &json!({"since": 2, "added": 0, "removed": 0, "changed": 0})
    );
    let growth = second.at("/lists/0/epochs/1/audited/cells/growth");
    assert_eq!((&growth["since"], &growth["cleared"]), (&json!(1), &json!(0)));
    let growth = second.at("/lists/0/epochs/2/audited/cells/growth");
    assert_eq!((&growth["newly_set"], &growth["expected"]["high"]), (&json!(0), &json!(0)));
    let asked = proxy.take_requests();
    let of = |part: &str| asked.iter().filter(|request| request.path.contains(part)).count();
    assert_eq!(of("/epochs/1/"), 0, "epoch 1 was audited");
    assert_eq!((of("/epochs/2/buckets/"), of("/epochs/3/buckets/")), (16, 16));
    assert_eq!(of("/filter/"), 1);

    home.command("dataset new-generation").arg(DATASET).done();
    home.import(list(0..215));
    home.publish();
    home.publish();
    serve(5);
    let third = again();
    assert_eq!((third.code, third.codes()), (0, vec![]), "{:#}", third.report);
    assert_eq!(third.at("/lists/0/epochs/3/generation"), 1);
    assert_eq!(third.at("/lists/0/epochs/4/generation"), 2);
    assert_eq!(
        third.at("/lists/0/epochs/4/audited/changes"),
        &json!(null),
        "nothing of two generations can be compared"
    );

    // All at once, by somebody who was never there, finds the same.
    let at_once = Told::but_for_chance(audit(&proxy.url(), &home.policy()));
    for epoch in 0..5 {
        let [at_once, mut third] = [&at_once, &third].map(|told| told.at(&format!("/lists/0/epochs/{epoch}")).clone());
        // But for what was there when the one before was made: epochs 1 to 3.
        assert_eq!((&at_once["new"], &third["new"]), (&json!(false), &json!(epoch > 2)));
        third["new"] = json!(false);
        assert_eq!(at_once, third);
    }
    // Nothing new: a sample is fetched again, which here is all of the newest epoch, and nothing else.
    proxy.take_requests();
    let nothing_new = again();
    assert_eq!((nothing_new.code, nothing_new.at("/log/size_before")), (0, &json!(5)));
    let asked = proxy.take_requests();
    let of = |part: &str| asked.iter().filter(|request| request.path.contains(part)).count();
    assert_eq!((of("/buckets/"), of("/epochs/5/buckets/"), of("/filter/")), (16, 16, 1));
    // What is kept is what is needed for the next one.
    let mut kept: Vec<String> = fs::read_dir(state.join("lists").join(DATASET))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| if name.starts_with("shard-") { "shard".to_owned() } else { name })
        .collect();
    kept.sort();
    assert_eq!(kept, ["shard", "state.json", "table-5"]);
    assert_eq!(fs::metadata(state.join("lists").join(DATASET).join("table-5")).unwrap().len(), 215 * 32);
}

fn service_manifest(proxy: &Proxy, epoch: u64) -> serde_json::Value {
    let address = proxy.url().trim_start_matches("http://").parse().unwrap();
    Request::get(&format!("/v1/{DATASET}/epochs/{epoch}/manifest")).send(address).unwrap().json()
}

/// Set cells, counted by hand, and the noise that is disclosed.
fn counted_cells(proxy: &Proxy, manifest: &serde_json::Value) -> (u64, u64) {
    let address = proxy.url().trim_start_matches("http://").parse().unwrap();
    let sha256 = manifest["filter"]["shards"][0]["sha256"].as_str().unwrap();
    let file = Request::get(&format!("/v1/{DATASET}/filter/{sha256}")).send(address).unwrap().body;
    let set = file[45..].iter().map(|byte| u64::from(byte.count_ones())).sum();
    (set, manifest["filter"]["noise"].as_u64().unwrap())
}

/// Text and page say what the JSON says.
#[test]
fn text_and_page() {
    let home = TestHome::published(0..200);
    let service = Ceknikd::start(&home);
    let page = home.beside("report.html");
    let (ran, verdict) = is_well(audit(&service.url(), &home.policy()).arg("--html").arg(&page));
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[0], verdict);
    assert!(lines.contains(&"jakarta-2024: Daftar contoh / Sample list"), "{}", ran.stdout);
    let epoch = lines.iter().find(|line| line.starts_with("  edisi / epoch 1, ")).unwrap();
    assert!(epoch.ends_with(": 200 catatan / records; diperiksa / verified"), "{epoch}");
    assert_eq!(ran.stderr, "");
    let page = fs::read_to_string(page).unwrap();
    let (id, en) = verdict.split_once(" / ").unwrap();
    for part in ["<html lang=\"id\">", id, en, "role=\"img\"", "@media print"] {
        assert!(page.contains(part), "{part}");
    }
    // It stands alone: no script, no address that a browser would fetch.
    for part in ["<script", " src=", "<link", "@import", "url(", "<img", "href="] {
        assert!(!page.contains(part), "{part}");
    }
    assert_eq!(page.matches("role=\"img\"").count(), page.matches("<desc ").count());
}

/// Without a policy the service's own is taken, which is told, and kept.
#[test]
fn trust_on_first_use() {
    let home = TestHome::published(0..20);
    let service = Ceknikd::start(&home);
    let state = home.beside("audit");
    let plain = || crate::ceknik(["audit", &service.url(), "--accept-weak", "--no-probes", "--state"]).arg(&state);
    let (first, _) = is_well(plain());
    let told: Vec<&str> = first.stderr.lines().collect();
    assert!(told[0].ends_with(" / First audit: this service's policy is trusted from now on."), "{first:?}");
    let key = fs::read_to_string(home.path().join("keys/log.pub")).unwrap();
    assert_eq!(told[2].trim(), key.trim());
    let (second, _) = is_well(plain());
    assert_eq!(second.stderr, "");
    assert!(second.stdout.contains("taken from the service itself, at an earlier audit"), "{second:?}");
    // Another publisher's service, at the same directory.
    let other = TestHome::published(0..20);
    let other_service = Ceknikd::start(&other);
    let message = audit(&other_service.url(), &other.policy()).arg("--state").arg(&state).refused();
    let key = fs::read_to_string(other.path().join("keys/log.pub")).unwrap();
    assert_eq!(
        message,
        format!(
            "{} was begun with another log than {}, or its log/checkpoint is damaged: give each publisher a directory of its own",
            state.display(),
            key.trim()
        )
    );
}

#[test]
fn what_cannot_be_audited_is_told() {
    let home = TestHome::published(0..20);
    let service = Ceknikd::start(&home);
    let refused = |arguments: &[&str]| audit(&service.url(), &home.policy()).args(arguments).refused();
    assert_eq!(refused(&["other"]), "the log has no list other; it has: jakarta-2024");
    let message = crate::ceknik(["audit", "http://example.org/"]).refused();
    assert_eq!(
        message,
        "URL: http:// is allowed to this machine alone (127.0.0.1, ::1, localhost): use https://, or allow plain HTTP explicitly \
         (--allow-plain-http)"
    );
    // Two at once in one directory.
    let state = home.beside("audit");
    fs::create_dir(&state).unwrap();
    let lock = fs::File::create(state.join("lock")).unwrap();
    lock.lock().unwrap();
    let message = audit(&service.url(), &home.policy()).arg("--state").arg(&state).refused();
    assert_eq!(
        message,
        format!("another audit is using {}: wait for its end, or give another --state", state.display())
    );
    // Nobody is there.
    drop(service);
    let told = Told::of(audit("http://127.0.0.1:9", &home.policy()));
    assert_eq!((told.code, told.at("/verdict")), (4, &json!("not_whole")));
    assert_eq!(told.at("/unchecked/0/why"), "the log's checkpoint cannot be had: the service cannot be reached");
}

/// A state that was damaged is no fault of the publisher's, and is told as what it is.
#[test]
fn a_damaged_state_is_told() {
    let home = TestHome::published(0..20);
    let mut service = Ceknikd::start(&home);
    let state = home.beside("audit");
    let again = |service: &Ceknikd, state: &Path| {
        audit(&service.url(), &home.policy()).args(["--no-probes", "--state"]).arg(state)
    };
    is_well(again(&service, &state));
    home.import(list(20..30));
    home.publish();
    service.wait_for_log(|line| line["message"] == "epoch served" && line["epoch"] == 2);
    for name in ["lists/jakarta-2024/state.json", "lists/jakarta-2024/table-1"] {
        let path = state.join(name);
        let bytes = fs::read(&path).unwrap();
        let mut altered = bytes.clone();
        let middle = altered.len() / 2;
        altered[middle] ^= 0x55;
        fs::write(&path, &altered).unwrap();
        let copy = home.beside("copy");
        drop(fs::remove_dir_all(&copy));
        assert!(std::process::Command::new("cp").arg("-a").arg(&state).arg(&copy).status().unwrap().success());
        let message = again(&service, &copy).run();
        assert_eq!(message.code(), 1, "{name}: {message:?}");
        assert!(message.message().contains(" is damaged: remove the directory "), "{name}: {message:?}");
        fs::write(&path, &bytes).unwrap();
    }
    let told = Told::but_for_chance(again(&service, &state));
    assert_eq!((told.code, told.codes()), (0, vec![]), "{:#}", told.report);
}
