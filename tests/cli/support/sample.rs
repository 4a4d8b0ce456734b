//! A list as publishers hold them, by `ceknik sample --bad-rows`, and what must come of it.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use ceknik_core::Nik;
use ceknik_issuer::{BadRow, SAMPLE_CANDIDATES, SAMPLE_PAYLOAD_BYTES, SAMPLE_STATUSES, SampleTerm, sample_outsiders};
use serde_json::{Value, json};

use super::command::ceknik;

/// A sample list, and what `ceknik sample` says of it.
pub(crate) struct Sample {
    pub(crate) path: PathBuf,
    pub(crate) good_rows: u64,
    pub(crate) people: u64,
    pub(crate) supports: u64,
    /// Rows to be refused, by the code with which.
    pub(crate) refused: BTreeMap<String, u64>,
    /// Some of the people in it, each with his one support.
    pub(crate) supporters: Vec<Supporter>,
}

/// Somebody who is in one row of the list.
pub(crate) struct Supporter {
    pub(crate) nik: String,
    /// As `ceknik check --json` shows it.
    pub(crate) supports: Value,
}

/// The definition of a dataset for samples, with further keys before its tables. Full cost.
pub(crate) fn sample_definition(id: &str, keys: &str) -> String {
    let terms = |table: &str, terms: &[SampleTerm]| -> String {
        let one = |SampleTerm { id, indonesian, english }: &SampleTerm| {
            format!("[{table}.{id}]\nid = \"{indonesian}\"\nen = \"{english}\"\n\n")
        };
        terms.iter().map(one).collect()
    };
    format!(
        "id = \"{id}\"\npayload_bytes = {SAMPLE_PAYLOAD_BYTES}\n{keys}\n\
         [title]\nid = \"Daftar contoh\"\nen = \"Sample list\"\n\n\
         [coverage]\nid = \"Seluruh contoh\"\nen = \"All of the sample\"\n\n{}{}",
        terms("candidates", &SAMPLE_CANDIDATES),
        terms("statuses", &SAMPLE_STATUSES),
    )
}

/// NIKs of people who are in no sample.
pub(crate) fn outsiders(count: usize) -> Vec<String> {
    sample_outsiders(1).take(count).map(|nik| String::from_utf8(nik.expose_digits().to_vec()).unwrap()).collect()
}

impl Sample {
    /// Writes a list with bad rows to `path`.
    pub(crate) fn write(path: &Path, rows: u64, seed: u64) -> Self {
        let (row_count, seed_text) = (rows.to_string(), seed.to_string());
        let command = ceknik(["sample", "--bad-rows", "--rows", &row_count, "--seed", &seed_text]);
        let said = command.arg(path).done().stdout;
        let mut lines = said.lines();
        let summary = lines.next().unwrap().strip_prefix(&format!("{}: ", path.display())).unwrap();
        let mut counts = summary.split([' ', ',', ';']).filter_map(|word| word.parse().ok());
        let [good_rows, people, supports] = [(); 3].map(|()| counts.next().unwrap());
        let mut refused = BTreeMap::new();
        for line in lines.skip(1).take_while(|line| line.starts_with(' ')) {
            let (rows, kind) = line.trim().split_once("  ").unwrap();
            let kind = BadRow::ALL.into_iter().find(|known| format!("{known} ({})", known.reason()) == kind).unwrap();
            *refused.entry(kind.reason().to_owned()).or_default() += rows.parse::<u64>().unwrap();
        }
        assert_eq!(good_rows + refused.values().sum::<u64>(), rows);
        let supporters = supporters(path);
        Self { path: path.to_owned(), good_rows, people, supports, refused, supporters }
    }
}

/// People of whom the list has one row alone, which is written plainly. (Bad rows are of people who are in no good row.)
fn supporters(path: &Path) -> Vec<Supporter> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path).unwrap();
    let rows: Vec<_> = reader.byte_records().map(Result::unwrap).filter(|row| row.len() == 16).collect();
    let mut times: HashMap<[u8; 16], u32> = HashMap::new();
    for nik in rows.iter().filter_map(|row| nik(&row[1])) {
        *times.entry(*nik.expose_digits()).or_default() += 1;
    }
    let supporter = |row: &csv::ByteRecord| {
        let cell = |place: usize| std::str::from_utf8(&row[place]).ok();
        let once = times.get(&row[1]) == Some(&1);
        let candidate = SAMPLE_CANDIDATES.iter().find(|candidate| Some(candidate.indonesian) == cell(13));
        let status = SAMPLE_STATUSES.iter().find(|status| Some(status.id.to_uppercase().as_str()) == cell(14));
        let day = cell(15).filter(|day| day.len() == 10 && day.as_bytes()[2] == b'/');
        let (true, Some(candidate), Some(status), Some(day)) = (once, candidate, status, day) else { return None };
        let submitted = format!("{}-{}-{}", &day[6..], &day[3..5], &day[..2]);
        let supports = json!([{"candidate": candidate.id, "status": status.id, "submitted": submitted}]);
        // A serial number over 9500 is one of a bad row.
        cell(1).filter(|nik| nik[12..] < *"9500").map(|nik| Supporter { nik: nik.to_owned(), supports })
    };
    rows.iter().filter_map(supporter).collect()
}

/// The NIK of a cell, in whatever form it is written.
fn nik(cell: &[u8]) -> Option<Nik> {
    let cell = std::str::from_utf8(cell).ok()?;
    Nik::parse(cell.trim_start_matches(['\'', '=', '"']).trim_end_matches('"')).ok()
}
