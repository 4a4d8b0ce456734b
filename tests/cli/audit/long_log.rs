//! A log of several tiles and bundles, followed in pieces, with partial files that are gone and an audit that breaks off.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use ceknik_core::log::{LogSigner, Policy};
use ceknik_core::manifest::{Manifest, manifest_sha256};
use ceknik_core::time::Timestamp;
use ceknik_issuer::LogDir;
use rand::rngs::OsRng;

use crate::liar::{LIST, Liar, hosted};
use crate::publication::ORIGIN;
use crate::support::http::Response;
use crate::support::proxy::Delivery;
use crate::{Told, audit};

/// Manifest and proof of every epoch.
type Served = Arc<Mutex<BTreeMap<u64, (Vec<u8>, Vec<u8>)>>>;

/// The epoch after, with nothing but a later time.
fn renewed(before: &Manifest) -> Manifest {
    let mut manifest = before.clone();
    manifest.epoch += 1;
    manifest.previous = Some(manifest_sha256(&before.to_bytes().unwrap()));
    manifest.published_at = Timestamp::from_unix(before.published_at.unix() + 1).unwrap();
    manifest.disclosure.epoch_odds_factor = None;
    manifest
}

#[test]
fn a_long_log_is_followed_in_pieces() {
    let mut liar = Liar::with_nothing();
    liar.plan.published_at -= 86_400;
    liar.publish(|_| {});
    let public = liar.publisher.public();
    let signer = LogSigner::generate(ORIGIN, &mut OsRng).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let log = LogDir::new(dir.path().join("log"), signer.verifier_key());
    let policy = dir.path().join("policy");
    std::fs::write(&policy, Policy::for_log(signer.verifier_key()).to_bytes()).unwrap();

    let epochs = Served::default();
    let mut last = liar.publisher.manifest(LIST).clone();
    let mut grow = |to: u64| {
        let mut epochs = epochs.lock().unwrap();
        while (epochs.len() as u64) < to {
            if !epochs.is_empty() {
                last = renewed(&last);
            }
            let bytes = last.to_bytes().unwrap();
            let append = log.prepare(&signer, epochs.len() as u64, &bytes).unwrap();
            log.write(&append).unwrap();
            epochs.insert(last.epoch, (bytes, append.proof().to_vec()));
        }
    };
    let second_bundle_gone = Arc::new(AtomicBool::new(false));
    let cut = second_bundle_gone.clone();
    let (served, root) = (epochs.clone(), dir.path().to_owned());
    liar.host.behave(move |request, _| -> Delivery {
        let path = request.path.as_str();
        let served = served.lock().unwrap();
        let parts: Vec<&str> = path.split('/').collect();
        if cut.load(Ordering::SeqCst) && path.starts_with("/log/tile/entries/001") {
            return Response::new(503, "later").into();
        }
        let found = match parts[..] {
            ["", "log", ..] => std::fs::read(root.join(&path[1..])).ok(),
            ["", "v1", LIST, "manifest"] => served.last_key_value().map(|(_, (manifest, _))| manifest.clone()),
            ["", "v1", LIST, "epochs", epoch, "manifest"] => {
                served.get(&epoch.parse().unwrap()).map(|epoch| epoch.0.clone())
            }
            ["", "v1", LIST, "epochs", epoch, "proof"] => {
                served.get(&epoch.parse().unwrap()).map(|epoch| epoch.1.clone())
            }
            // The table is the same in all of them.
            ["", "v1", LIST, "epochs", _, "buckets", index] => {
                let mut first = request.clone();
                first.path = format!("/v1/{LIST}/epochs/1/buckets/{index}");
                return hosted(&public, &first).into();
            }
            _ => return hosted(&public, request).into(),
        };
        found.map_or_else(|| Response::new(404, "none"), |body| Response::new(200, body)).into()
    });
    let again = || Told::of(audit(&liar.host.url(), &policy).args(["--no-probes", "--state"]).arg(liar.state()));
    let passes = |size: u64, before: Option<u64>| {
        let told = again();
        assert_eq!((told.code, told.codes()), (0, vec![]), "{:#}", told.at("/unchecked"));
        assert_eq!((told.at("/log/size"), told.at("/log/size_before")), (&size.into(), &before.into()));
        assert_eq!(told.at("/lists/0/epochs").as_array().unwrap().len() as u64, size);
    };
    grow(10);
    passes(10, None);
    // Grown beyond what fits in one tile and bundle; the partial ones of before are gone.
    grow(266);
    for partial in ["log/tile/0/000.p/10", "log/tile/entries/000.p/10"] {
        std::fs::remove_file(dir.path().join(partial)).unwrap();
    }
    // Breaks off on the way; what was fetched by then is not fetched again.
    second_bundle_gone.store(true, Ordering::SeqCst);
    let told = again();
    assert_eq!((told.code, told.codes()), (4, vec![]));
    let why = "the log's tile/entries/001.p/10 cannot be had: the service answers with status 503";
    assert_eq!(told.at("/unchecked/0/why"), why);
    second_bundle_gone.store(false, Ordering::SeqCst);
    liar.host.take_requests();
    passes(266, Some(10));
    let asked = liar.host.take_requests();
    assert!(asked.iter().all(|request| request.path != "/log/tile/entries/000"), "it was fetched before");
    let mut kept: Vec<_> =
        std::fs::read_dir(liar.state().join("log/entries")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    kept.sort();
    assert_eq!(kept, ["0.256", "1.10"]);
    // A tile that is gone while its checkpoint is the newest: the full one is not there either.
    grow(270);
    std::fs::remove_file(dir.path().join("log/tile/0/001.p/14")).unwrap();
    let told = again();
    let detail = "the log's tile/0/001.p/14: the service does not have it (status 404)";
    assert_eq!((told.code, told.findings()), (3, vec![("log_tiles", None, detail)]));
}
