//! Lists with rows that cannot be used, and lists that cannot be read.

use std::fs;

use crate::support::home::{DATASET, TestHome, list, nik};

const HEADER: &str = "No;NIK;Pasangan Calon;Status;Tanggal Penyerahan\n";

/// Imports a list whose third row is the given one, between good rows, and gives the report's row about it, after its number.
/// What is good is imported; the row's content is repeated nowhere.
fn refusal(row: &str) -> String {
    let home = TestHome::with_dataset();
    let good = |number| format!("{number};{};dk;ms;2024-08-15\n", nik(number));
    let list = format!("{HEADER}{}{row}\n{}\n{}", good(1), good(2), good(3));
    let ran = home.import_command(&list).done();
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[1], "4 rows: 3 supports added, 0 changed, 0 unchanged, 0 repeated, 1 refused", "{ran:?}");
    let report = home.path().join("reports").join(format!("{DATASET}-import-1.csv"));
    let told = format!("  every refused row with its number (the header counts) and reason: {}", report.display());
    assert!(lines.contains(&told.as_str()), "{ran:?}");
    let report = fs::read_to_string(report).unwrap();
    let refused = report.strip_prefix("row,column,code,reason\n3,").unwrap_or_else(|| panic!("{report}"));
    let code = refused.split(',').nth(1).unwrap();
    assert!(lines.contains(&format!("         1 refused: {code}").as_str()), "{ran:?}");
    // Neither what is refused nor what is accepted.
    let digits = row.split(|char: char| !char.is_ascii_digit()).filter(|digits| digits.len() > 6);
    for digits in digits.chain([&*nik(1), &*nik(2)]) {
        assert!(![&ran.stdout, &ran.stderr, &report].iter().any(|text| text.contains(digits)), "a cell was repeated");
    }
    refused.trim_end().to_owned()
}

#[test]
fn nik_cell_that_is_numeric() {
    let told = "\"NIK\",nik_number,\"the NIK is written as a number and its last digits may be lost: take it from the source \
                again, into a column formatted as text\"";
    assert_eq!(refusal("2;3171011708909001,0;dk;ms;2024-08-15"), told);
    assert_eq!(refusal("2;3.171.011.708.909.001;dk;ms;2024-08-15"), told);
    // What a numeric cell makes of the serial numbers 0001 to 0009.
    assert_eq!(
        refusal("2;3171011708900000;dk;ms;2024-08-15"),
        "\"NIK\",nik_false_zero,\"the NIK ends in 0000, which is never given out: its last digit was most likely lost in a \
         numeric cell; take it from the source again, into a column formatted as text\""
    );
}

#[test]
fn nik_column_that_is_numeric() {
    let home = TestHome::with_dataset();
    let rows: String = (0..30).map(|number| format!("{}0;dk;ms\n", &nik(number * 10)[..15])).collect();
    let told = home.import_command(format!("NIK;Kandidat;Status\n{rows}")).refused();
    assert_eq!(
        told,
        "all 30 NIKs end in 0: a spreadsheet kept the column as numbers and lost every last digit; take the NIKs from the \
         source again, into a column formatted as text; if they are right as they are, say --trust-final-zeros"
    );
}

/// A part of the column is numeric: other people would be listed, and as a snapshot those meant would be withdrawn.
#[test]
fn nik_column_that_is_partly_numeric() {
    let home = TestHome::with_list(0..60);
    let cut = |number: u32| if number < 30 { format!("{}0", &nik(number * 10)[..15]) } else { nik(number) };
    let rows: String = (0..60).map(|number| format!("{};dk;ms\n", cut(number))).collect();
    let list = format!("NIK;Kandidat;Status\n{rows}");
    let told = "33 of 60 NIKs end in 0, 15 more than chance explains: a spreadsheet kept some as numbers and lost their last \
                digits, so that other people would be listed in place of those meant. Nothing was stored. Take the NIKs from the \
                source again, into a column formatted as text; if they are right as they are, say --trust-final-zeros";
    for options in [&[][..], &["--snapshot"]] {
        assert_eq!(home.import_command(&list).args(options).refused(), told);
    }
    let records = || home.command("dataset show").arg("--json").done().json()["generations"][0]["records"].clone();
    assert_eq!(records(), 60);
    let said = home.import_command(&list).arg("--trust-final-zeros").done().stdout;
    assert!(said.contains("\n  warning: 15 more NIKs end in 0 than chance explains, and were believed"), "{said}");
}

#[test]
fn list_without_rows() {
    let home = TestHome::with_list(0..10);
    for (header, options) in [("NIK;Kandidat;Status", &[][..]), ("NIK;Status", &["--snapshot", "--candidate", "dk"])] {
        let told = home.import_command(format!("{header}\n\n")).args(options).refused();
        assert_eq!(
            told,
            "the list has a header and no row under it: export it again. To take people off the list there is `ceknik withdraw`"
        );
    }
    assert_eq!(home.command("dataset show").arg("--json").done().json()["generations"][0]["records"], 10);
}

/// The summary tells why, and the exit code that it was not done.
#[test]
fn list_of_which_every_row_is_refused() {
    let home = TestHome::with_dataset();
    let ran = home.import_command("NIK;Kandidat;Status\n3171;dk;ms\n3172;dk;ms\n").run();
    assert_eq!(ran.code(), 1);
    assert!(ran.stdout.contains("2 rows: 0 supports added, 0 changed, 0 unchanged, 0 repeated, 2 refused"), "{ran:?}");
    let report = home.path().join(format!("reports/{DATASET}-import-1.csv"));
    let told = "nothing of the list was imported: every row of it was refused, for the reasons in";
    assert_eq!(ran.message(), format!("{told} {}", report.display()));
}

#[test]
fn nik_in_scientific_notation() {
    let told = "\"NIK\",nik_scientific,\"the NIK is in scientific notation and its last digits are lost: take it from the \
                source again, into a column formatted as text\"";
    assert_eq!(refusal("2;3.17101E+15;dk;ms;2024-08-15"), told);
    assert_eq!(refusal("2;3,17101170890900E+15;dk;ms;2024-08-15"), told);
}

#[test]
fn nik_of_15_digits() {
    assert_eq!(refusal("2;317101170890900;dk;ms;"), "\"NIK\",nik_length,\"the NIK has 15 digits, not 16\"");
}

#[test]
fn nik_of_17_digits() {
    assert_eq!(refusal("2;31710117089090011;dk;ms;"), "\"NIK\",nik_length,\"the NIK has 17 digits, not 16\"");
}

#[test]
fn nik_that_is_empty() {
    assert_eq!(refusal("2;;dk;ms;2024-08-15"), "\"NIK\",nik_empty,\"the NIK is empty\"");
    assert_eq!(refusal("2;' ;dk;ms;2024-08-15"), "\"NIK\",nik_empty,\"the NIK is empty\"");
}

#[test]
fn nik_with_letters() {
    let told = |position| {
        format!(
            "\"NIK\",nik_character,\"character {position} of the NIK is neither a digit nor a space, dot or hyphen\""
        )
    };
    assert_eq!(refusal("2;317101170890900O;dk;ms;"), told(16));
    assert_eq!(refusal("2;NIK 3171011708909001;dk;ms;"), told(1));
}

#[test]
fn nul_byte() {
    let told =
        "\"\",nul,\"the row has a NUL byte in it: it is damaged, or the file is no plain text; export it again\"";
    assert_eq!(refusal("2;3171011\x00708909001;dk;ms;2024-08-15"), told);
}

#[test]
fn line_of_ten_megabytes() {
    let told = "\"\",row_too_long,\"the row is longer than 65536 bytes or 1024 cells: line ends are missing, or it is damaged\"";
    assert_eq!(refusal(&format!("2;{};dk;ms;2024-08-15", "x".repeat(10_000_000))), told);
    assert_eq!(refusal(&";".repeat(10_000_000)), told);
}

#[test]
fn unknown_candidate_and_status() {
    assert_eq!(
        refusal("2;3171011708909001;Pasangan X-Y;ms;2024-08-15"),
        "\"Pasangan Calon\",candidate_unknown,\"the candidate is none of the dataset's, which `ceknik dataset show` lists\""
    );
    assert_eq!(
        refusal("2;3171011708909001;;ms;2024-08-15"),
        "\"Pasangan Calon\",candidate_empty,\"the candidate is empty\""
    );
    assert_eq!(
        refusal("2;3171011708909001;dk;sah;2024-08-15"),
        "\"Status\",status_unknown,\"the status is none of the dataset's, which `ceknik dataset show` lists\""
    );
    let shown = TestHome::with_dataset().command("dataset show").done().stdout;
    assert!(shown.contains("\n  candidates: dk (Pasangan D-K / Pair D-K), pw (Pasangan P-W / Pair P-W)\n"), "{shown}");
    assert!(
        shown.contains("\n  statuses: ms (Memenuhi syarat / Eligible), tms (Tidak memenuhi syarat / Not eligible)\n")
    );
}

#[test]
fn candidate_of_the_whole_file_that_is_none() {
    let home = TestHome::with_dataset();
    let ran = |key: &str| home.import_command(list([1])).args([key, "xy"]).refused();
    assert_eq!(ran("--candidate"), "\"xy\" is none of the dataset's for the candidate; there are: dk, pw");
    assert_eq!(ran("--status"), "\"xy\" is none of the dataset's for the status; there are: ms, tms");
}

#[test]
fn date_that_is_none() {
    let told = "\"Tanggal Penyerahan\",date_invalid,\"the submission date is no date like 2024-08-15, 15/08/2024 or 15 Agustus 2024\"";
    for date in ["31/02/2024", "kemarin", "2024-13-01", "15-08-24", "08/15/2024"] {
        assert_eq!(refusal(&format!("2;3171011708909001;dk;ms;{date}")), told, "{date}");
    }
}

#[test]
fn cells_that_do_not_fit_the_header() {
    assert_eq!(
        refusal("2;3171011708909001;dk"),
        "\"\",cells_missing,\"the row has 3 cells where the header names 5: a cell with a line break in it needs quotes\""
    );
    assert_eq!(
        refusal("2;3171011708909001;dk;ms;2024-08-15;x"),
        "\"\",cells_extra,\"the row has 6 cells where the header has 5: a cell with the separator in it needs quotes\""
    );
    assert_eq!(
        refusal("2;\"3171011708909001\"x;dk;ms;2024-08-15"),
        "\"\",quotes,\"the quotes in this row do not match (lines taken together: 1) and nothing of it was read: close every \
         quote, and write a quote within a cell twice\""
    );
}

/// What is wrong with the list as a whole is told before anything of it is imported.
fn refused_whole(list: impl AsRef<[u8]>) -> String {
    let home = TestHome::with_dataset();
    let message = home.import_command(list).refused();
    let shown = home.command("dataset show").arg("--json").done().json();
    assert_eq!((&shown["generations"][0]["records"], &shown["open_import"]), (&0.into(), &().into()));
    assert!(fs::read_dir(home.path().join("reports")).unwrap().next().is_none(), "nothing was begun");
    message
}

#[test]
fn header_without_a_nik_column() {
    assert_eq!(
        refused_whole("No;No KK;Nama;Kandidat;Status\n1;3171012345678901;Siti;dk;ms\n"),
        "no column for the NIK in the header; its columns are: No | No KK | Nama | Kandidat | Status. Name it with --map \
         nik=COLUMN"
    );
    assert_eq!(
        refused_whole(format!("1;{};dk;ms\n2;{};dk;ms\n", nik(1), nik(2))),
        "no header in the first 20 rows: put a row with the names of the columns above the list, each in words and with \
         fewer than 5 digits, or name the NIK's with --map nik=COLUMN"
    );
    assert_eq!(
        refused_whole(format!("NIK;Status\n{};ms\n", nik(1))),
        "no column for the candidate in the header; its columns are: NIK | Status. Name it with --map candidate=COLUMN, or \
         give --candidate ID for the whole file"
    );
    assert_eq!(
        refused_whole(format!("NIK;No KTP;Kandidat;Status\n{0};{0};dk;ms\n", nik(1))),
        "several columns could be the NIK: #1 NIK | #2 No KTP. Choose one by its name or number: --map nik=#N"
    );
}

#[test]
fn truncated_file() {
    let whole = list(0..20);
    let told = "the list ends in the middle of row 21: it was cut short; export or copy it again";
    // Within the last NIK, after it, within the candidate.
    for cut in [18, 15, 14] {
        assert_eq!(refused_whole(&whole[..whole.len() - cut]), told, "{cut}");
    }
    assert_eq!(
        refused_whole(format!("{}\"{}", whole, nik(21))),
        "row 22 opens a quote that is not closed within 100 lines or before the end of the file, so that the rows after it \
         cannot be told apart: close the quote or take it out, and import again"
    );
}

#[test]
fn files_that_are_no_list() {
    assert_eq!(refused_whole(""), "the list is empty: export it again");
    assert_eq!(
        refused_whole(b"PK\x03\x04 a workbook"),
        "this is a spreadsheet workbook, not CSV: export its sheet as \"CSV UTF-8\" and import that file"
    );
    let no_text = "this is no text: export the list as \"CSV UTF-8\" and import that file";
    assert_eq!(refused_whole(b"SQLite format 3\x00\x10\x00\x01\x01\x00\x40\x20\x20"), no_text);
    assert_eq!(refused_whole(b"PNG\r\n\x1a\nIHDR\x00\x00\x01\x80".repeat(20)), no_text);
    assert_eq!(refused_whole(b"\x1f\x8b\x08\x08\x7a list.csv\n"), no_text);
    assert_eq!(refused_whole(b"%PDF-1.7\nNIK,Kandidat,Status\n"), no_text);
    let utf16: Vec<u8> = "\u{feff}NIK;Status\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(refused_whole(utf16), "this is UTF-16 text: export the list as \"CSV UTF-8\" and import that file");
    let home = TestHome::with_dataset();
    let missing = home.beside("list.csv");
    assert_eq!(
        home.command("import").arg(DATASET).arg(&missing).refused(),
        format!("cannot open {}: No such file or directory (os error 2)", missing.display())
    );
}
