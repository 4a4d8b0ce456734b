//! A list as publishers hold them, by `ceknik sample --bad-rows`, and what must come of it.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use ceknik_issuer::{
    BadRow, SAMPLE_CANDIDATES, SAMPLE_PAYLOAD_BYTES, SAMPLE_STATUSES, SampleOptions, SampleTerm, sample_outsiders,
    write_sample,
};
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
        for line in lines.skip(1) {
            let (rows, kind) = line.trim().split_once("  ").unwrap();
            let kind = BadRow::ALL.into_iter().find(|known| format!("{known:?}") == kind).unwrap();
            *refused.entry(kind.reason().to_owned()).or_default() += rows.parse::<u64>().unwrap();
        }
        assert_eq!(good_rows + refused.values().sum::<u64>(), rows);
        let supporters = supporters(path, rows, seed);
        Self { path: path.to_owned(), good_rows, people, supports, refused, supporters }
    }
}

/// People whose only row in the list is written plainly. A list without bad rows has the same people in the same order, and
/// somewhat more of them.
fn supporters(path: &Path, rows: u64, seed: u64) -> Vec<Supporter> {
    let mut plain = Vec::new();
    write_sample(&SampleOptions { rows, seed, bad_rows: false }, &mut plain).unwrap();
    let mut times: HashMap<String, u32> = HashMap::new();
    for record in csv::Reader::from_reader(plain.as_slice()).records() {
        *times.entry(record.unwrap()[1].to_owned()).or_default() += 1;
    }
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path).unwrap();
    let records = reader.byte_records().map(Result::unwrap).filter(|record| record.len() == 16);
    let supporter = |record: csv::ByteRecord| {
        let cell = |place: usize| std::str::from_utf8(&record[place]).ok().map(str::to_owned);
        let nik = cell(1).filter(|nik| times.get(nik) == Some(&1))?;
        let title = cell(13)?;
        let candidate = SAMPLE_CANDIDATES.iter().find(|candidate| candidate.indonesian == title)?.id;
        let day = cell(15).filter(|day| day.len() == 10 && day.contains('/'))?;
        let submitted = format!("{}-{}-{}", &day[6..], &day[3..5], &day[..2]);
        let status = cell(14)?.to_lowercase();
        Some(Supporter { nik, supports: json!([{"candidate": candidate, "status": status, "submitted": submitted}]) })
    };
    records.filter_map(supporter).collect()
}
