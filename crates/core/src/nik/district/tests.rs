use super::*;

#[path = "../../../examples/districts.rs"]
#[allow(dead_code, unreachable_pub)]
mod generator;

static CSV: &str = include_str!("../../../data/district_codes.csv");

#[test]
fn the_table_is_current_and_small() {
    assert_eq!(generator::encode(CSV).unwrap(), TABLE, "run: cargo run -p ceknik-core --example districts");
    assert!(TABLE.len() < 2_048);
}

#[test]
fn every_code_has_the_standing_that_the_list_gives_it() {
    let mut expected = vec![DistrictStanding::Unknown; 1_000_000];
    expected[990_000..].fill(DistrictStanding::Abroad);
    for line in CSV.lines().skip(1) {
        let code: usize = line[..6].parse().unwrap();
        let current = line.ends_with(",1");
        expected[code] = if current { DistrictStanding::Current } else { DistrictStanding::Former };
    }
    for (code, expected) in (0..).zip(&expected) {
        assert_eq!(District(code).standing(), *expected, "{code:06}");
    }
    let count = |standing| expected.iter().filter(|s| **s == standing).count();
    assert_eq!((count(DistrictStanding::Current), count(DistrictStanding::Former)), (7_285, 594));
}

#[test]
fn the_current_districts_are_listed_in_order() {
    let current: Vec<_> = District::current().collect();
    assert_eq!(current.len(), 7_285);
    assert!(current.is_sorted());
    assert!(current.iter().all(|district| district.standing() == DistrictStanding::Current));
}

#[test]
fn a_district_prints_nothing() {
    assert_eq!(format!("{:?}", District(317_101)), "District(REDACTED)");
}
