use proptest::prelude::*;

use super::*;

/// Gives its bytes a few at a time.
struct Drip<'a>(&'a [u8], usize);

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.1.min(self.0.len()).min(buffer.len());
        buffer[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Seen {
    row: u64,
    lines: u64,
    ended_by_line: bool,
    fault: Option<Fault>,
    cells: Vec<Vec<u8>>,
}

/// All rows, and the row at which an unclosed quote stopped the reading.
fn read(bytes: &[u8], step: usize) -> (Vec<Seen>, Option<u64>) {
    let mut records = Records::new(Drip(bytes, step), b',', 0);
    let mut seen = Vec::new();
    loop {
        match records.advance() {
            Ok(true) => seen.push(Seen {
                row: records.row(),
                lines: records.lines(),
                ended_by_line: records.ended_by_line(),
                fault: records.fault(),
                cells: (0..records.cells()).map(|index| records.cell(index).to_vec()).collect(),
            }),
            Ok(false) => {
                assert_eq!(records.bytes_read(), bytes.len() as u64);
                return (seen, None);
            }
            Err(ReadError::UnclosedQuote { row }) => return (seen, Some(row)),
            Err(error) => panic!("{error}"),
        }
    }
}

fn rows_of(bytes: &[u8]) -> Vec<(u64, String)> {
    let (seen, unclosed) = read(bytes, usize::MAX);
    assert_eq!(unclosed, None);
    seen.iter().map(|row| (row.row, String::from_utf8_lossy(&row.cells.join(&b'|')).into_owned())).collect()
}

fn numbered(rows: &[(u64, &str)]) -> Vec<(u64, String)> {
    rows.iter().map(|(row, cells)| (*row, (*cells).to_owned())).collect()
}

#[test]
fn rows_are_numbered_as_a_spreadsheet_shows_them() {
    assert_eq!(rows_of(b"a,b\n\n1,2\n"), numbered(&[(1, "a|b"), (3, "1|2")]));
    assert_eq!(rows_of(b"\r\n\r\na,b\r\n\r\n1,2"), numbered(&[(3, "a|b"), (5, "1|2")]));
    assert_eq!(rows_of(b"a\r\rb\rc\r"), numbered(&[(1, "a"), (3, "b"), (4, "c")]));
    // A row with line breaks in its cells is one row.
    assert_eq!(rows_of(b"\"a\nb\n\",c\n\nd,e\n"), numbered(&[(1, "a\nb\n|c"), (3, "d|e")]));
    assert_eq!(rows_of(b"\n\n\n"), []);
    assert_eq!(rows_of(b",\n\"\"\n"), numbered(&[(1, "|"), (2, "")]));
}

#[test]
fn lines_of_a_row_are_counted() {
    let (seen, _) = read(b"a\nb,\"1\n2\r\n3\"\r\n\"x\n\"", usize::MAX);
    assert_eq!(
        seen.iter().map(|row| (row.lines, row.ended_by_line)).collect::<Vec<_>>(),
        [(1, true), (3, true), (2, false)]
    );
}

#[test]
fn an_unclosed_quote_is_found_at_the_end_and_after_a_hundred_lines() {
    assert_eq!(read(b"a\nb,\"c\nd\n", usize::MAX).1, Some(2));
    assert_eq!(read(b"a\nb,\"c\"", usize::MAX).1, None);
    assert_eq!(read(b"a\nb,\"c\"\"", usize::MAX).1, Some(2));
    let text = |breaks: usize| format!("a\n\"{}\"\nb\n", "x\n".repeat(breaks));
    let within = MAX_ROW_LINES as usize - 1;
    let (seen, unclosed) = read(text(within).as_bytes(), usize::MAX);
    assert_eq!((seen.len(), seen[1].lines, unclosed), (3, MAX_ROW_LINES, None));
    assert_eq!(read(text(within + 1).as_bytes(), usize::MAX).1, Some(2));
}

#[test]
fn a_row_of_10_megabytes_is_passed_over() {
    let long = "x".repeat(10_000_000);
    for row in
        [long.clone(), format!("\"{long}\""), format!("1,{long},2"), ",".repeat(1_000_000), "\"\"".repeat(1_000_000)]
    {
        let text = format!("a,b\n{row}\nc,d\n");
        let mut records = Records::new(text.as_bytes(), b',', 0);
        let memory = (records.buffer.capacity(), records.text.capacity(), records.ends.capacity());
        let mut seen = Vec::new();
        while records.advance().unwrap() {
            seen.push((records.row(), records.fault(), records.cell(0).to_vec()));
        }
        assert_eq!(seen, [(1, None, b"a".to_vec()), (2, Some(Fault::TooLong), vec![]), (3, None, b"c".to_vec())]);
        assert_eq!(memory, (records.buffer.capacity(), records.text.capacity(), records.ends.capacity()));
    }
}

#[test]
fn the_limits_are_exact_however_the_bytes_come() {
    let rows = [
        ("x".repeat(MAX_ROW_BYTES), None),
        ("x".repeat(MAX_ROW_BYTES + 1), Some(Fault::TooLong)),
        (",".repeat(MAX_ROW_CELLS - 1), None),
        (",".repeat(MAX_ROW_CELLS), Some(Fault::TooLong)),
    ];
    for (row, fault) in &rows {
        for step in [1, 7, 4096, usize::MAX] {
            for end in ["", "\n", "\r\n"] {
                let (seen, _) = read(format!("{row}{end}").as_bytes(), step);
                assert_eq!(seen.iter().map(|row| row.fault).collect::<Vec<_>>(), [*fault]);
            }
        }
    }
}

#[test]
fn a_nul_spoils_its_row_alone() {
    let (seen, _) = read(b"a,b\n1,\0\n\"\0\",2\n3,4\n", 3);
    let faults: Vec<_> = seen.iter().map(|row| row.fault).collect();
    assert_eq!(faults, [None, Some(Fault::Nul), Some(Fault::Nul), None]);
    assert_eq!(seen[3].row, 4);
}

#[test]
fn what_follows_a_closing_quote_spoils_its_row() {
    let faults = |text: &str| read(text.as_bytes(), 2).0.iter().map(|row| row.fault).collect::<Vec<_>>();
    for text in ["\"a\"b", "\"a\" b", "\"a\"\"\"b", "\"a\n\"b", "x,\"a\"b,c"] {
        assert_eq!(faults(text), [Some(Fault::Quotes)], "{text}");
    }
    for text in ["\"a\"", "\"a\" ,b", "\"a\"\"b\"", "a\"b\"", "a\"", " \"a\"b", "=\"a\"", "\"\""] {
        assert_eq!(faults(text), [None], "{text}");
    }
}

/// Text of which most is what matters to CSV.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop::sample::select(b"aab1,,;\"\"\n\n\r \xC3\xA9\0".to_vec());
    prop::collection::vec(bytes, 0..200)
}

proptest! {
    #[test]
    fn cells_are_those_of_the_crate_csv(text in text(), step in 1..20usize) {
        let (seen, unclosed) = read(&text, step);
        let mut oracle = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&text[..]);
        let expected: Vec<_> = oracle.byte_records().collect::<Result<_, _>>()?;
        // The crate makes a row of what an unclosed quote swallows.
        prop_assert_eq!(seen.len() + usize::from(unclosed.is_some()), expected.len());
        for (row, expected) in seen.iter().zip(&expected) {
            let nul = expected.as_slice().contains(&0);
            prop_assert!(!nul || row.fault.is_some());
            let cells: Vec<_> = expected.iter().map(<[u8]>::to_vec).collect();
            prop_assert_eq!(row.cells.len(), cells.len());
            prop_assert!(row.fault.is_some() || row.cells == cells);
        }
    }

    #[test]
    fn nothing_depends_on_how_the_bytes_come(text in text(), step in 1..20usize) {
        prop_assert_eq!(read(&text, step), read(&text, usize::MAX));
    }

    #[test]
    fn without_quotes_a_row_is_a_line(lines in prop::collection::vec("[a1, ]{0,5}", 0..20), end in "\n|\r\n|\r") {
        let text = lines.join(&end);
        let expected: Vec<u64> = (1..).zip(&lines).filter(|(_, line)| !line.is_empty()).map(|(row, _)| row).collect();
        let (seen, _) = read(text.as_bytes(), 3);
        prop_assert_eq!(seen.iter().map(|row| row.row).collect::<Vec<_>>(), expected);
    }
}
