//! Answers that are bytes from outside of this program: documents and pieces of files.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use crate::problem::Problem;
use crate::publication::Document;

/// What is hashed into a manifest or named by one never changes.
pub(crate) const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// The same, for what must arrive byte by byte as it is and with no other length.
pub(crate) const IMMUTABLE_AS_IS: &str = "public, max-age=31536000, immutable, no-transform";
/// What the next epoch replaces.
pub(crate) const SHORT: &str = "public, max-age=30, no-transform";

pub(crate) const JSON: &str = "application/json";
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const OCTETS: &str = "application/octet-stream";

/// Pieces up to this length are read at once; longer ones are streamed.
const MOST_AT_ONCE: u64 = 256 * 1024;
/// A piece of a stream.
const STREAM_PIECE: u64 = 64 * 1024;

/// Answers with a document, or with 304 to whoever has it.
pub(crate) fn document(
    request: &HeaderMap,
    document: &Document,
    media_type: &'static str,
    cache: &'static str,
) -> Response {
    let tag = format!("\"{}\"", document.sha256);
    if has_tag(request, &tag) {
        return not_modified(&tag, cache);
    }
    let mut response = document.bytes.clone().into_response();
    set(&mut response, media_type, cache);
    tag_response(&mut response, &tag);
    response
}

/// 304, with the headers that a 200 would have had.
pub(crate) fn not_modified(tag: &str, cache: &'static str) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    tag_response(&mut response, tag);
    response
}

/// Whether If-None-Match names the tag (RFC 9110, section 13.1.2, weak comparison).
pub(crate) fn has_tag(request: &HeaderMap, tag: &str) -> bool {
    let lines = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    let mut tags = lines.flat_map(|line| line.split(',')).map(str::trim);
    tags.any(|named| named == "*" || named.strip_prefix("W/").unwrap_or(named) == tag)
}

pub(crate) fn set(response: &mut Response, media_type: &'static str, cache: &'static str) {
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
}

pub(crate) fn tag_response(response: &mut Response, tag: &str) {
    // Quotes around hex digits are a header value.
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
}

/// Runs what blocks on the disk beside the asynchronous threads.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::Internal)
}

/// A piece of a file, read by position, so that requests share the open file.
pub(crate) async fn piece(file: Arc<File>, offset: u64, bytes: u64) -> Result<Response, Problem> {
    if bytes <= MOST_AT_ONCE {
        let read = blocking(move || read_at(&file, offset, bytes)).await?;
        return read.map(IntoResponse::into_response).map_err(|error| unreadable(&error));
    }
    let pieces = stream::try_unfold((file, offset, bytes), |(file, offset, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let bytes = left.min(STREAM_PIECE);
        let reader = Arc::clone(&file);
        let read =
            tokio::task::spawn_blocking(move || read_at(&reader, offset, bytes)).await.map_err(io::Error::other)?;
        Ok::<_, io::Error>(Some((read?, (file, offset + bytes, left - bytes))))
    });
    let mut response = Body::from_stream(pieces).into_response();
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    Ok(response)
}

fn read_at(file: &File, offset: u64, bytes: u64) -> io::Result<Bytes> {
    let mut piece = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
    file.read_exact_at(&mut piece, offset)?;
    Ok(piece.into())
}

fn unreadable(error: &io::Error) -> Problem {
    tracing::error!(%error, "a published file cannot be read");
    Problem::Internal
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn asking(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::IF_NONE_MATCH, line.parse().unwrap());
        }
        headers
    }

    #[test]
    fn if_none_match_is_compared_weakly() {
        for lines in [&["\"a\""][..], &["W/\"a\""], &["\"b\", \"a\""], &["\"b\"", "W/\"c\",\"a\""], &["*"]] {
            assert!(has_tag(&asking(lines), "\"a\""), "{lines:?}");
        }
        for lines in [&[][..], &[""], &["a"], &["\"A\""], &["\"ab\""], &["w/\"a\""]] {
            assert!(!has_tag(&asking(lines), "\"a\""), "{lines:?}");
        }
    }

    #[tokio::test]
    async fn pieces_are_what_the_file_holds_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let content: Vec<u8> = (0..700_000u32).map(|i| (i % 251) as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let file = Arc::new(File::open(&path).unwrap());
        for (offset, bytes) in [(0, 700_000), (1, 0), (5, 256 * 1024), (7, 256 * 1024 + 1), (699_999, 1)] {
            let response = piece(Arc::clone(&file), offset, bytes).await.unwrap();
            let length = response.headers().get(header::CONTENT_LENGTH).cloned();
            assert!(length.is_none_or(|length| length == *bytes.to_string()));
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, content[offset as usize..][..bytes as usize]);
        }
        // A file that was cut while it is served ends the answer in an error, not early.
        let cut = piece(Arc::clone(&file), 1, 700_000).await.unwrap();
        assert!(cut.into_body().collect().await.is_err());
        assert!(piece(file, 699_999, 2).await.is_err());
    }
}
