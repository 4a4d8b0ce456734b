//! What the files of a home hold, and what they must not.

use ceknik_core::encoding::{base64url, hex};

use crate::desk::{Desk, list, nik, supporters};

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// The files that hold one of these.
fn holders(desk: &Desk, needles: &[Vec<u8>]) -> Vec<String> {
    let files = desk.files();
    let holds = |bytes: &[u8]| needles.iter().any(|needle| contains(bytes, needle));
    files.into_iter().filter(|(_, bytes)| holds(bytes)).map(|(name, _)| name).collect()
}

/// Bytes as they may lie in a file.
fn spellings(bytes: &[u8]) -> Vec<Vec<u8>> {
    let base64 = base64url(bytes);
    // The characters that do not depend on what follows.
    let base64 = base64.as_bytes()[..base64.len() - 2].to_vec();
    vec![bytes.to_vec(), hex(bytes).into_bytes(), hex(bytes).to_uppercase().into_bytes(), base64]
}

fn nik_spellings(nik: &str) -> Vec<Vec<u8>> {
    let number: u64 = nik.parse().unwrap();
    let mut all = spellings(nik.as_bytes());
    // As an integer of 8 bytes, in SQLite's 7 bytes of a varint too.
    all.push(number.to_be_bytes()[1..].to_vec());
    all.push(number.to_le_bytes()[..7].to_vec());
    all
}

#[test]
fn nothing_nearer_to_a_nik_than_its_locator_is_stored() {
    let mut desk = Desk::new();
    let mut rows = supporters("a", 0..200);
    rows.extend(supporters("b", 0..20));
    rows.push("3171011708900,a,ms,".into());
    desk.import(&list(rows));
    let generation = desk.generation();
    let geometry = generation.definition.filter_geometry(generation.seed).unwrap().unwrap();
    for number in (0..200).step_by(13) {
        let nik = nik(number);
        let secrets = desk.secrets(&generation, &nik);
        let (locator, seal_key) = secrets.place();
        let item = secrets.stretched.filter_item();
        let cell = geometry.cell(&item).expose_number();
        // The search finds what is there.
        assert!(!holders(&desk, &spellings(locator.expose_bytes())[..1]).is_empty());
        let mut forbidden = nik_spellings(&nik);
        forbidden.extend(spellings(secrets.stretched.expose_bytes()));
        forbidden.extend(spellings(item.expose_bytes()));
        forbidden.extend(spellings(&item.expose_bytes()[8..]));
        forbidden.extend(spellings(secrets.stretched.oprf_input().expose_bytes()));
        forbidden.extend(spellings(&secrets.output()));
        forbidden.extend(spellings(seal_key.expose_bytes()));
        forbidden.push(cell.to_be_bytes().to_vec());
        forbidden.push(cell.to_le_bytes().to_vec());
        assert_eq!(holders(&desk, &forbidden), [""; 0]);
    }
    // What a refused row said is nowhere either.
    assert_eq!(holders(&desk, &[b"3171011708900".to_vec()]), [""; 0]);
    // Nor is a record's content.
    assert_eq!(holders(&desk, &[b"\"supports\"".to_vec(), b"\"status\":\"".to_vec()]), [""; 0]);
}

#[test]
fn the_search_would_find_a_nik() {
    let desk = Desk::new();
    let nik = nik(1);
    for (place, needle) in nik_spellings(&nik).into_iter().enumerate() {
        let path = desk.home.reports().join(format!("canary-{place}"));
        std::fs::write(&path, [b"before", &needle[..], b"after"].concat()).unwrap();
        assert_eq!(holders(&desk, &nik_spellings(&nik)).len(), place + 1);
    }
}

#[test]
fn what_was_withdrawn_is_in_no_file() {
    let mut desk = Desk::new();
    let mut rows = supporters("a", 0..200);
    rows.extend(supporters("b", 0..100));
    desk.import(&list(rows));
    let before = desk.records();
    let sealed: Vec<Vec<u8>> = before.values().map(|sealed| sealed[..48].to_vec()).collect();
    assert!(!holders(&desk, &sealed).is_empty());
    let niks: String = (0..200).map(|number| format!("{}\n", nik(number))).collect();
    assert_eq!(desk.withdraw(&niks, None).withdrawn, 200);
    assert_eq!(holders(&desk, &sealed), [""; 0]);
    // The locators stay.
    let locators: Vec<Vec<u8>> = before.keys().map(|locator| locator.to_vec()).collect();
    assert!(!holders(&desk, &locators).is_empty());
}

#[test]
fn a_list_cannot_be_recognised_once_its_import_has_ended() {
    let mut desk = crate::interrupted::half_imported();
    let macs = |desk: &Desk| -> Vec<Vec<u8>> {
        let connection = rusqlite::Connection::open(desk.home.store()).unwrap();
        let mut statement = connection.prepare("SELECT list_mac FROM import WHERE list_mac IS NOT NULL").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let open = macs(&desk);
    assert_eq!(open.len(), 1);
    // It is no plain hash of the list.
    let text = std::fs::read_to_string(desk.home.directory().join("list.csv")).unwrap();
    let plain = ceknik_core::manifest::manifest_sha256(text.as_bytes());
    assert_ne!(open[0], plain);
    std::fs::remove_file(desk.home.directory().join("list.csv")).unwrap();
    let home = desk.home.clone();
    let dataset = desk.dataset();
    ceknik_issuer::abandon_import(&mut desk.store, &dataset, |dataset, import| home.report(dataset, import)).unwrap();
    assert_eq!(macs(&desk).len(), 0);
    assert_eq!(holders(&desk, &open), [""; 0]);
}
