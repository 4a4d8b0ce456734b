use clap::{Args as _, FromArgMatches};

use super::*;

fn args(text: &str) -> Result<PlanArgs, clap::Error> {
    let command = PlanArgs::augment_args(clap::Command::new("plan").no_binary_name(true));
    PlanArgs::from_arg_matches(&command.try_get_matches_from(text.split_whitespace())?)
}

fn printed(text: &str) -> String {
    let plan = Plan::compute(&args(text).unwrap().input().unwrap()).unwrap();
    let mut out = Vec::new();
    tables::write(&plan, false, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn percentages() {
    for (text, percent) in
        [("50", 50), ("50%", 50), ("50 %", 50), ("0.5", 50), ("0.07", 7), (" 1 ", 1), ("99", 99), ("1.0%", 1)]
    {
        assert_eq!(parse_percent(text), Ok(percent), "{text}");
    }
    for text in ["", "0", "100", "1.0", "0.5%", "0.123", "-5", "half", "NaN", "1e9", "%"] {
        assert!(parse_percent(text).is_err(), "{text}");
    }
}

#[test]
fn tables_hold_what_a_publisher_decides_by() {
    let out = printed("--records 677065 --population 8214007 --posterior 0.5");
    for line in [
        "677,065 records among 8,214,007 people: 8.2 % are listed.",
        "  bucket_bits = 11",
        "  payload_bytes = 96",
        "  evaluations_per_day = 3000000",
        "  Responses are 57,344 bytes long. The busiest day needs 2,765,569 evaluations when everybody looks for one NIK,",
        "  Half of the budget is there at once, half comes back over the day: a surge within hours has 1,500,000.",
        "  Noise sets 486,582 of 5,416,520 cells (9.0 %). A hit multiplies the odds of a person alone in the cell",
        "  At the base rate, by how many people share the cell: 50.0 % of 1, 35.3 % of 2, 27.8 % of 3.",
        "  pays 41 core-hours for the generation (first cost above);",
        "  by evaluating every hit knows the list: in 17 hours with all of the budget of 3,000,000 a day,",
        "  in 72 days with the 1 % of it that one network may take.",
    ] {
        assert!(out.lines().any(|printed| printed == line), "{line}\n\n{out}");
    }
    let row = |cells: &str| {
        let squeezed = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        out.lines().map(squeezed).any(|line| line == cells)
    };
    for cells in [
        "8.0 % 49.2 % 30.6 %",
        "2 91.8 % 69.9 %",
        "8 * 677 KB 1 3.4 s 5.7 19.7 % 26.3 % 33.7 % 677,065",
        "5 4 84.2 % 97.2 %",
        "5 5 94.7 % 97.8 %",
        "19,456 KiB, t = 2 18 ms 3.4 41",
    ] {
        assert!(row(cells), "{cells}\n\n{out}");
    }
    assert!(out.lines().all(|line| !line.contains("NaN") && !line.contains("inf")), "{out}");
}

#[test]
fn no_line_of_a_table_is_wider_than_a_screen() {
    let out = printed("--records 17000000 --population 204800000 --posterior 50");
    // Warnings are sentences of their own length.
    let tables = out.lines().filter(|line| !line.starts_with("  !"));
    tables.for_each(|line| assert!(line.chars().count() <= 125, "{line}"));
}

#[test]
fn bad_figures_are_pointed_at() {
    let out = printed("--records 100 --population 900 --posterior 50");
    assert!(out.contains("\nTo look at\n  ! "), "{out}");
    assert!(out.contains("only 900 people: a bucket that almost surely holds K = 1000 needs 1158"), "{out}");
}

#[test]
fn every_option_reaches_the_plan() {
    let base = "--records 1000 --population 100000 --posterior 30";
    let input = args(base).unwrap().input().unwrap();
    assert_eq!(input, PlanInput::new(1000, 100_000, 30));
    let all = format!(
        "{base} --k 77 --cells-per-record 9 --capacity 2000 --cover-percent 11 --bucket-bits 3 --shard-bits 1 --payload-bytes 64 \
         --supports 2 --id-bytes 5 --evaluations-per-day 99 --visitors-percent 12 --network-share 0.5"
    );
    let expected = PlanInput {
        k: 77,
        cells_per_record: 9,
        capacity: Some(2000),
        cover_percent: 11,
        bucket_bits: Some(3),
        shard_bits: Some(1),
        payload_bytes: Some(64),
        supports: 2,
        id_bytes: 5,
        evaluations_per_day: Some(99),
        visitors_percent: 12,
        network_percent: 0.5,
        ..input
    };
    assert_eq!(args(&all).unwrap().input().unwrap(), expected);
    assert!(args("--records 1 --population 2").is_err(), "the promise is the publisher's to make");
    assert!(args(&format!("{base} --posterior-percent 3")).is_err());
}

#[test]
fn times_of_this_machine() {
    let timings = measured().unwrap();
    assert_eq!(timings.len(), REFERENCE_TIMINGS.len());
    for (timing, reference) in timings.iter().zip(REFERENCE_TIMINGS) {
        assert_eq!(timing.cost, reference.cost);
        assert!(timing.milliseconds > 0.1 && timing.milliseconds.is_finite());
    }
    // Three passes take longer than one.
    assert!(timings[3].milliseconds > 1.5 * timings[2].milliseconds, "{timings:?}");
}
