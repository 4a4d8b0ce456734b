use std::collections::BTreeMap;

use ceknik_core::encoding::{base64url, from_base64url, hex};
use ceknik_core::filter::FilterShard;
use ceknik_core::log::{Policy, SignedCheckpoint, TlogProof};
use ceknik_core::manifest::{UnverifiedManifest, VerifiedManifest};
use ceknik_core::oprf::{Blind, BlindedElement, EvaluatedElement, Proof, blind, verify_batch};
use ceknik_core::time::Timestamp;
use ceknik_core::{CoverSecret, Nik, Stretcher, covers};
use serde_json::Value;

use super::read::{array, bytes, file, list, number, small, text};
use super::record::record;

/// What a service answers to GET.
struct Service(BTreeMap<String, Vec<u8>>);

impl Service {
    fn new(file: &Value) -> Self {
        let content = |value: &Value| match value["text"].as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => super::read::base64url(&value["base64url"]),
        };
        Self(file["get"].as_object().unwrap().iter().map(|(path, value)| (path.clone(), content(value))).collect())
    }

    fn get(&self, path: &str) -> &[u8] {
        self.0.get(path).unwrap_or_else(|| panic!("nothing at {path}"))
    }
}

fn verified(service: &Service, manifest: &[u8], epoch: u64) -> VerifiedManifest {
    let policy = Policy::parse(service.get("/v1/policy")).unwrap();
    let proof = TlogProof::parse(service.get(&format!("/v1/contoh/epochs/{epoch}/proof"))).unwrap();
    UnverifiedManifest::parse(manifest.to_vec()).unwrap().verify(&policy, &proof).unwrap()
}

fn element(value: &Value) -> [u8; 32] {
    from_base64url(text(value)).unwrap()
}

#[test]
fn from_digits_to_answers() {
    let file = file("walk.json");
    let service = Service::new(&file);
    let bytes_now = service.get("/v1/contoh/manifest");
    let list_now = verified(&service, bytes_now, 2);
    assert_eq!(service.get("/v1/contoh/epochs/2/manifest"), bytes_now);
    list_now.check_fresh(Timestamp::parse(text(&file["now"])).unwrap(), false).unwrap();
    assert_eq!(list_now.checkpoint().witnessed().len(), 2);
    let before = verified(&service, service.get("/v1/contoh/epochs/1/manifest"), 1);
    list_now.manifest().check_follows(before.manifest(), &before.sha256()).unwrap();
    let checkpoint = SignedCheckpoint::parse(service.get("/log/checkpoint")).unwrap();
    assert_eq!(checkpoint.as_bytes(), list_now.checkpoint().as_bytes());

    let manifest = list_now.manifest();
    let filter = manifest.filter.as_ref().unwrap();
    let shard = service.get(&format!("/v1/contoh/filter/{}", hex(&filter.shards[0].sha256))).to_vec();
    let shard = FilterShard::open(&filter.geometry, 0, &filter.shards[0], shard).unwrap();
    let mut stretcher = Stretcher::new(manifest.stretch.cost, manifest.stretch.salt).unwrap();
    let secret = CoverSecret::from_bytes(array(&file["device_secret"]));
    let mut answers = BTreeMap::new();
    for walk in list(&file["walks"]) {
        let h = stretcher.stretch(&Nik::parse(text(&walk["nik"])).unwrap()).unwrap();
        assert_eq!(h.expose_bytes(), &array::<32>(&walk["h"]));
        let item = h.filter_item();
        assert_eq!(item.expose_bytes(), &array::<24>(&walk["filter_item"]));
        assert_eq!(filter.geometry.cell(&item).expose_number(), number(&walk["cell"]));
        let hit = shard.contains(&item).unwrap();
        assert_eq!(if hit { "hit" } else { "miss" }, text(&walk["local"]));
        let covered = !hit && covers(&secret, filter.generation, &h, manifest.disclosure.cover_percent);
        assert_eq!(walk["covers"], covered);
        *answers.entry((text(&walk["local"]), text(&walk["answer"]))).or_insert(0) += 1;
        if !hit && !covered {
            assert_eq!(walk["answer"], "not_listed");
            continue;
        }

        let input = h.oprf_input();
        assert_eq!(input.expose_bytes(), &array::<32>(&walk["oprf_input"]));
        let r = Blind::from_bytes(array(&walk["blind"])).unwrap();
        let sent = blind(&input, &r).unwrap();
        let request: Value = serde_json::from_str(text(&walk["request"])).unwrap();
        assert_eq!(request["key"], base64url(&manifest.oprf.public_key.to_bytes()));
        assert_eq!(request["blinded"][0], base64url(&sent.to_bytes()));
        let response: Value = serde_json::from_str(text(&walk["response"])).unwrap();
        let batch: Vec<_> = list(&response["batch"])
            .iter()
            .map(|pair| {
                (
                    BlindedElement::from_bytes(&element(&pair["blinded"])).unwrap(),
                    EvaluatedElement::from_bytes(&element(&pair["evaluated"])).unwrap(),
                )
            })
            .collect();
        assert_eq!((batch.len(), small::<u32>(&response["first"])), (1, 0));
        assert_eq!(batch[0].0, sent);
        let proof = Proof::from_bytes(&from_base64url(text(&response["proof"])).unwrap()).unwrap();
        let y = verify_batch(&manifest.oprf.public_key, batch, &proof).unwrap().finalize(0, &input, &r).unwrap();
        assert_eq!(y.expose_bytes(), &array::<64>(&walk["y"]));
        assert_eq!(y.locator().expose_bytes()[..], bytes(&walk["locator"]));
        assert_eq!(y.seal_key().expose_bytes()[..], bytes(&walk["seal_key"]));
        let index = y.locator().bucket(manifest.buckets.geometry.bits());
        assert_eq!(index, small::<u32>(&walk["bucket"]));
        let bucket = service.get(&format!("/v1/contoh/epochs/2/buckets/{index}"));
        let bucket = manifest.buckets.geometry.open_response(index, &manifest.buckets.root, bucket).unwrap();
        let found = bucket.find(&y.locator()).map(|sealed| ceknik_core::record::open(&y.seal_key(), "contoh", sealed));
        match found {
            Some(opened) => assert_eq!((text(&walk["answer"]), opened.unwrap()), ("listed", record(&walk["record"]))),
            None => assert_eq!((&walk["answer"], &walk["record"]), (&Value::from("not_listed"), &Value::Null)),
        }
    }
    let want = [(("hit", "listed"), 3), (("hit", "not_listed"), 2), (("miss", "not_listed"), 2)];
    assert_eq!(answers, want.into());
}

/// All buckets together hold as many records as the manifest says, and every epoch's are of one length.
#[test]
fn tables_are_whole() {
    let file = file("walk.json");
    let service = Service::new(&file);
    for epoch in [1, 2] {
        let list = verified(&service, service.get(&format!("/v1/contoh/epochs/{epoch}/manifest")), epoch);
        let buckets = &list.manifest().buckets;
        let records: usize = (0..buckets.geometry.count())
            .map(|index| {
                let response = service.get(&format!("/v1/contoh/epochs/{epoch}/buckets/{index}"));
                buckets.geometry.open_response(index, &buckets.root, response).unwrap().len()
            })
            .sum();
        assert_eq!(records as u64, list.manifest().records);
    }
}
