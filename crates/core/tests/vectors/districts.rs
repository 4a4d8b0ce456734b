use ceknik_core::{Nik, NikWarning};

use super::read::{file, list, number, text};

#[test]
fn districts_of_today() {
    let file = file("districts.json");
    let mut current = vec![false; 1_000_000];
    for range in list(&file["current"]) {
        let (first, last) = text(range).split_once('-').unwrap();
        assert_eq!((first.len(), last.len()), (6, 6));
        current[first.parse().unwrap()..=last.parse().unwrap()].fill(true);
    }
    assert_eq!(current.iter().filter(|is| **is).count() as u64, number(&file["count"]));
    for (code, is_current) in current.iter().enumerate() {
        let warnings = Nik::parse(&format!("{code:06}0101900001")).unwrap().warnings();
        let is_odd = !is_current && code / 10_000 != 99;
        assert_eq!(warnings.contains(NikWarning::Region), is_odd, "{code:06}");
    }
    for code in list(&file["not_current"]) {
        assert!(!current[text(code).parse::<usize>().unwrap()], "{code}");
    }
}
