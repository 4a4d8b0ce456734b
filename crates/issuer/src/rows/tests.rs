use std::io::Write;

use proptest::prelude::*;

use super::*;

const HEADER: &str = "No,NIK,Nama,Pasangan Calon,Status,Tanggal\n";
const GOOD: &str = "1,3171011708900001,Siti,Melati,MS,15/08/2024\n";

fn options() -> ReaderOptions {
    ReaderOptions {
        candidates: Terms::new([("ml", ["Pasangan Melati", "Melati"]), ("kn", ["Pasangan Kenanga", "Kenanga"])])
            .unwrap(),
        statuses: Terms::new([("ms", ["Memenuhi syarat"]), ("tms", ["Tidak memenuhi syarat"])]).unwrap(),
        ..ReaderOptions::default()
    }
}

fn support(row: u64, nik: &str, candidate: &str, status: &str, submitted: Option<&str>) -> Row {
    Row::Support(SupportRow {
        row,
        nik: Nik::parse(nik).unwrap(),
        candidate: candidate.into(),
        status: status.into(),
        submitted: submitted.map(str::to_owned),
    })
}

fn good(row: u64) -> Row {
    support(row, "3171011708900001", "ml", "ms", Some("2024-08-15"))
}

fn rows(list: impl AsRef<[u8]>) -> Vec<Row> {
    read_bytes(list.as_ref(), &options()).unwrap()
}

fn error(list: impl AsRef<[u8]>) -> String {
    read_bytes(list.as_ref(), &options()).unwrap_err().to_string()
}

/// The one refusal of a list of a row and a good one after it.
fn refusal(row: &[u8]) -> (String, &'static str) {
    let list = [HEADER.as_bytes(), row, b"\n", GOOD.as_bytes()].concat();
    let rows = rows(list);
    let [Row::Refused(refused), Row::Support(after)] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((refused.row, after.row), (2, 3));
    assert!(RowReason::CODES.contains(&refused.reason.code()));
    (refused.to_string(), refused.reason.code())
}

#[track_caller]
fn refused(row: &str, code: &str, message: &str) {
    assert_eq!(
        refusal(row.as_bytes()),
        (message.to_owned(), RowReason::CODES.into_iter().find(|c| *c == code).unwrap())
    );
}

#[test]
fn a_row_gives_a_support() {
    let list = format!(
        "{HEADER}1,3171011708900001,\"Siti, S.H.\",melati,MEMENUHI SYARAT,15 Agustus 2024\n\n2,'9671 0117 0890 0123,\"Budi\nb\",KN,tms,\n"
    );
    let second = support(4, "9671011708900123", "kn", "tms", None);
    assert_eq!(rows(list), [good(2), second]);
}

#[test]
fn encodings_and_separators_are_found() {
    let with = |separator: &str| format!("{HEADER}{GOOD}").replace(',', separator);
    for (bytes, encoding, delimiter) in [
        (with(",").into_bytes(), Encoding::Utf8, ','),
        (with(";").into_bytes(), Encoding::Utf8, ';'),
        (with("\t").replace('\n', "\r\n").into_bytes(), Encoding::Utf8, '\t'),
        ([b"\xEF\xBB\xBF", with(",").as_bytes()].concat(), Encoding::Utf8, ','),
        (with(",").replace("Siti", "Sitï").into_bytes(), Encoding::Utf8, ','),
        (with(";").bytes().map(|byte| if byte == b'S' { 0xD0 } else { byte }).collect(), Encoding::Windows1252, ';'),
    ] {
        let bytes: Vec<u8> = bytes;
        // The map is for the header's "Status", of which the last list has spoilt a letter.
        let mut options = options();
        options.map.add("status=#5").unwrap();
        options.statuses = Terms::new([("ms", ["MÐ"])]).unwrap();
        let reader = RowReader::from_source(Cursor::new(&bytes), &options).unwrap();
        let scan = reader.scanned();
        assert_eq!((scan.encoding, scan.delimiter, scan.bytes), (encoding, delimiter, bytes.len() as u64));
        assert_eq!(reader.collect::<Result<Vec<_>, _>>().unwrap(), [good(2)]);
    }
    // In Windows-1252, 0xA0 is a no-break space and 0x96 a dash.
    let list = [HEADER.as_bytes(), b"1,3171\xA00117\x960890 0001,Ren\xE9,Melati,MS,15/08/2024\n"].concat();
    assert_eq!(rows(list), [good(2)]);
}

#[test]
fn a_nik_cell_that_is_numeric() {
    let message = "row 2, column NIK: the NIK is written as a number and its last digits may be lost: take it from the \
                   source again, into a column formatted as text";
    refused("1,3171011708900001.0,Siti,Melati,MS,", "nik_number", message);
    refused("1,3.171.011.708.900.000,Siti,Melati,MS,", "nik_number", message);
    refused("1,\"3,171,011,708,900,000\",Siti,Melati,MS,", "nik_number", message);
    let message = "row 2, column NIK: the NIK ends in 0000, which is never given out: its last digit was most likely lost \
                   in a numeric cell; take it from the source again, into a column formatted as text";
    refused("1,3171011708900000,Siti,Melati,MS,", "nik_false_zero", message);
}

#[test]
fn a_nik_cell_in_scientific_notation() {
    let message = "row 2, column NIK: the NIK is in scientific notation and its last digits are lost: take it from the \
                   source again, into a column formatted as text";
    refused("1,3.17101E+15,Siti,Melati,MS,", "nik_scientific", message);
    refused("1,\"3,17101E+15\",Siti,Melati,MS,", "nik_scientific", message);
}

#[test]
fn a_nik_cell_of_15_or_17_digits() {
    refused("1,317101170890001,Siti,Melati,MS,", "nik_length", "row 2, column NIK: the NIK has 15 digits, not 16");
    refused("1,31710117089000011,Siti,Melati,MS,", "nik_length", "row 2, column NIK: the NIK has 17 digits, not 16");
}

#[test]
fn a_nik_cell_that_is_empty() {
    for cell in ["", " ", "\"\"", "-", "'"] {
        refused(&format!("1,{cell},Siti,Melati,MS,"), "nik_empty", "row 2, column NIK: the NIK is empty");
    }
}

#[test]
fn a_nik_cell_with_letters() {
    let message = "row 2, column NIK: character 16 of the NIK is neither a digit nor a space, dot or hyphen";
    refused("1,317101170890000O,Siti,Melati,MS,", "nik_character", message);
}

#[test]
fn a_nik_cell_that_is_far_too_long() {
    let message = "row 2, column NIK: the NIK cell holds 1000 bytes, too many for a NIK";
    refused(&format!("1,{},Siti,Melati,MS,", "1".repeat(1000)), "nik_too_long", message);
}

#[test]
fn a_nul_byte() {
    refused(
        "1,3171011708900001,Si\0ti,Melati,MS,",
        "nul",
        "row 2: the row has a NUL byte in it: it is damaged, or the file is no plain text; export it again",
    );
    refused(
        "1,3171011\x00708900001,Siti,Melati,MS,",
        "nul",
        "row 2: the row has a NUL byte in it: it is damaged, or the file is no plain text; export it again",
    );
}

#[test]
fn a_line_of_10_megabytes() {
    let message = "row 2: the row is longer than 65536 bytes or 1024 cells: line ends are missing, or it is damaged";
    refused(&"3".repeat(10_000_000), "row_too_long", message);
    refused(&format!("1,3171011708900001,\"{}\",Melati,MS,", "x".repeat(10_000_000)), "row_too_long", message);
    refused(&",".repeat(2_000), "row_too_long", message);
}

#[test]
fn a_header_without_a_nik_column() {
    assert_eq!(
        error("No,Nama,Alamat\n1,Siti,Jl. Melati 3171011708900001\n"),
        "no column for the NIK in the header; its columns are: No | Nama | Alamat. Name it with --map nik=COLUMN"
    );
}

#[test]
fn an_unknown_candidate_or_status() {
    refused(
        "1,3171011708900001,Siti,Mawar,MS,",
        "candidate_unknown",
        "row 2, column Pasangan Calon: the candidate is none of the dataset's, which `ceknik dataset show` lists",
    );
    refused("1,3171011708900001,Siti, ,MS,", "candidate_empty", "row 2, column Pasangan Calon: the candidate is empty");
    refused(
        "1,3171011708900001,Siti,Melati,Kawin,",
        "status_unknown",
        "row 2, column Status: the status is none of the dataset's, which `ceknik dataset show` lists",
    );
    refused("1,3171011708900001,Siti,Melati,,", "status_empty", "row 2, column Status: the status is empty");
}

#[test]
fn a_date_that_is_none() {
    let message =
        "row 2, column Tanggal: the submission date is no date like 2024-08-15, 15/08/2024 or 15 Agustus 2024";
    for date in ["31/02/2024", "45519", "kemarin", "08/15/2024"] {
        refused(&format!("1,3171011708900001,Siti,Melati,MS,{date}"), "date_invalid", message);
    }
}

#[test]
fn a_row_of_too_few_or_too_many_cells() {
    refused(
        "1,3171011708900001,Siti,Melati,MS",
        "cells_missing",
        "row 2: the row has 5 cells where the header names 6: a cell with a line break in it needs quotes",
    );
    refused(
        "Jumlah: 20.000",
        "cells_missing",
        "row 2: the row has 1 cells where the header names 6: a cell with a line break in it needs quotes",
    );
    let message = "row 2: the row has 7 cells where the header has 6: a cell with the separator in it needs quotes";
    refused("1,3171011708900001,Siti, S.H.,Melati,MS,15/08/2024", "cells_extra", message);
    // Empty cells at the end are what spreadsheets add.
    assert_eq!(rows(format!("{HEADER}{},,\" \",\n{GOOD}", GOOD.trim_end())), [good(2), good(3)]);
    // Columns without a name at the end may be filled or not there.
    let list = "NIK,Calon,Status,,\n3171011708900001,Melati,MS\n3171011708900001,Melati,MS,x,y\n3171011708900001,Melati,MS,x,y,z\n";
    let rows = rows(list);
    assert!(matches!(&rows[..2], [Row::Support(_), Row::Support(_)]));
    let Row::Refused(refused) = &rows[2] else { panic!("{rows:?}") };
    assert_eq!(refused.reason, RowReason::CellsExtra { found: 6, expected: 5 });
}

#[test]
fn a_quote_that_swallows_rows_says_how_many() {
    let message = "row 2: the quotes in this row do not match (lines taken together: 3) and nothing of it was read: \
                   close every quote, and write a quote within a cell twice";
    // The quote that closes it opens a cell of another row, and by chance the cells fit the header.
    let first = format!("1,3171011708900001,\"Siti,Melati,MS,\n{GOOD}2,3171011708900002,\"Budi,Melati,MS,");
    refused(&first, "quotes", message);
    refused(&format!("1,3171011708900001,\"Siti,Melati,MS,\n{GOOD}2,3171011708900002,\""), "quotes", message);
    let message = "row 2: the quotes in this row do not match (lines taken together: 1) and nothing of it was read: \
                   close every quote, and write a quote within a cell twice";
    refused("1,3171011708900001,\"Siti\"Rahayu,Melati,MS,", "quotes", message);
    // A space after the closing quote, and quotes within a cell without quotes, are plain enough.
    let list = format!(
        "{HEADER}1,3171011708900001,\"Siti\" ,Melati,MS,15/08/2024\n1,3171011708900001,Siti \"Ani\",Melati,MS,15/08/2024\n"
    );
    assert_eq!(rows(list), [good(2), good(3)]);
}

#[test]
fn a_quote_that_is_never_closed() {
    let message = "row 3 opens a quote that is not closed within 100 lines or before the end of the file, so that the rows after it cannot be told \
                   apart: close the quote or take it out, and import again";
    assert_eq!(error(format!("{HEADER}{GOOD}2,3171011708900002,\"Budi,Melati,MS,\n{GOOD}")), message);
    assert_eq!(error(format!("{HEADER}{GOOD}2,3171011708900002,\"Budi,Melati,MS,\n{}\"\n", GOOD.repeat(100))), message);
}

#[test]
fn a_truncated_file() {
    let message = "the list ends in the middle of row 3: it was cut short; export or copy it again";
    let list = format!("{HEADER}{GOOD}2,3171011708900002,Sité,Melati,MS,15/08/2024");
    let start = format!("{HEADER}{GOOD}").len();
    let cells_end = list.len() - "15/08/2024".len();
    for end in start + 1..cells_end {
        assert_eq!(error(&list.as_bytes()[..end]), message, "{end}");
    }
    // Cut within the last cell, the row is there: its date is refused unless it is one, and nothing more can be known.
    for end in cells_end + 1..list.len() {
        let rows = rows(&list.as_bytes()[..end]);
        assert!(matches!(&rows[1], Row::Refused(refused) if refused.reason == RowReason::DateInvalid));
    }
    // A list whose last row is whole needs no line end.
    assert_eq!(rows(list).len(), 2);
    // Cut within a character of the last cell, it is UTF-8 all the same.
    let list = "Calon,Status,NIK\nMelati,MS,3171011708900001\nMelati,MS,３";
    assert_eq!(error(&list.as_bytes()[..list.len() - 1]), message);
}

#[test]
fn a_file_that_is_no_csv() {
    assert_eq!(
        error(b"PK\x03\x04\x14\0\x06\0"),
        "this is a spreadsheet workbook, not CSV: export its sheet as \"CSV UTF-8\" and import that file"
    );
    assert_eq!(
        error(b"\xFF\xFEN\0I\0K\0"),
        "this is UTF-16 text: export the list as \"CSV UTF-8\" and import that file"
    );
    assert_eq!(error(b""), "the list is empty: export it again");
    assert_eq!(
        error(b"\n\n"),
        "no header in the first 20 rows: put a row with the names of the columns above the list, each in words and with \
         fewer than 5 digits, or name the NIK's with --map nik=COLUMN"
    );
}

#[test]
fn a_column_of_numbers() {
    let list = |count: u64, last: u64| {
        (0..count).fold(HEADER.to_owned(), |list, n| {
            list + &format!("1,{},Siti,Melati,MS,\n", 3_171_011_708_900_010 + n * 10 + last)
        })
    };
    assert_eq!(
        error(list(20, 0)),
        "all 20 NIKs end in 0: a spreadsheet kept the column as numbers and lost every last digit; take the NIKs from the \
         source again, into a column formatted as text; if they are right as they are, say --trust-final-zeros"
    );
    assert_eq!(rows(list(19, 0)).len(), 19);
    assert_eq!(rows(list(20, 1)).len(), 20);
    let trusting = ReaderOptions { trust_final_zeros: true, ..options() };
    assert_eq!(read_bytes(list(20, 0).as_bytes(), &trusting).unwrap().len(), 20);
}

#[test]
fn more_final_zeros_than_chance_has_are_counted() {
    let scan = |rows, final_zeros| {
        let reader = RowReader::from_source(Cursor::new(format!("{HEADER}{GOOD}")), &options()).unwrap();
        Scan { rows, final_zeros, ..reader.scanned().clone() }.suspected_zeros()
    };
    assert_eq!(scan(1_000_000, 100_000), 0);
    assert_eq!(scan(1_000_000, 101_500), 0);
    assert_eq!(scan(1_000_000, 150_000), 48_500);
    assert_eq!(scan(10, 5), 0);
    assert_eq!(scan(0, 0), 0);
}

#[test]
fn candidate_and_status_of_the_whole_file() {
    let given = ReaderOptions { candidate: Some("KENANGA".into()), status: Some("ms".into()), ..options() };
    let rows = read_bytes(b"NIK\n3171011708900001\n", &given).unwrap();
    assert_eq!(rows, [support(2, "3171011708900001", "kn", "ms", None)]);
    // A column of that name would say otherwise, unless it is said to mean something else.
    let list = "No,NIK,Status\n1,3171011708900001,Kawin\n";
    let mut other = given.clone();
    let error = read_bytes(list.as_bytes(), &other).unwrap_err().to_string();
    assert_eq!(
        error,
        "row 1 has a column \"Status\" for the status, and --status was given for the whole file: leave --status out, so that what \
         each row says counts; if the column means something else, add --map status=-"
    );
    other.map.add("status=-").unwrap();
    let rows = read_bytes(list.as_bytes(), &other).unwrap();
    assert_eq!(rows, [support(2, "3171011708900001", "kn", "ms", None)]);
    // Without a value for the whole file there is none at all then.
    let error = read_bytes(list.as_bytes(), &ReaderOptions { status: None, ..other }).unwrap_err().to_string();
    assert!(
        error.starts_with("no column for the status in the header; its columns are: No | NIK | Status. "),
        "{error}"
    );

    let unknown = ReaderOptions { candidate: Some("Mawar".into()), ..options() };
    let error = read_bytes(b"NIK,Status\n", &unknown).unwrap_err().to_string();
    assert_eq!(error, "\"Mawar\" is none of the dataset's for the candidate; there are: ml, kn");
    let mut twice = ReaderOptions { status: Some("ms".into()), ..options() };
    twice.map.add("status=Status").unwrap();
    let error = read_bytes(b"NIK,Calon,Status\n", &twice).unwrap_err().to_string();
    assert_eq!(
        error,
        "the status is given for the whole file and by a column: leave out --status or --map status=COLUMN"
    );
}

#[test]
fn rows_can_be_skipped_and_progress_be_told() {
    let mut list = HEADER.to_owned();
    for n in 1..=9_u32 {
        list += &format!("{n},317101170890000{n},Siti,Melati,MS,\n,,,,,\n\nx\n");
    }
    let all = rows(&list);
    assert_eq!(all.len(), 18);
    for skip in 0..=20 {
        let mut reader = RowReader::from_source(Cursor::new(&list), &options()).unwrap();
        let skipped = reader.skip_rows(skip).unwrap();
        assert_eq!(skipped, skip.min(18));
        let position = reader.bytes_read();
        assert!(position <= reader.scanned().bytes);
        let rest: Vec<_> = reader.by_ref().collect::<Result<_, _>>().unwrap();
        assert_eq!(rest, all[skipped as usize..]);
        assert_eq!(reader.bytes_read(), list.len() as u64);
        assert!(reader.next().is_none());
    }
}

#[test]
fn a_list_is_scanned_before_it_is_read() {
    let list = format!(
        "Daftar pendukung\n{HEADER}{GOOD}\n2,317101170890,Budi,Melati,MS,\n,,,,,\n{}",
        GOOD.replace("0001", "0010")
    );
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(list.as_bytes()).unwrap();
    let reader = RowReader::open(file.path(), &options()).unwrap();
    assert_eq!(
        serde_json::to_value(reader.scanned()).unwrap(),
        serde_json::json!({
            "encoding": "utf-8", "delimiter": ",", "header_row": 2, "bytes": list.len(),
            "columns": [["nik", "NIK"], ["candidate", "Pasangan Calon"], ["status", "Status"], ["submitted", "Tanggal"]],
            "rows": 3, "refused": 1, "final_zeros": 1
        })
    );
    assert_eq!(reader.map(|row| matches!(row.unwrap(), Row::Support(_))).collect::<Vec<_>>(), [true, false, true]);
    let missing = RowReader::open(&file.path().join("no"), &options()).err().unwrap();
    assert!(missing.to_string().starts_with("the list cannot be read: "));
}

#[test]
fn a_refusal_is_serialised_with_code_and_message() {
    let refused = RefusedRow { row: 17, column: Some("NIK".into()), reason: RowReason::NikLength { digits: 15 } };
    assert_eq!(
        serde_json::to_value(&refused).unwrap(),
        serde_json::json!({"row": 17, "column": "NIK", "code": "nik_length", "message": "the NIK has 15 digits, not 16"})
    );
}

#[test]
fn nothing_of_a_cell_is_shown() {
    let canary = "3171011708907531";
    for spoilt in ["x", "1", "\0", "E5", ".0", ",", "\"\n"] {
        let list = format!("{HEADER}1,{canary}{spoilt},{canary},{canary},{canary},{canary}\n1,{canary},a,Melati,MS,\n");
        for row in rows(list) {
            let shown = match &row {
                Row::Refused(refused) => format!("{refused} {refused:?} {}", serde_json::to_string(refused).unwrap()),
                Row::Support(support) => format!("{support:?}"),
            };
            assert!(!shown.contains("7531") && !shown.contains("3171"), "{shown}");
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        people in prop::collection::vec(
            ("[1-9][0-9]{14}[1-9]", "[A-Za-z ,\"\n]{0,20}", 0..2usize, 0..2usize, 1..=28u8, any::<bool>()),
            1..30,
        ),
    ) {
        let mut list = String::from(HEADER);
        let mut expected = Vec::new();
        for (row, (nik, name, candidate, status, day, all_quoted)) in (2..).zip(people) {
            let cells = [
                row.to_string(),
                nik.clone(),
                name,
                ["Melati", "pasangan  KENANGA"][candidate].to_owned(),
                ["MS", "tms"][status].to_owned(),
                format!("{day}/08/2024"),
            ];
            let written = cells.map(|text| match all_quoted || text.contains([',', '"', '\n']) {
                true => format!("\"{}\"", text.replace('"', "\"\"")),
                false => text,
            });
            list += &(written.join(",") + "\n");
            let day = format!("2024-08-{day:02}");
            expected.push(support(row, &nik, ["ml", "kn"][candidate], ["ms", "tms"][status], Some(&day)));
        }
        prop_assert_eq!(rows(list), expected);
    }

    #[test]
    fn nothing_is_too_odd_to_be_read(
        header in prop::bool::ANY,
        bytes in prop::collection::vec(prop::sample::select(b"NIK3171011708900001MelatiMS,,,,;;\t\"\"\n\n\r \0\xC3\xA9\xFF".to_vec()), 0..400),
    ) {
        let list = if header { [HEADER.as_bytes(), &bytes].concat() } else { bytes };
        let mut rows = 0;
        if let Ok(mut reader) = RowReader::from_source(Cursor::new(&list), &options()) {
            let scan = reader.scanned().clone();
            let mut last = scan.header_row;
            for row in reader.by_ref() {
                let row = match row? { Row::Support(support) => support.row, Row::Refused(refused) => refused.row };
                prop_assert!(row > last);
                last = row;
                rows += 1;
            }
            prop_assert_eq!(scan.rows, rows);
            prop_assert_eq!(reader.bytes_read(), list.len() as u64);
        }
    }
}
