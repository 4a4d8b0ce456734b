//! What a request's headers say that its sender would take.

use axum::http::{HeaderMap, HeaderName, header};

/// Whether Accept-Encoding names gzip, or everything, with another weight than zero (RFC 9110, section 12.5.3).
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let wanted = |name| weight(headers, header::ACCEPT_ENCODING, name).map(|weight| weight > 0.0);
    wanted("gzip").or(wanted("*")).unwrap_or(false)
}

/// Whether Accept names HTML, as browsers do that are to show a page. What takes everything did not ask for that.
pub(crate) fn asks_for_html(headers: &HeaderMap) -> bool {
    weight(headers, header::ACCEPT, "text/html").is_some_and(|weight| weight > 0.0)
}

/// The weight that a list gives a name; one where it gives none that can be read (RFC 9110, section 12.4.2).
fn weight(headers: &HeaderMap, list: HeaderName, name: &str) -> Option<f32> {
    let lines = headers.get_all(list).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).find_map(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts.next().is_some_and(|named| named.eq_ignore_ascii_case(name));
        let mut weights = parts.filter_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q="))?.parse().ok());
        named.then(|| weights.next().unwrap_or(1.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(name: HeaderName, line: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, line.parse().unwrap());
        headers
    }

    #[test]
    fn gzip_is_sent_to_whoever_wants_it() {
        for (line, want) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("deflate, *", true),
            ("*;q=0", false),
            ("gzip;q=0, *", false),
            ("*, gzip;q=0", false),
            ("gzip; q=0.0", false),
            ("gzip;Q=0", false),
            ("gzip;q=x", true),
            ("br", false),
            ("identity", false),
            ("", false),
        ] {
            assert_eq!(accepts_gzip(&asking(header::ACCEPT_ENCODING, line)), want, "{line}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn html_is_for_who_names_it() {
        for (line, want) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("application/json, Text/HTML;q=0.1", true),
            ("text/html;q=0, application/json", false),
            ("*/*", false),
            ("text/*", false),
            ("application/json", false),
        ] {
            assert_eq!(asks_for_html(&asking(header::ACCEPT, line)), want, "{line}");
        }
        assert!(!asks_for_html(&HeaderMap::new()));
    }
}
