//! A plan as tables for people.

use std::io::{self, Write};

use ceknik_issuer::plan::{AREA_PEOPLE, LISTED_ON_A_CARD, Plan};

/// Writes all tables. `measured`: the times of the stretch are this machine's.
pub(super) fn write(plan: &Plan, measured: bool, out: &mut impl Write) -> io::Result<()> {
    head(plan, out)?;
    promise(plan, out)?;
    filters(plan, out)?;
    contacts(plan, out)?;
    cards(plan, out)?;
    additions(plan, out)?;
    buckets(plan, out)?;
    stretches(plan, measured, out)?;
    leak(plan, out)
}

fn head(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    let Plan { records, population, posterior_percent, suggested, .. } = plan;
    let base = percent(plan.promise.rates.base_rate);
    writeln!(out, "{} records among {} people: {base} are listed.", count(*records), count(*population))?;
    writeln!(out, "Promise: to one who knows only that, a hit leaves a posterior of at most {posterior_percent} %.")?;
    writeln!(out, "\nFigures for the dataset's file")?;
    let planned = plan.filters.iter().find(|row| row.planned).map_or(0, |row| row.cells_per_record);
    let keys = [
        ("population", *population),
        ("posterior_percent", u64::from(*posterior_percent)),
        ("cells_per_record", u64::from(planned)),
        ("capacity", plan.capacity),
        ("shard_bits", u64::from(suggested.shard_bits)),
        ("cover_percent", u64::from(plan.cover_percent)),
        ("least_people_per_bucket", plan.k),
        ("bucket_bits", u64::from(suggested.bucket_bits)),
        ("payload_bytes", u64::from(suggested.payload_bytes)),
        ("evaluations_per_day", suggested.evaluations_per_day),
    ];
    for (key, value) in keys {
        writeln!(out, "  {key} = {value}")?;
    }
    writeln!(
        out,
        "  Responses are {} long. The busiest day needs {} evaluations when everybody looks for one NIK,\n  {} when all look \
         in families of four.\n  \
         Half of the budget is there at once, half comes back over the day: a surge within hours has {}.",
        plan.bucket.response_bytes.map_or_else(|| "too".to_owned(), |bytes| format!("{} bytes", count(bytes.into()))),
        rough(suggested.expected_evaluations),
        rough(suggested.expected_evaluations_in_families),
        count(suggested.evaluations_at_once),
    )?;
    if !plan.warnings.is_empty() {
        writeln!(out, "\nTo look at")?;
    }
    for warning in &plan.warnings {
        writeln!(out, "  ! {warning}.")?;
    }
    Ok(())
}

fn promise(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    let promise = &plan.promise;
    writeln!(out, "\nThe promise")?;
    writeln!(
        out,
        "  Noise sets {} of {} cells ({}). A hit multiplies the odds of a person alone in the cell\n  by {:.1}, and by {:.1} on \
         average, when it is not known who shares the cell.",
        count(promise.noise),
        count(promise.cells),
        percent(promise.rates.noise_share),
        1.0 / promise.rates.noise_share,
        1.0 / promise.rates.set_share,
    )?;
    let mut table = Table::new(["believed before", "after a hit, alone in the cell", "on average"]);
    for row in &promise.posteriors {
        table.row([percent(row.prior), percent(row.alone), percent(row.average)]);
    }
    table.write(out)?;
    let sharing: Vec<_> =
        promise.sharing.iter().map(|row| format!("{} of {}", percent(row.posterior), row.people)).collect();
    writeln!(out, "  At the base rate, by how many people share the cell: {}.", sharing.join(", "))?;
    writeln!(
        out,
        "  It holds for one who knows the base rate and nothing that ties people together. Lists run in families and\n  \
         villages, and a NIK shows district and birth date."
    )?;
    let mut table = Table::new(["generations that both hit", "alone in every cell", "on average"]);
    for row in &plan.generations {
        table.row([row.generations.to_string(), percent(row.alone), percent(row.average)]);
    }
    writeln!(out, "  Each new generation is an independent filter, and whoever keeps the old one intersects them:")?;
    table.write(out)
}

fn filters(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\nThe filter, by cells for each record of the capacity")?;
    let mut table = Table::new([
        "cells",
        "size",
        "shards",
        "slow line",
        "bits a record",
        "unlisted hit",
        "confirm",
        "contact",
        "room for",
    ]);
    for row in &plan.filters {
        table.row([
            format!("{}{}", row.cells_per_record, if row.planned { " *" } else { "" }),
            size(row.bytes),
            row.shards.to_string(),
            format!("{:.1} s", row.slow_line_seconds),
            format!("{:.1}", row.entropy_bits_per_record),
            percent(row.unlisted_hit),
            percent(row.visitors_confirm),
            percent(row.visitors_contact),
            count(row.room),
        ]);
    }
    table.write(out)?;
    writeln!(
        out,
        "  * planned. Confirm: visitors who hit; contact: with cover traffic; bits: what compression cannot go below;\n  room: \
         members until a new generation is due."
    )
}

fn contacts(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\nSeeing that somebody contacts the service, by cover rate")?;
    let mut table =
        Table::new(["cover", "one NIK", "is listed", "family of 4", "each is", "4 elements", "each is", "if together"]);
    for row in &plan.contacts {
        table.row([
            format!("{} %{}", row.cover_percent, if row.cover_percent == plan.cover_percent { " *" } else { "" }),
            percent(row.single.contact),
            percent(row.single.listed_given_contact),
            percent(row.family.contact),
            percent(row.family.listed_given_contact),
            percent(row.family.four_elements),
            percent(row.family.listed_given_four),
            percent(row.family_together.listed_given_four),
        ]);
    }
    table.write(out)?;
    writeln!(
        out,
        "  Share of visitors who contact the service, and how likely a given person is then listed. A family whose request\n  has \
         four elements has at least two NIKs to confirm; together: when all of a family are listed or none.\n  Who makes no \
         contact after looking is not listed."
    )
}

fn cards(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\nA family card whose people hit together")?;
    let mut table = Table::new(["on the card", "hit", "each is listed, on average", "all alone in their cells"]);
    for row in &plan.cards {
        table.row([row.size.to_string(), row.hits.to_string(), percent(row.average), percent(row.alone)]);
    }
    table.write(out)?;
    writeln!(
        out,
        "  For one who holds everybody's card, when on a listed card {} of the people are listed and nobody on the\n  others. The \
         promise is made for one person; the hits of a card add up.",
        percent(LISTED_ON_A_CARD)
    )
}

fn additions(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    if plan.additions.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nA later epoch that adds the last of the records")?;
    let mut table =
        Table::new(["added", "noise added", "odds factor", "from everywhere, alone", "on average", "from one area"]);
    for row in &plan.additions {
        table.row([
            count(row.added),
            count(row.noise_added),
            format!("{:.0}", row.epoch_odds_factor),
            percent(row.alone),
            percent(row.average),
            row.one_area.map_or_else(|| "-".to_owned(), percent),
        ]);
    }
    table.write(out)?;
    writeln!(
        out,
        "  How likely one whose cell this epoch set is one whom it added. One area: known to be where all of them live,\n  {} \
         people. Mix additions from everywhere. On average is also what a first contact in this epoch tells.",
        count(AREA_PEOPLE)
    )
}

fn buckets(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\nThe sealed table, by bucket bits (K = {})", count(plan.k))?;
    let mut table = Table::new([
        "bits",
        "people",
        "in contact",
        "records",
        "response",
        "slow line",
        "other pairs",
        "other threes",
        "other fours",
    ]);
    for row in &plan.buckets {
        let mark = if row.bits == plan.suggested.bucket_bits { " *" } else { "" };
        table.row([
            format!("{}{mark}{}", row.bits, if row.keeps_floor { "" } else { " refused" }),
            count(row.people),
            rough(row.people_who_contact),
            rough(row.records),
            row.response_bytes.map_or_else(|| "too long".to_owned(), |bytes| size(bytes.into())),
            row.slow_line_seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1} s")),
            fitting(row.other_pairs),
            fitting(row.other_threes),
            fitting(row.other_families),
        ]);
    }
    table.write(out)?;
    writeln!(
        out,
        "  One NIK's bucket is shared by so many people, of whom so many would contact the service. Of a family, the\n  buckets \
         fetched together fit its own members and so many others of one card, for who has the dataset's key and\n  everybody's \
         NIK. Under one, the family is as good as named: let it look one NIK at a time, from\n  different networks."
    )
}

fn stretches(plan: &Plan, measured: bool, out: &mut impl Write) -> io::Result<()> {
    let whose =
        if measured { "measured on this machine" } else { "times of a server's core; --measure takes this machine's" };
    writeln!(out, "\nThe stretch ({whose})")?;
    let mut table = Table::new(["Argon2id", "one NIK", "import", "whole population"]);
    for row in &plan.stretches {
        table.row([
            format!("{} KiB, t = {}", count(row.memory_kib.into()), row.passes),
            format!("{:.0} ms", row.milliseconds),
            core_hours(row.import_core_hours),
            core_hours(row.population_core_hours),
        ]);
    }
    table.write(out)?;
    writeln!(out, "  Core-hours. A status that changes costs the stretch of its row again.")
}

fn leak(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    let leak = &plan.leak;
    writeln!(out, "\nOne who holds everybody's NIK, and the public filter")?;
    writeln!(
        out,
        "  pays {} core-hours for the generation (first cost above);\n  learns of {} people that they are not listed, and of {} \
         that they hit, of whom {} are listed;\n  of those, {} are alone in their cells, and {} of them are listed;\n  by evaluating \
         every hit knows the list: in {:.0} hours with all of the budget of {} a day,\n  in {:.0} days with the {} % of it that one \
         network may take.",
        core_hours(leak.core_hours),
        rough(leak.misses),
        rough(leak.hits),
        percent(leak.listed_given_hit),
        rough(leak.alone_hits),
        percent(leak.listed_given_alone_hit),
        leak.hours_at_full_budget,
        count(leak.evaluations_per_day),
        leak.days_at_network_share,
        leak.network_percent,
    )
}

/// A table of right-aligned columns.
struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    fn new(header: [&str; N]) -> Self {
        Self { rows: vec![header.map(str::to_owned)] }
    }

    fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; N] = std::array::from_fn(width);
        for row in &self.rows {
            for (cell, width) in row.iter().zip(widths) {
                write!(out, "  {cell:>width$}")?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

/// A whole number with its thousands set apart.
fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// An expected number: whole.
fn rough(x: f64) -> String {
    count(x.round().max(0.0) as u64)
}

/// How many others fit: digits only where they matter.
fn fitting(x: f64) -> String {
    match x {
        x if x >= 10.0 => rough(x),
        x if x >= 0.01 => format!("{x:.2}"),
        _ => "0.00".to_owned(),
    }
}

/// A share in percent: one decimal, two under one percent, and never rounded up to certainty.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    match percent {
        p if p < 1.0 => format!("{p:.2} %"),
        p if p < 99.95 => format!("{p:.1} %"),
        p if p < 100.0 => ">99.9 %".to_owned(),
        _ => "100 %".to_owned(),
    }
}

/// Bytes in units of a thousand.
fn size(bytes: u64) -> String {
    match bytes {
        n if n >= 1_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        n if n >= 1_000 => format!("{:.0} KB", n as f64 / 1e3),
        n => format!("{n} B"),
    }
}

fn core_hours(hours: f64) -> String {
    match hours {
        h if h >= 10.0 => rough(h),
        h if h >= 0.1 => format!("{h:.1}"),
        h => format!("{h:.3}"),
    }
}
