//! What `docs/operations.md` tells publishers of refused rows.

#![allow(clippy::unwrap_used, reason = "a failure is to be seen where it happens")]

use ceknik_issuer::{RowReason, UNFIT_CODES};

/// Every code has a row in the table, and the table has no other. In the order of the code.
#[test]
fn every_code_of_a_refused_row_is_explained() {
    let document = include_str!("../../../docs/operations.md");
    let (_, section) = document.split_once("\n## Rows that are refused\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let mut codes = Vec::new();
    for (code, rest) in rows {
        let cells: Vec<&str> = rest.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect();
        assert_eq!(cells.len(), 2, "{code}: what it means, and what to do");
        codes.push(code);
    }
    assert_eq!(codes, RowReason::CODES.into_iter().chain(UNFIT_CODES).collect::<Vec<_>>());
}
