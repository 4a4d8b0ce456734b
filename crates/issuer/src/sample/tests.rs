use std::collections::HashMap;

use ceknik_core::{DistrictStanding, NikWarning};
use sha2::{Digest, Sha256};

use super::*;
use crate::rows::{ReaderOptions, Row, RowReason, Terms, read_bytes};

fn sample(rows: u64, seed: u64, bad_rows: bool) -> (String, SampleStats) {
    let mut list = Vec::new();
    let stats = write_sample(&SampleOptions { rows, seed, bad_rows }, &mut list).unwrap();
    (String::from_utf8(list).unwrap(), stats)
}

fn read(list: &str) -> Vec<Row> {
    let terms =
        |terms: &[SampleTerm]| Terms::new(terms.iter().map(|term| (term.id, [term.indonesian, term.english]))).unwrap();
    let options = ReaderOptions {
        candidates: terms(&SAMPLE_CANDIDATES),
        statuses: terms(&SAMPLE_STATUSES),
        ..ReaderOptions::default()
    };
    read_bytes(list.as_bytes(), &options).unwrap()
}

#[test]
fn a_seed_gives_the_same_bytes_everywhere() {
    let digest = |bad_rows| {
        let hash = Sha256::digest(sample(2_000, 1, bad_rows).0);
        hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    assert_eq!((digest(false).as_str(), digest(true).as_str()), ("d4b0bc95bead234f", "4483263d080b5fd3"));
    assert_eq!(sample(500, 7, true), sample(500, 7, true));
    assert_ne!(sample(500, 7, false).0, sample(500, 8, false).0);
}

#[test]
fn a_plain_sample_is_all_good_and_without_a_warning() {
    let (list, stats) = sample(3_000, 1, false);
    assert!(list.starts_with("No,NIK,Nama,Jenis Kelamin,"));
    assert_eq!((stats.good_rows, stats.odd_rows, stats.bad_rows.len()), (3_000, 0, 0));
    let rows = read(&list);
    assert_eq!(rows.len(), 3_000);
    let (mut people, mut pairs) = (HashSet::new(), HashSet::new());
    for (row, (line, number)) in rows.iter().zip(list.lines().skip(1).zip(1..)) {
        let Row::Support(support) = row else { panic!("{row:?}") };
        let digits = String::from_utf8(support.nik.expose_digits().to_vec()).unwrap();
        assert!(line.starts_with(&format!("{number},{digits},")));
        assert!(support.nik.warnings().is_empty() && support.submitted.is_some());
        pairs.insert((digits.clone(), support.candidate.clone()));
        people.insert(digits);
    }
    assert_eq!((stats.people, stats.supports), (people.len() as u64, pairs.len() as u64));
    // Repeats within a candidate and across candidates.
    assert!(stats.people < stats.supports && stats.supports < stats.good_rows);
}

#[test]
fn people_are_plausible_and_nobody() {
    let (list, _) = sample(10_000, 2, false);
    let (mut jakarta, mut cluster, mut addresses) = (0, 0, HashMap::new());
    for line in csv::Reader::from_reader(list.as_bytes()).records() {
        let line = line.unwrap();
        let nik = Nik::parse(&line[1]).unwrap();
        let serial: u32 = line[1][12..].parse().unwrap();
        assert!((9_001..=9_499).contains(&serial));
        assert_eq!(nik.district().standing(), DistrictStanding::Current);
        let born = nik.birth_date().unwrap();
        let year: u16 = line[5][6..].parse().unwrap();
        assert!(born.years().any(|candidate| candidate == year));
        assert_eq!(line[5][..5], format!("{:02}/{:02}", born.day(), born.month()));
        assert!((1934..=2007).contains(&year), "{year}");
        assert!(year < 2007 || (born.month(), born.day()) <= (11, 27));
        assert_eq!(nik.sex() == Some(ceknik_core::Sex::Female), &line[3] == "Perempuan");
        jakarta += u32::from(line[1].starts_with("31"));
        cluster += u32::from(line[5].starts_with("31/12") || line[5].starts_with("01/07"));
        *addresses.entry(line[8].to_owned() + &line[9] + &line[10] + &line[11]).or_insert(0) += 1;
    }
    assert!((6_500..9_000).contains(&jakarta), "{jakarta}");
    // Two days of 365 would have 55.
    assert!(cluster > 200, "{cluster}");
    assert!(addresses.values().filter(|people| **people > 2).count() > 500);
}

#[test]
fn every_kind_of_bad_row_is_refused_for_its_reason() {
    let (list, stats) = sample(4_000, 3, true);
    assert_eq!(stats.bad_rows.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), BadRow::ALL);
    let bad: u64 = stats.bad_rows.iter().map(|(_, count)| count).sum();
    assert_eq!((bad, stats.good_rows), (80, 3_920));
    let mut expected: HashMap<&str, u64> = HashMap::new();
    for (kind, count) in &stats.bad_rows {
        assert!(RowReason::CODES.contains(&kind.reason()));
        *expected.entry(kind.reason()).or_default() += count;
    }
    let mut found: HashMap<&str, u64> = HashMap::new();
    let (mut good, mut warned, mut people) = (0, 0, HashSet::new());
    for row in read(&list) {
        match row {
            Row::Refused(refused) => *found.entry(refused.reason.code()).or_default() += 1,
            Row::Support(support) => {
                good += 1;
                warned += u64::from(support.nik.warnings().contains(NikWarning::Repeated));
                people.insert(*support.nik.expose_digits());
            }
        }
    }
    assert_eq!(found, expected);
    assert_eq!(found.into_keys().collect::<HashSet<_>>(), HashSet::from(RowReason::CODES));
    assert_eq!((good, people.len() as u64), (stats.good_rows, stats.people));
    // Of the odd forms, one in thirteen is the placeholder.
    assert_eq!(warned, stats.odd_rows / OddForm::ALL.len() as u64);
    assert!(stats.odd_rows >= 2 * OddForm::ALL.len() as u64);
}

#[test]
fn bad_rows_are_as_many_as_fit() {
    let bad = |rows| sample(rows, 4, true).1.bad_rows.iter().map(|(_, count)| *count).collect::<Vec<_>>();
    assert_eq!(bad(0), [0u64; 0]);
    assert_eq!(bad(3), [0u64; 0]);
    assert_eq!(bad(8), [1, 1]);
    assert_eq!(bad(4 * BadRow::ALL.len() as u64), [1; BadRow::ALL.len()]);
}

#[test]
fn the_good_rows_do_not_depend_on_the_bad_ones() {
    let supports = |bad_rows| {
        let rows = read(&sample(500, 5, bad_rows).0);
        let niks = rows.iter().filter_map(|row| match row {
            Row::Support(support) if support.nik.warnings().is_empty() => Some(*support.nik.expose_digits()),
            _ => None,
        });
        niks.collect::<HashSet<_>>()
    };
    let (plain, mixed) = (supports(false), supports(true));
    assert!(mixed.is_subset(&plain) && mixed.len() > 400);
}

#[test]
fn outsiders_are_in_no_sample() {
    let outsiders: Vec<_> = sample_outsiders(6).take(1_000).collect();
    let different: HashSet<_> = outsiders.iter().map(|nik| *nik.expose_digits()).collect();
    assert_eq!(different.len(), 1_000);
    assert!(outsiders.iter().all(|nik| nik.warnings().is_empty() && nik.expose_digits()[12..] > b"9500"[..]));
    assert!(sample_outsiders(6).zip(&outsiders).all(|(again, nik)| again == *nik));
}

#[test]
fn the_largest_record_is_as_long_as_is_said() {
    let longest = SAMPLE_CANDIDATES
        .map(|candidate| format!(r#"{{"candidate":"{}","status":"tms","submitted":"2024-08-15"}}"#, candidate.id));
    let record = format!(r#"{{"supports":[{}]}}"#, longest.join(","));
    assert_eq!(record.len(), 191);
    assert!(record.len() <= SAMPLE_PAYLOAD_BYTES as usize);
}

#[test]
fn the_districts_of_jakarta_are_all_there_by_their_names() {
    let list = include_str!("../../../core/data/district_codes.csv");
    let expected: Vec<_> = list.lines().filter(|line| line.starts_with("31")).collect();
    let found: Vec<_> = places::JAKARTA.iter().map(|place| format!("{},{},1", place.code, place.name)).collect();
    assert_eq!(found, expected);
}
