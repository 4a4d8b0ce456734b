//! Withdrawal by NIK.

use ceknik_core::NikError;
use ceknik_issuer::{NikLines, WithdrawError, Withdrawal};

use crate::desk::{Desk, list, nik, support, supporters};

#[test]
fn people_go_and_their_cells_stay() {
    let mut desk = Desk::new();
    let mut rows = supporters("a", 0..20);
    rows.extend(supporters("b", 10..30));
    desk.import(&list(rows));
    let (cells, members) = (desk.cells(), desk.store.members(&desk.generation()).unwrap());
    let niks = format!("{}\n\n{}\n{}\n123\n{}\n", nik(1), nik(15), nik(99), nik(1));
    let summary = desk.withdraw(&niks, None);
    assert_eq!((summary.withdrawn, summary.still_listed), (2, 0));
    assert_eq!(summary.not_listed, [4, 6]);
    assert_eq!(summary.refused, [(5, NikError::Length { digits: 3 })]);
    assert_eq!((desk.look_up(&nik(1)), desk.look_up(&nik(15))), (None, None));
    assert_eq!((desk.cells(), desk.store.members(&desk.generation()).unwrap()), (cells, members));
    let counts = desk.store.record_counts(&desk.generation()).unwrap();
    assert_eq!((counts.live, counts.withdrawn), (28, 2));
    // Again, as after an interruption.
    assert_eq!(desk.withdraw(&niks, None).withdrawn, 0);
}

#[test]
fn one_candidates_support_may_go_alone() {
    let mut desk = Desk::new();
    let rows = ["a", "b", "c"].map(|candidate| format!("{},{candidate},ms,", nik(1)));
    desk.import(&list(rows));
    let summary = desk.withdraw(&nik(1), Some("Bougenvil"));
    assert_eq!((summary.withdrawn, summary.still_listed), (1, 1));
    assert_eq!(desk.look_up(&nik(1)), Some(vec![support("a", "ms", None), support("c", "ms", None)]));
    assert_eq!(desk.withdraw(&nik(1), Some("b")).not_listed, [1]);
    desk.withdraw(&nik(1), Some("a"));
    let summary = desk.withdraw(&nik(1), Some("c"));
    assert_eq!((summary.withdrawn, summary.still_listed, desk.look_up(&nik(1))), (1, 0, None));
}

#[test]
fn an_unknown_candidate_is_told() {
    let mut desk = Desk::new();
    let generations: Vec<_> = vec![(desk.generation(), desk.key(&desk.generation()))];
    let withdrawal = Withdrawal {
        store: &mut desk.store,
        cipher: &desk.cipher,
        generations: &generations,
        candidate: Some("d"),
        threads: None,
    };
    let error = withdrawal.withdraw(NikLines::new(&b""[..]), |_| {}).unwrap_err();
    assert!(matches!(error, WithdrawError::UnknownCandidate { .. }));
    assert_eq!(error.to_string(), "\"d\" is none of the dataset's candidates; there are: a, b, c");
}

#[test]
fn a_summary_tells_lines_and_no_nik() {
    let mut desk = Desk::new();
    let summary = desk.withdraw(&format!("{}\n12\n", nik(1)), None);
    assert_eq!(
        serde_json::to_value(&summary).unwrap(),
        serde_json::json!({
            "withdrawn": 0,
            "still_listed": 0,
            "not_listed": [1],
            "left": [], "refused": [{ "line": 2, "code": "length", "message": "there are 2 digits; a NIK has 16" }],
        })
    );
}
