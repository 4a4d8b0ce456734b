use std::io::Cursor;

use super::super::encoding::survey;
use super::*;

fn found(list: &str, map: &str) -> Result<Header, ReadError> {
    let mut columns = ColumnMap::default();
    if !map.is_empty() {
        columns.add(map).unwrap();
    }
    find(&mut Cursor::new(list), &survey(list.as_bytes())?, &columns, &Column::ALL)
}

fn places(list: &str, map: &str) -> (u64, char, [Option<usize>; 4]) {
    let header = found(list, map).unwrap();
    (header.row, char::from(header.delimiter), Column::ALL.map(|column| header.index(column)))
}

fn message(list: &str, map: &str) -> String {
    found(list, map).unwrap_err().to_string()
}

#[test]
fn the_separator_is_the_one_that_shows_the_columns() {
    let all = [Some(1), Some(2), Some(3), Some(4)];
    for separator in [',', ';', '\t'] {
        let list = "No|NIK|Pasangan Calon|Status|Tanggal\n".replace('|', &separator.to_string());
        assert_eq!(places(&list, ""), (1, separator, all));
    }
    // Other separators in names and rows do not count.
    assert_eq!(places("No;NIK;\"Calon\";Status;Tgl.\n1;2;a,b,c,d,e,f;g\th;i\n", "").1, ';');
    assert_eq!(places("\"Nama, lengkap\";NIK;Paslon;Status\n", "").1, ';');
}

#[test]
fn names_are_found_in_any_case_spacing_and_language() {
    for nik in [
        "NIK",
        "nik",
        " N I K ",
        "\"NIK\r\n(16 digit)\"",
        "No. KTP",
        "NO_KTP",
        "Nomor Induk Kependudukan (NIK)",
        "National ID number",
    ] {
        let list = format!("No,{nik},Nama,Bakal Pasangan Calon,STATUS  DUKUNGAN,Tgl Penyerahan\n");
        let map = if nik.contains("16") { "nik=NIK (16 digit)" } else { "" };
        assert_eq!(places(&list, map).2, [Some(1), Some(3), Some(4), Some(5)], "{nik}");
    }
    let list = "National ID,Candidate,Status,Submitted at\n";
    assert_eq!(places(list, "").2, [Some(0), Some(1), Some(2), Some(3)]);
    // Marital status, birth date and family card are not what they resemble.
    let list = "No KK,NIK,Tanggal Lahir,Status Perkawinan,Calon,Status\n";
    assert_eq!(places(list, "").2, [Some(1), Some(4), Some(5), None]);
}

#[test]
fn titles_and_empty_rows_may_stand_above() {
    let list = "DAFTAR PENDUKUNG,,,\n\nProvinsi:,\"DKI, Jakarta\",,\n\nNo,NIK,Calon,Status\n1,3171011708900001,A,MS\n";
    assert_eq!(places(list, ""), (5, ',', [Some(1), Some(2), Some(3), None]));
    assert_eq!(places("sep=;\nNIK;Calon;Status\n", ""), (2, ';', [Some(0), Some(1), Some(2), None]));
    let below = |rows: usize| "\n".repeat(rows) + "NIK,Calon,Status\n";
    assert_eq!(places(&below(19), "").0, HEADER_ROWS);
    assert!(matches!(found(&below(20), ""), Err(ReadError::NoHeader)));
    // The header printed on every page is the first of them.
    assert_eq!(places("NIK,Calon,Status\n1,A,MS\nNIK,Calon,Status\n", "").0, 1);
}

#[test]
fn a_map_goes_before_the_usual_names() {
    let list = "NIK,Identitas,Nama Paslon,Ket.,Status\n";
    let map = "nik=IDENTITAS,status=ket,candidate=#3";
    assert_eq!(places(list, map).2, [Some(1), Some(2), Some(3), None]);
    // By number, the header is the first of the rows with the most names; a column without a name will do.
    assert_eq!(places("Daftar\nNo,,Calon,Status\n1,3171011708900001,A,MS\n", "nik=#2").0, 2);
    let header = found("Calon,Status,,\n", "nik=#3").unwrap();
    assert_eq!((header.index(Column::Nik), header.named, header.width), (Some(2), 3, 4));
}

#[test]
fn a_header_without_a_needed_column_is_shown() {
    assert_eq!(
        message("No,Nama,,\"Alamat\n lengkap\"\n1,Siti,,Jl. Melati\n", ""),
        "no column for the NIK in the header; its columns are: No | Nama | Alamat lengkap. \
         Name it with --map nik=COLUMN"
    );
    assert_eq!(
        message("No,NIK,Status\n", ""),
        "no column for the candidate in the header; its columns are: No | NIK | Status. \
         Name it with --map candidate=COLUMN, or give --candidate ID for the whole file"
    );
    assert_eq!(
        message("No,NIK,Calon\n", ""),
        "no column for the status in the header; its columns are: No | NIK | Calon. \
         Name it with --map status=COLUMN, or give --status ID for the whole file"
    );
    assert_eq!(
        message("No,NIK,Calon,Status\n", "nik=KTP"),
        "no column \"KTP\" for the NIK in the header; its columns are: No | NIK | Calon | Status. \
         Correct --map nik=COLUMN"
    );
    assert_eq!(
        message("No,NIK,Calon,Status\n", "submitted=#9"),
        "no column \"#9\" for the submission date in the header; its columns are: No | NIK | Calon | Status. \
         Correct --map submitted=COLUMN"
    );
}

#[test]
fn columns_that_cannot_be_told_apart_are_asked_about() {
    assert_eq!(
        message("NIK,No KTP,Calon,Status\n", ""),
        "several columns could be the NIK: #1 NIK | #2 No KTP. Choose one by its name or number: --map nik=#N"
    );
    assert_eq!(places("NIK,No KTP,Calon,Status\n", "nik=No KTP").2[0], Some(1));
    assert!(matches!(found("NIK,NIK,Calon,Status\n", "nik=NIK"), Err(ReadError::AmbiguousColumn { .. })));
    assert_eq!(places("NIK,NIK,Calon,Status\n", "nik=#2").2[0], Some(1));
}

#[test]
fn a_row_of_the_list_is_never_shown_as_a_header() {
    for list in [
        "1,3171011708900001,Siti Rahayu,Melati,MS\n2,3171011708900002,Budi,Melati,MS\n",
        "1,,Siti Rahayu,Melati,MS\n",
        "31710117O89OOOO1,Siti Rahayu\n",
        "1;3.17101E+15;Siti\n",
    ] {
        assert_eq!(
            message(list, ""),
            "no header in the first 20 rows: put a row with the names of the columns above the list, each in words and with \
             fewer than 5 digits, or name the NIK's with --map nik=COLUMN"
        );
    }
    // "KTP" is a name of the NIK's column, and here what a cell says.
    let kinds = "Nomor Identitas,Jenis Identitas,Calon,Status\n3171011708900001,KTP,Melati,MS\n";
    assert_eq!(
        message(kinds, ""),
        "no column for the NIK in the header; its columns are: Nomor Identitas | Jenis Identitas | Calon | Status. \
         Name it with --map nik=COLUMN"
    );
    assert_eq!(places(kinds, "nik=nomor identitas"), (1, ',', [Some(0), Some(2), Some(3), None]));
    assert!(matches!(found("3171011708900001,KTP,Melati,MS\n", ""), Err(ReadError::NoHeader)));
    // Where the NIK's column is named, a header may have more digits; they are not shown.
    let years = "NIK,Tahapan 2024-2025,Status\n";
    assert!(matches!(found(years, ""), Err(ReadError::NoHeader)));
    assert!(message(years, "nik=NIK").contains("its columns are: NIK | … | Status."));
    let mixed = "No,Nama\n1,Siti Rahayu\n3171011708900001,Budi\n";
    assert!(!message(mixed, "").contains("Siti") && !message(mixed, "").contains("3171"));
}

#[test]
fn shown_names_are_short_and_on_one_line() {
    assert_eq!(shown(" a\r\n b\u{7}c "), "a b c");
    assert_eq!(shown(&"é".repeat(41)), "é".repeat(40) + "…");
    let many = (0..100).map(|n| format!("K{n}")).collect::<Vec<_>>().join(",");
    assert_eq!(message(&many, "").matches(" | ").count(), SHOWN_NAMES - 1);
}

#[test]
fn an_unclosed_quote_in_the_header_is_told() {
    assert!(matches!(found("No,\"NIK,Calon\n1,2,3\n", ""), Err(ReadError::UnclosedQuote { row: 1 })));
}
