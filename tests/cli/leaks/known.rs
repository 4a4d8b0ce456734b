//! The people of these tests, and everything that follows from their NIKs.

use std::path::Path;

use ceknik_core::manifest::Id;
use ceknik_core::oprf::{Blind, OprfSecretKey, blind};
use ceknik_core::{Nik, Stretcher};
use ceknik_issuer::{Generation, Home};
use sha2::{Digest, Sha256};

use super::forms;
use super::searcher::{Kind, Secret};
use super::story::full_list;
use super::support::home::{DATASET, nik};

/// People on the list.
pub(crate) const LISTED: usize = 200;
/// People who are checked, withdrawn or sent where they do not belong, and are on no list.
pub(crate) const OTHERS: usize = 40;

/// The NIK of a person, those of the list first. No two share their date of birth, nor so the digits in which it stands.
pub(crate) fn person(number: usize) -> String {
    assert!(number < LISTED + OTHERS);
    nik(490 * number as u32 + 17)
}

/// What cells of the list hold beside NIKs, and what is typed wrongly: none of it is to be seen again.
pub(crate) const TEXTS: [&str; 14] = [
    // Columns that nobody asked for.
    "Sri Rahasiawati",
    "Jalan Tersembunyi 12",
    // Cells that are refused.
    "Calon Tak Dikenal",
    "status entah",
    "31 Pebruari 2o24",
    "3171O11708A00123",
    "31710117089001239",
    "317101170890012",
    "3.17101170890012E+15",
    "3171\u{661}\u{b2}1708900123",
    "=HYPERLINK(\"http://3171\")",
    "lima belas NIK",
    // Lines of withdrawals and checks.
    "bukan NIK sama sekali",
    "3171 0117 0890 01",
];

/// NIKs and texts, which follow from no key.
pub(crate) fn plain() -> Vec<Secret> {
    let niks = (0..LISTED + OTHERS).map(|number| Secret {
        kind: Kind::Nik,
        name: format!("of person {number}"),
        forms: forms::of_nik(&person(number)),
    });
    let texts = TEXTS.iter().enumerate().map(|(number, text)| Secret {
        kind: Kind::Text,
        name: format!("number {number}"),
        forms: forms::of_text(text),
    });
    // Of a list of one row it would be a fast hash of a NIK.
    let digest = forms::of_derived(&Sha256::digest(full_list()));
    let list = Secret { kind: Kind::Text, name: "SHA-256 of the list".to_owned(), forms: digest };
    niks.chain(texts).chain([list]).collect()
}

/// What follows from the NIKs of all people in the dataset's newest generation.
pub(crate) fn derived(home: &Path) -> Vec<Secret> {
    let niks: Vec<_> = (0..LISTED + OTHERS).map(person).collect();
    let (mut secrets, cells, generation) = derived_from(home, DATASET, &niks);
    secrets.extend(neighbours(cells[..LISTED].to_vec(), generation));
    secrets
}

/// What follows from NIKs in the newest generation of a dataset, their cells beside it, and its number.
pub(crate) fn derived_from(home: &Path, dataset: &str, niks: &[String]) -> (Vec<Secret>, Vec<u64>, u32) {
    let home = Home::open(home).unwrap();
    let generation = home.open_store().unwrap().newest_generation(&Id::new(dataset).unwrap()).unwrap();
    let key = home.keys().oprf_key(&generation.dataset, generation.number, None).unwrap();
    let mut stretcher = Stretcher::new(generation.definition.stretch, generation.salt).unwrap();
    let mut secrets = Vec::new();
    let mut cells = Vec::new();
    for (number, nik) in niks.iter().enumerate() {
        let stretched = stretcher.stretch(&Nik::parse(nik).unwrap()).unwrap();
        let (item, input) = (stretched.filter_item(), stretched.oprf_input());
        let output = key.evaluate(&input);
        // Blinded by one is not blinded.
        let mut one = [0; 32];
        one[0] = 1;
        let element = blind(&input, &Blind::from_bytes(one).unwrap()).unwrap();
        let mut add = |kind, what: &str, bytes: &[u8]| {
            let name = format!("{what} of person {number}, generation {}", generation.number);
            secrets.push(Secret { kind, name, forms: forms::of_derived(bytes) });
        };
        add(Kind::Derived, "stretch output", stretched.expose_bytes());
        add(Kind::Derived, "filter item", item.expose_bytes());
        add(Kind::Derived, "filter item without its shard", &item.expose_bytes()[8..]);
        add(Kind::Derived, "evaluation's input", input.expose_bytes());
        add(Kind::Derived, "evaluation's output", output.expose_bytes());
        add(Kind::Derived, "seal key", output.seal_key().expose_bytes());
        add(Kind::Derived, "element, not blinded", &element.to_bytes());
        add(Kind::Derived, "element, evaluated and not blinded", &evaluated(&key, &element.to_bytes()));
        add(Kind::Locator, "locator", output.locator().expose_bytes());
        cells.push(cell(&generation, &item));
    }
    (secrets, cells, generation.number)
}

fn evaluated(key: &OprfSecretKey, element: &[u8; 32]) -> [u8; 32] {
    key.evaluate_unproved(element).unwrap()
}

fn cell(generation: &Generation, item: &ceknik_core::filter::FilterItem) -> u64 {
    let geometry = generation.definition.filter_geometry(generation.seed).unwrap().unwrap();
    geometry.cell(item).expose_number()
}

/// Cells that stand side by side where they are kept in order: of all the list, and of each chunk that an import may have
/// stored together.
fn neighbours(cells: Vec<u64>, generation: u32) -> Vec<Secret> {
    let mut secrets = Vec::new();
    let chunks = cells.chunks(super::CHUNK_PEOPLE).chain([&cells[..]]);
    for (number, chunk) in chunks.enumerate() {
        let mut chunk = chunk.to_vec();
        chunk.sort_unstable();
        for (place, pair) in chunk.windows(2).enumerate() {
            let name = format!("{place} and the next of chunk {number}, generation {generation}");
            secrets.push(Secret { kind: Kind::Cells, name, forms: forms::of_cells(pair[0], pair[1]) });
        }
    }
    secrets
}
