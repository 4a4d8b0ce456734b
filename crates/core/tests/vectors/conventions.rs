use ceknik_core::encoding::{base64url, from_base64url};
use ceknik_core::manifest::Id;
use ceknik_core::merkle::{leaf_hash, path, root, root_from_path};
use ceknik_core::time::{Timestamp, is_date};
use ceknik_core::{CoverSecret, Stretched, covers, filler_locator, mirror_rank};

use super::read::{array, bytes, file, list, number, small, text};

#[test]
fn encodings() {
    let file = file("conventions.json");
    for case in list(&file["base64url"]) {
        assert_eq!(base64url(&bytes(&case["bytes"])), text(&case["text"]));
    }
    for case in list(&file["base64url_refused_as_2_bytes"]) {
        assert_eq!(from_base64url::<2>(text(case)), None, "{case}");
    }
    for case in list(&file["time"]) {
        let time = Timestamp::parse(text(&case["text"])).unwrap();
        assert_eq!((time.unix(), time.to_string().as_str()), (number(&case["unix"]) as i64, text(&case["text"])));
    }
    for case in list(&file["time_refused"]) {
        assert!(Timestamp::parse(text(case)).is_err(), "{case}");
    }
    assert!(list(&file["day"]).iter().all(|day| is_date(text(day))));
    assert!(!list(&file["day_refused"]).iter().any(|day| is_date(text(day))));
    assert!(list(&file["id"]).iter().all(|id| Id::new(text(id)).is_ok()));
    assert!(!list(&file["id_refused"]).iter().any(|id| Id::new(text(id)).is_ok()));
}

#[test]
fn trees() {
    for tree in list(&file("tree.json")["trees"]) {
        let leaves: Vec<_> = tree["leaves"].as_array().unwrap().iter().map(|leaf| leaf_hash(&bytes(leaf))).collect();
        let whole = root(leaves.iter().copied());
        assert_eq!(whole, array(&tree["root"]));
        for (index, want) in tree["paths"].as_array().unwrap().iter().enumerate() {
            let got = path(&leaves, index).unwrap();
            assert_eq!(got, want.as_array().unwrap().iter().map(array::<32>).collect::<Vec<_>>());
            assert_eq!(root_from_path(leaves[index], index as u64, leaves.len() as u64, &got), Some(whole));
        }
    }
}

#[test]
fn fillers() {
    for case in list(&file("cover.json")["fillers"]) {
        let secret = CoverSecret::from_bytes(array(&case["secret"]));
        let own: Vec<_> = list(&case["h"]).iter().map(|h| Stretched::from_bytes(array(h))).collect();
        let own: Vec<&Stretched> = own.iter().collect();
        let locators = list(&case["locators"]);
        assert!([4, 16].contains(&(own.len() + locators.len())));
        for (place, locator) in locators.iter().enumerate() {
            let got = filler_locator(&secret, &own, place as u8);
            assert_eq!(*got.expose_bytes(), array(locator), "{case}");
        }
    }
}

#[test]
fn orders_of_mirrors() {
    for case in list(&file("cover.json")["mirrors"]) {
        let secret = CoverSecret::from_bytes(array(&case["secret"]));
        let texts = |member: &str| list(&case[member]).iter().map(|mirror| text(mirror).to_owned()).collect::<Vec<_>>();
        let mut mirrors = texts("listed");
        mirrors.sort_by_key(|mirror| mirror_rank(&secret, mirror));
        assert_eq!(mirrors, texts("asked"));
    }
}

#[test]
fn cover_coins() {
    for case in list(&file("cover.json")["cases"]) {
        let secret = CoverSecret::from_bytes(array(&case["secret"]));
        let h = Stretched::from_bytes(array(&case["h"]));
        let covers = covers(&secret, small(&case["generation"]), &h, small(&case["cover_percent"]));
        assert_eq!(covers, case["covers"].as_bool().unwrap(), "{case}");
    }
}
