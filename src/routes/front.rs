//! The front page, for whoever opens the service's address in a browser. Where a page for citizens is served, that is there.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::response::Response;

use crate::openapi::{Cached, Common};
use crate::publication::Document;
use crate::reply::{self, HTML, SHORT};

/// Without script, style, picture or form: the service's Content-Security-Policy allows none.
static PAGE: LazyLock<Document> = LazyLock::new(|| Document::new(include_bytes!("front.html").to_vec()));

/// The citizens' page, where one is served here; otherwise a page that says what this is and how to check, in Indonesian and in
/// English.
#[utoipa::path(
    get,
    path = "/",
    tag = "operation",
    responses((status = 200, description = "The page", body = String, content_type = "text/html; charset=utf-8"), Cached, Common)
)]
pub(crate) async fn front(headers: HeaderMap) -> Response {
    reply::document(&headers, &PAGE, HTML, SHORT)
}

#[cfg(test)]
mod tests {
    /// What the Content-Security-Policy forbids would not be seen, and a field would be filled in.
    #[test]
    fn the_page_is_text_and_links_alone() {
        let page = include_str!("front.html");
        for tag in ["<script", "<style", "<link", "<img", "<form", "<input", " style=", " onclick="] {
            assert!(!page.contains(tag), "{tag}");
        }
        // Below a path too, behind a proxy.
        assert!(page.matches("href=\"").count() == 3 && !page.contains("href=\"/") && !page.contains("://"));
        let (indonesian, english) = page.split_once("<section lang=\"en\">").unwrap();
        for half in [indonesian, english] {
            assert!(half.contains("ceknik check --server ") && half.contains("NIK"));
        }
    }
}
