//! The front page, for whoever opens the witness's address in a browser: what this is, by which key it signs, what it saw last.

use ceknik_core::log::VerifierKey;

use crate::witness::LogStatus;

/// Text that may stand between tags.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

fn row(log: &LogStatus) -> String {
    let evidence: String = log
        .evidence
        .iter()
        .map(|name| {
            format!("<br><a href=\"{hash}/evidence/{name}\">{name}</a>", hash = log.origin_hash, name = escaped(name))
        })
        .collect();
    let seen = match (log.size, &log.root, &log.cosigned_at) {
        (Some(size), Some(root), Some(time)) => format!(
            "<td>{size}</td><td><code>{root}</code></td><td>{time}</td><td><a href=\"{}/checkpoint\">checkpoint</a>{evidence}</td>",
            log.origin_hash
        ),
        _ => format!("<td>-</td><td>-</td><td>-</td><td>-{evidence}</td>"),
    };
    format!("<tr><td>{}</td>{seen}</tr>\n", escaped(&log.origin))
}

/// The page. Without script, style, picture or form: the Content-Security-Policy beside it allows none.
pub(super) fn page(key: &VerifierKey, logs: &[LogStatus]) -> String {
    let (name, key) = (escaped(key.name()), escaped(&key.to_string()));
    let rows: String = logs.iter().map(row).collect();
    let alarm = if logs.iter().any(|log| log.evidence.iter().any(|name| name.starts_with("fork-"))) {
        "<p><strong>Sebuah catatan menandatangani dua sejarah yang berbeda. Buktinya ada di tabel (fork). / A log signed two \
         different histories. The evidence is in the table (fork).</strong></p>\n"
    } else {
        ""
    };
    format!(
        "<!doctype html>
<html lang=\"id\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>{name}</title>
<h1>Saksi {name}</h1>
{alarm}<p>Di alamat ini ada sebuah saksi. Saksi ini mengingat keadaan terakhir dari setiap catatan publik di bawah, dan menandatangani
keadaan berikutnya hanya jika yang lama tetap ada di dalamnya. Jadi penerbit daftar tidak dapat menunjukkan catatan yang berbeda
kepada orang yang berbeda tanpa ketahuan. Saksi tidak mengetahui isi daftar, dan tidak pernah melihat NIK.</p>
<p>Kunci saksi ini, untuk kebijakan kepercayaan:</p>
<pre>{key}</pre>
<p>Yang terakhir dilihatnya (nama catatan, banyaknya entri, hash, waktu):</p>
<table>
{rows}</table>
<p>Bandingkan dengan yang Anda lihat: <code>ceknik log show</code> menunjukkannya, juga sebagai kode QR.</p>
<section lang=\"en\">
<h2>In English</h2>
<p>At this address there is a witness. It remembers the last state of each public log in the table, and signs another only if that
begins with the one before. So a publisher cannot show different logs to different people without being noticed. It does not
know what is on a list, and never sees a NIK.</p>
<p>Above: its key, for trust policies; and what it saw last of each log: name, number of entries, root hash, time. Compare it with
what you see: <code>ceknik log show</code> shows that, as a QR code too. For programs: <a href=\"status\">status</a>.</p>
</section>
"
    )
}
