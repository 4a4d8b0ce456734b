//! The report for a terminal.

use crate::figures::{Files, LoggedFigures};
use crate::report::words::{self, day, line};
use crate::report::{ListReport, Report};

/// Most epochs that are told one by one: the newest.
const MOST_EPOCHS: usize = 12;

/// The report as text, Indonesian before English.
pub fn text(report: &Report) -> String {
    let mut out = Vec::new();
    let [(id, en), (means_id, means_en)] = words::verdict(report.verdict);
    out.push(format!("{id} / {en}"));
    out.push(format!("{means_id} / {means_en}"));
    out.push(format!("{}, {}", report.server, report.at));
    let (id, en) = words::trust(report);
    out.push(format!("{id} / {en}"));
    if let Some(log) = &report.log {
        let before = log.size_before.map_or_else(String::new, |before| format!(" (sebelumnya / before: {before})"));
        out.push(format!("Catatan publik / public log: {}, {} entri / entries{before}", log.origin, log.size));
        let witnesses = if log.witnessed.is_empty() { "tidak ada / none".to_owned() } else { log.witnessed.join(", ") };
        out.push(format!("Saksi / witnesses: {witnesses}"));
    }
    if !report.findings.is_empty() {
        out.push(String::new());
        out.push("Temuan / findings:".to_owned());
        for finding in &report.findings {
            let code = finding.code;
            let (id, en) = words::weight(code.weight());
            out.push(format!(
                "  {code} [{}], {id} / {en}: {} / {}",
                finding.place(),
                code.indonesian(),
                code.english()
            ));
            out.push(format!("    {}{}", line(&finding.detail), words::repeated(finding)));
        }
    }
    for list in &report.lists {
        out.push(String::new());
        tell_list(list, &mut out);
    }
    if !report.unchecked.is_empty() {
        out.push(String::new());
        out.push("Tidak diperiksa / not checked:".to_owned());
        for unchecked in &report.unchecked {
            let place = match (&unchecked.dataset, unchecked.epoch) {
                (Some(dataset), Some(epoch)) => format!("{dataset}, epoch {epoch}: "),
                (Some(dataset), None) => format!("{dataset}: "),
                _ => String::new(),
            };
            out.push(format!("  {place}{}: {}", unchecked.what, line(&unchecked.why)));
        }
    }
    out.push(String::new());
    out.join("\n")
}

fn tell_list(list: &ListReport, out: &mut Vec<String>) {
    out.push(format!("{}: {} / {}", list.dataset, line(&list.title.id), line(&list.title.en)));
    let skipped = list.epochs.len().saturating_sub(MOST_EPOCHS);
    if skipped > 0 {
        out.push(format!("  … {skipped} edisi sebelumnya / earlier epochs"));
    }
    out.extend(list.epochs.iter().skip(skipped).map(tell_epoch));
    if let Some(again) = &list.again {
        out.push(format!(
            "  dilihat lagi / looked at again: {} dari / of {} bagian / buckets, {} dari / of {} berkas saringan / files of the filter",
            again.buckets, again.of_buckets, again.shards, again.of_shards
        ));
    }
    if let Some(cells) = list.newest().and_then(|newest| newest.audited.as_ref()?.cells.as_ref()) {
        let expected = &cells.expected;
        out.push(format!(
            "  sel / cells: {} terpasang dari / set of {}; diharapkan / expected {:.0}, {} … {}",
            cells.set, cells.cells, expected.mean, expected.low, expected.high
        ));
        if let Some(growth) = &cells.growth {
            let expected = &growth.expected;
            out.push(format!(
                "  sel baru sejak edisi / cells newly set since epoch {}: {}; diharapkan / expected {:.0}, {} … {}",
                growth.since, growth.newly_set, expected.mean, expected.low, expected.high
            ));
        }
    }
    if let Some(promise) = &list.promise {
        out.push(format!(
            "  bila saringan cocok, tercantum / listed, if the filter hits: {} % rata-rata / on average, {} % sendirian di sel / alone \
             in the cell (janji / promised: {} %); sebelumnya / before: {} %",
            promise.hit_percent, promise.alone_percent, promise.promised_percent, promise.base_rate_percent
        ));
        if let Some(newly) = promise.newly_set_percent {
            out.push(format!(
                "  bila sel baru terpasang, ditambahkan / added, if the cell is newly set: {newly} % sendirian / alone"
            ));
        }
        out.push(format!("  orang per bagian / people per bucket: {}", promise.people_per_bucket));
    }
    if let Some(probes) = &list.probes {
        out.push(format!(
            "  evaluasi / evaluations: {} permintaan / requests, {} elemen / elements, {} terbukti / proved; {} galat yang disengaja / \
             errors on purpose",
            probes.evaluations, probes.elements, probes.proved, probes.errors
        ));
    }
    if let Some(raw) = &list.list {
        out.push(format!(
            "  daftar asli / raw list: {} orang / people, {} cocok dengan saringan / hit the filter",
            raw.people, raw.hits
        ));
        if let (Some(remaining), Some(expected)) = (raw.remaining, &raw.expected) {
            out.push(format!(
                "  sel selain milik mereka / cells that are none of theirs: {remaining}; derau menjelaskan / noise explains {:.0}, {} … {}",
                expected.mean, expected.low, expected.high
            ));
        }
        out.push(format!(
            "  dicoba / sampled: {}, ada di daftar tersegel / in the sealed table: {}",
            raw.sampled, raw.in_table
        ));
    }
}

fn tell_epoch(figures: &LoggedFigures) -> String {
    let files = match figures.files {
        Files::Verified => "diperiksa / verified",
        Files::Gone => "berkas tidak ada lagi / files gone",
        Files::Wrong => "BERKAS SALAH / FILES WRONG",
        Files::Unchecked => "tidak diperiksa / not checked",
    };
    let changes = figures.audited.as_ref().and_then(|audited| audited.changes);
    let changes = changes.map_or_else(String::new, |changes| {
        let since = if changes.since + 1 == figures.epoch {
            String::new()
        } else {
            format!(" (sejak / since {})", changes.since)
        };
        format!(", +{} −{} ~{}{since}", changes.added, changes.removed, changes.changed)
    });
    format!(
        "  edisi / epoch {}, {}{}: {} catatan / records{changes}; {files}",
        figures.epoch,
        day(&figures.published_at),
        if figures.new { ", baru / new" } else { "" },
        figures.records
    )
}
