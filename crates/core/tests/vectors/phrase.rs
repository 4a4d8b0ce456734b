use ceknik_core::encoding::from_hex;
use ceknik_core::log::{CheckpointPhrase, TreeHead};

use super::read::{file, list};

#[test]
fn phrases() {
    for case in list(&file("phrase.json")["cases"]) {
        let text = |name: &str| case[name].as_str().unwrap();
        let head = TreeHead { size: text("size").parse().unwrap(), root: from_hex(text("root")).unwrap() };
        assert_eq!(CheckpointPhrase::new(text("origin"), &head).unwrap().to_string(), text("phrase"));
    }
}
