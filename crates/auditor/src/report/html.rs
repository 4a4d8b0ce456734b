//! The report as one page that stands alone: no script, nothing from elsewhere, to be read, printed, and sent on.

use std::fmt::Write;

use super::picture::{self, Series};
use super::words::{self, day, grouped};
use super::{ListReport, Report, Verdict};
use crate::figures::{Files, LoggedFigures};

/// Most epochs in pictures and tables: the newest.
const MOST_EPOCHS: usize = 120;

const STYLE: &str = "
:root{color-scheme:light}
*{box-sizing:border-box}
body{margin:0 auto;max-width:46rem;padding:1.25rem;background:#fff;color:#1a1a1a;font:1rem/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0}
h2{font-size:1.25rem;margin:2.5rem 0 .5rem;border-top:2px solid #1a1a1a;padding-top:.75rem}
h3{font-size:1.05rem;margin:1.75rem 0 .5rem}
[lang=en]{color:#4a4a4a}
p{margin:.4rem 0}
.verdict{border-left:.6rem solid;padding:.75rem 1rem;margin:1rem 0;background:#f4f4f4}
.verdict strong{display:block;font-size:1.6rem;line-height:1.2}
.verdict strong span{display:block;font-size:1.1rem}
.well{border-color:#0b6b3a}.part{border-color:#7a5b00}.bad{border-color:#a31515}
.found{padding-left:1.2rem}.found li{margin:.9rem 0}
code{font-family:ui-monospace,monospace;font-size:.9em;overflow-wrap:anywhere}
figure{margin:1rem 0}
figcaption{font-size:.95rem}
svg{display:block;width:100%;max-width:32rem;height:auto}
svg text{font:15px system-ui,sans-serif;fill:#1a1a1a}
.axis{stroke:#555;stroke-width:1}.bound{stroke:#a31515;stroke-width:2;stroke-dasharray:5 4}
.curve{fill:none;stroke:#0b4f8a;stroke-width:2}
.one{fill:#0b4f8a}.other{fill:#b34700}.rest{fill:#e4e4e4}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem}
caption{text-align:left;font-weight:600;padding:.3rem 0}
th,td{text-align:left;padding:.3rem .6rem .3rem 0;border-bottom:1px solid #ccc;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
td.n{white-space:nowrap}
td.n:last-child{white-space:normal}
tbody th{min-width:8.5rem}
footer{margin-top:2.5rem;font-size:.9rem;color:#4a4a4a}
@media print{body{max-width:none;padding:0;font-size:10.5pt}figure,tr,li{break-inside:avoid}.scroll{overflow:visible}}
";

/// A text for HTML, between tags and in attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A sentence in both languages.
fn both(out: &mut String, id: &str, en: &str) {
    let _ = writeln!(out, "<p>{}</p><p lang=\"en\">{}</p>", escaped(id), escaped(en));
}

fn heading(out: &mut String, level: u8, id: &str, en: &str) {
    let _ = writeln!(out, "<h{level}>{} <span lang=\"en\">/ {}</span></h{level}>", escaped(id), escaped(en));
}

/// The report as a page.
pub fn html(report: &Report) -> String {
    let mut out = String::new();
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"id\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<title>Audit \
         {}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>Laporan audit daftar NIK <span lang=\"en\">/ Audit of a \
         NIK list</span></h1>\n<p>{}<br>{}</p>\n</header>\n<main>\n",
        escaped(&report.server),
        escaped(&report.server),
        escaped(&report.at)
    );
    tell_verdict(&mut out, report);
    tell_findings(&mut out, report);
    for (number, list) in report.lists.iter().enumerate() {
        tell_list(&mut out, number, list);
    }
    tell_unchecked(&mut out, report);
    tell_basis(&mut out, report);
    out.push_str("</main>\n<footer><p>ceknik audit</p></footer>\n</body>\n</html>\n");
    out
}

fn tell_verdict(out: &mut String, report: &Report) {
    let class = match report.verdict {
        Verdict::AllWell => "well",
        Verdict::NotWhole | Verdict::Unlikely => "part",
        Verdict::Problem | Verdict::Fork => "bad",
    };
    let [(id, en), (means_id, means_en)] = words::verdict(report.verdict);
    let _ = write!(out, "<div class=\"verdict {class}\"><strong>{id} <span lang=\"en\">{en}</span></strong>");
    both(out, means_id, means_en);
    out.push_str("</div>\n");
}

fn tell_findings(out: &mut String, report: &Report) {
    if report.findings.is_empty() {
        return;
    }
    heading(out, 2, "Temuan", "Findings");
    out.push_str("<ul class=\"found\">\n");
    for finding in &report.findings {
        let code = finding.code;
        let (id, en) = words::weight(code.weight());
        let _ = write!(
            out,
            "<li><strong>{}</strong>, {id} <span lang=\"en\">/ {en}</span>{}",
            escaped(&finding.place()),
            escaped(&words::repeated(finding))
        );
        both(out, code.indonesian(), code.english());
        let _ = writeln!(out, "<p><code>{code}</code>: <span lang=\"en\">{}</span></p></li>", escaped(&finding.detail));
    }
    out.push_str("</ul>\n");
}

fn tell_list(out: &mut String, number: usize, list: &ListReport) {
    heading(out, 2, &list.title.id, &list.title.en);
    let Some(newest) = list.newest() else { return };
    let _ = writeln!(
        out,
        "<p><code>{}</code>, edisi <span lang=\"en\">/ epoch</span> {}, {} … {}</p>",
        escaped(&list.dataset),
        newest.epoch,
        day(&newest.published_at),
        day(&newest.valid_until)
    );
    let shown = &list.epochs[list.epochs.len().saturating_sub(MOST_EPOCHS)..];
    draw_records(out, number, shown);
    draw_changes(out, number, shown);
    draw_promise(out, number, list);
    draw_buckets(out, number, newest);
    tell_cells(out, newest);
    tell_asked(out, list);
    tell_epochs(out, shown);
    tell_again(out, list);
}

fn figure(out: &mut String, picture: &str, id: &str, en: &str) {
    let _ = write!(out, "<figure>{picture}<figcaption>");
    both(out, id, en);
    out.push_str("</figcaption></figure>\n");
}

fn label(figures: &LoggedFigures) -> String {
    format!("{}: {}", figures.epoch, day(&figures.published_at))
}

fn draw_records(out: &mut String, number: usize, epochs: &[LoggedFigures]) {
    heading(out, 3, "Catatan per edisi", "Records over the epochs");
    let values: Vec<u64> = epochs.iter().map(|figures| figures.records).collect();
    let ends = [epochs.first(), epochs.last()].map(|figures| figures.map(label).unwrap_or_default());
    let (first, last) = (values.first().copied().unwrap_or(0), values.last().copied().unwrap_or(0));
    let told = format!("{} → {} records, from {} to {}", grouped(first), grouped(last), ends[0], ends[1]);
    let name = format!("records-{number}");
    let series = Series {
        name: &name,
        title: "Catatan per edisi / Records over the epochs",
        told: &told,
        ends: (&ends[0], &ends[1]),
    };
    figure(
        out,
        &picture::curve(&series, &values),
        &format!("Dari {} menjadi {} catatan tersegel.", grouped(first), grouped(last)),
        &format!("From {} to {} sealed records.", grouped(first), grouped(last)),
    );
}

fn draw_changes(out: &mut String, number: usize, epochs: &[LoggedFigures]) {
    let changed: Vec<_> =
        epochs.iter().filter_map(|figures| Some((figures, figures.audited.as_ref()?.changes?))).collect();
    let (Some((first, _)), Some((last, _))) = (changed.first(), changed.last()) else { return };
    heading(out, 3, "Ditambah dan dihapus", "Added and removed");
    let values: Vec<(u64, u64)> = changed.iter().map(|(_, changes)| (changes.added, changes.removed)).collect();
    let sum = |of: fn(&(u64, u64)) -> u64| grouped(values.iter().map(of).sum());
    let (added, removed) = (sum(|value| value.0), sum(|value| value.1));
    let told = format!("{added} added and {removed} removed in {} epochs", values.len());
    let (name, ends) = (format!("changes-{number}"), (label(first), label(last)));
    let series = Series {
        name: &name,
        title: "Ditambah dan dihapus / Added and removed",
        told: &told,
        ends: (&ends.0, &ends.1),
    };
    figure(
        out,
        &picture::up_and_down(&series, &values),
        &format!("Ke atas: ditambah ({added}). Ke bawah: dihapus ({removed}). Dihitung tepat, catatan demi catatan."),
        &format!("Up: added ({added}). Down: removed ({removed}). Counted exactly, record by record."),
    );
}

fn draw_promise(out: &mut String, number: usize, list: &ListReport) {
    let Some(promise) = &list.promise else { return };
    heading(out, 3, "Jika semua NIK bocor", "If everybody's NIK has leaked");
    let mut bars = vec![
        ("Tanpa bertanya / Before asking".to_owned(), promise.base_rate_percent),
        ("Saringan cocok, rata-rata / Filter hits, on average".to_owned(), promise.hit_percent),
        ("Cocok, sendirian di selnya / Hits, alone in the cell".to_owned(), promise.alone_percent),
    ];
    bars.extend(
        promise.newly_set_percent.map(|percent| ("Sel baru: ditambahkan / Newly set: was added".to_owned(), percent)),
    );
    let told: Vec<String> = bars.iter().map(|(words, percent)| format!("{words}: {percent} %")).collect();
    let picture = picture::percents(
        &format!("promise-{number}"),
        "Peluang tercantum / Chance of being listed",
        &told.join("; "),
        &bars,
        f64::from(promise.promised_percent),
    );
    figure(
        out,
        &picture,
        &format!(
            "Peluang bahwa seseorang tercantum, bagi yang memiliki semua NIK dan saringan publik, dihitung dari sel yang terpasang. \
             Kecocokan melipatgandakan peluangnya {} kali (diumumkan: {}).",
            promise.odds_factor_counted, promise.odds_factor
        ),
        &format!(
            "The chance that somebody is listed, to one who has everybody's NIK and the public filter, by the cells that are set. A \
             hit multiplies the odds by {} (disclosed: {}).",
            promise.odds_factor_counted, promise.odds_factor
        ),
    );
}

fn draw_buckets(out: &mut String, number: usize, newest: &LoggedFigures) {
    let Some(buckets) = newest.audited.as_ref().map(|audited| &audited.buckets) else { return };
    if buckets.count < 2 {
        return;
    }
    heading(out, 3, "Ukuran bagian", "Sizes of the buckets");
    let told = format!("{} buckets with {} to {} records", grouped(buckets.count), buckets.least, buckets.most);
    let name = format!("buckets-{number}");
    let ends = (buckets.least.to_string(), buckets.most.to_string());
    let series =
        Series { name: &name, title: "Ukuran bagian / Sizes of the buckets", told: &told, ends: (&ends.0, &ends.1) };
    figure(
        out,
        &picture::columns(&series, &buckets.histogram),
        &format!(
            "{} bagian berisi {} sampai {} catatan; setiap jawaban {} bita, berapa pun isinya.",
            grouped(buckets.count),
            buckets.least,
            buckets.most,
            grouped(buckets.response_bytes)
        ),
        &format!(
            "{} buckets of {} to {} records; every response has {} bytes, whatever is in it.",
            grouped(buckets.count),
            buckets.least,
            buckets.most,
            grouped(buckets.response_bytes)
        ),
    );
}

/// Rows of a table of figures.
fn table(out: &mut String, caption: (&str, &str), head: &[&str], rows: &[Vec<String>]) {
    let (id, en) = caption;
    let _ = write!(
        out,
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{}\"><table><caption>{} <span lang=\"en\">/ \
         {}</span></caption><thead><tr>",
        escaped(id),
        escaped(id),
        escaped(en)
    );
    for (place, head) in head.iter().enumerate() {
        let class = if place == 0 { "" } else { " class=\"n\"" };
        let _ = write!(out, "<th scope=\"col\"{class}>{}</th>", escaped(head));
    }
    out.push_str("</tr></thead><tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for (place, cell) in row.iter().enumerate() {
            let cell = escaped(cell);
            let _ = match place {
                0 => write!(out, "<th scope=\"row\">{cell}</th>"),
                _ => write!(out, "<td class=\"n\">{cell}</td>"),
            };
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
}

fn tell_cells(out: &mut String, newest: &LoggedFigures) {
    let Some(cells) = newest.audited.as_ref().and_then(|audited| audited.cells.as_ref()) else { return };
    heading(out, 3, "Sel saringan", "Cells of the filter");
    let range = |expected: &crate::epoch::Expected| {
        [format!("{:.0}", expected.mean), format!("{} … {}", grouped(expected.low), grouped(expected.high))]
    };
    let row = |words: String, counted: u64, expected: &crate::epoch::Expected| {
        let [mean, range] = range(expected);
        vec![words, grouped(counted), mean, range]
    };
    let mut rows = vec![row("Terpasang / Set".to_owned(), cells.set, &cells.expected)];
    if let Some(growth) = &cells.growth {
        let words = format!("Baru sejak edisi {} / Newly set since epoch {}", growth.since, growth.since);
        rows.push(row(words, growth.newly_set, &growth.expected));
    }
    table(
        out,
        ("Dihitung dan diharapkan", "Counted and expected"),
        &["Sel / Cells", "Dihitung / Counted", "Rata-rata / Mean", "999 dari 1000 / of 1,000"],
        &rows,
    );
}

fn tell_asked(out: &mut String, list: &ListReport) {
    if let Some(probes) = &list.probes {
        heading(out, 3, "Evaluasi", "The evaluation");
        both(
            out,
            &format!(
                "{} permintaan dengan {} elemen acak, masing-masing lewat sambungan baru; {} terbukti memakai kunci yang diumumkan. {} \
                 kesalahan disengaja dijawab. Anggaran yang diumumkan: {} sehari.",
                probes.evaluations,
                probes.elements,
                probes.proved,
                probes.errors,
                grouped(list.evaluations_per_day)
            ),
            &format!(
                "{} requests with {} random elements, each through a connection of its own; {} were proved to use the published key. {} \
                 mistakes were made on purpose. The disclosed budget: {} a day.",
                probes.evaluations,
                probes.elements,
                probes.proved,
                probes.errors,
                grouped(list.evaluations_per_day)
            ),
        );
    }
    if let Some(raw) = &list.list {
        heading(out, 3, "Daftar asli", "The raw list");
        both(
            out,
            &format!(
                "{} orang pada daftar asli; {} cocok dengan saringan. {} orang diambil acak; {} ada di daftar tersegel.",
                grouped(raw.people),
                grouped(raw.hits),
                raw.sampled,
                raw.in_table
            ),
            &format!(
                "{} people on the raw list; {} hit the filter. {} were drawn at random; {} are in the sealed table.",
                grouped(raw.people),
                grouped(raw.hits),
                raw.sampled,
                raw.in_table
            ),
        );
    }
}

fn tell_epochs(out: &mut String, epochs: &[LoggedFigures]) {
    heading(out, 3, "Semua edisi", "All epochs");
    let rows: Vec<Vec<String>> = epochs
        .iter()
        .rev()
        .map(|figures| {
            let changes = figures.audited.as_ref().and_then(|audited| audited.changes);
            let change = |of: fn(crate::table::Changes) -> u64| {
                changes.map_or_else(|| "–".to_owned(), |changes| grouped(of(changes)))
            };
            let files = match figures.files {
                Files::Verified => "diperiksa / verified",
                Files::Gone => "tidak ada lagi / gone",
                Files::Wrong => "SALAH / WRONG",
                Files::Unchecked => "tidak diperiksa / not checked",
            };
            let new = if figures.new { ", baru / new" } else { "" };
            vec![
                format!("{}{new}", label(figures)),
                grouped(figures.records),
                change(|changes| changes.added),
                change(|changes| changes.removed),
                change(|changes| changes.changed),
                figures.noise.map_or_else(|| "–".to_owned(), grouped),
                files.to_owned(),
            ]
        })
        .collect();
    table(
        out,
        ("Edisi", "Epochs"),
        &["Edisi / Epoch", "Catatan / Records", "+", "−", "Berubah / Changed", "Derau / Noise", "Berkas / Files"],
        &rows,
    );
}

fn tell_again(out: &mut String, list: &ListReport) {
    let Some(again) = &list.again else { return };
    let [buckets, of_buckets, shards, of_shards] =
        [again.buckets, again.of_buckets, again.shards, again.of_shards].map(grouped);
    both(
        out,
        &format!(
            "Isi edisi terbaru diperiksa seluruhnya, di edisi lain atau oleh audit terdahulu. Dilihat lagi kali ini, seperti yang \
             dilayani sekarang: {buckets} dari {of_buckets} bagian dan {shards} dari {of_shards} berkas saringan."
        ),
        &format!(
            "All that is in the newest epoch was verified, in another epoch or by an earlier audit. Looked at again this time, as they \
             are served now: {buckets} of {of_buckets} buckets, and {shards} of {of_shards} files of the filter."
        ),
    );
}

fn tell_unchecked(out: &mut String, report: &Report) {
    heading(out, 2, "Yang tidak diperiksa", "What was not checked");
    if !report.unchecked.is_empty() {
        out.push_str("<ul class=\"found\" lang=\"en\">\n");
        for unchecked in &report.unchecked {
            let place = match (&unchecked.dataset, unchecked.epoch) {
                (Some(dataset), Some(epoch)) => format!("{dataset}, epoch {epoch}: "),
                (Some(dataset), None) => format!("{dataset}: "),
                _ => String::new(),
            };
            let told = format!("{place}{}: {}", unchecked.what, unchecked.why);
            let _ = writeln!(out, "<li>{}</li>", escaped(&told));
        }
        out.push_str("</ul>\n");
    }
    out.push_str("<ul class=\"found\">\n");
    for (id, en) in words::LIMITS {
        out.push_str("<li>");
        both(out, id, en);
        out.push_str("</li>\n");
    }
    out.push_str("</ul>\n");
}

fn tell_basis(out: &mut String, report: &Report) {
    heading(out, 2, "Dasar audit ini", "What this audit rests on");
    let (id, en) = words::trust(report);
    both(out, id, en);
    if let Some(log) = &report.log {
        let before = log.size_before.map_or_else(String::new, |before| format!("; sebelumnya / before: {before}"));
        let _ = writeln!(
            out,
            "<p>Catatan publik <span lang=\"en\">/ public log</span>: <code>{}</code>, {} entri <span lang=\"en\">/ \
             entries</span>{}; <code>{}</code></p>",
            escaped(&log.origin),
            grouped(log.size),
            escaped(&before),
            escaped(&log.root)
        );
        let witnesses = if log.witnessed.is_empty() { "tidak ada / none".to_owned() } else { log.witnessed.join(", ") };
        let _ = writeln!(out, "<p>Saksi <span lang=\"en\">/ witnesses</span>: {}</p>", escaped(&witnesses));
    }
    for key in &report.trust.logs {
        let _ = writeln!(out, "<p><code>{}</code></p>", escaped(key));
    }
}
