//! Requests and responses, as a driver performs them and a person is shown them.

use core::fmt;

use ceknik_core::time::Timestamp;

/// Most bytes read of a response that is not a success: room for a problem document (RFC 9457).
pub(crate) const MOST_PROBLEM_BYTES: u64 = 16 * 1024;

/// Names one thing that a lookup waits for. The driver hands it back with what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u32);

impl Ticket {
    /// The ticket with this number, for drivers that pass tickets through another language.
    pub fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A file.
    Get,
    /// The evaluation.
    Post,
}

impl Method {
    /// As it stands in a request.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// What a driver's HTTP cache may do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheMode {
    /// Nothing: neither answer from a cache nor keep the response. The response must not be compressed on the way either.
    NoStore,
    /// Answer from a cache that asked the service whether it is current.
    Revalidate,
    /// Answer from a cache: the path's content never changes.
    Immutable,
}

/// What a request tells whoever sees it. It displays as a sentence, no wider than docs/threat-model.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tells {
    /// The same file for everybody who looks at this list.
    PublicFile,
    /// A public file that is asked for because of what this device saw before: it tells whose devices were here about the
    /// same time, and nothing of a NIK.
    History,
    /// One of several shards of the filter. It tells which, and that counts with the bucket: `people` is how many are
    /// expected to share both.
    FilterShard {
        /// Shards of the filter.
        shards: u32,
        /// People who share a shard and a bucket.
        people: u64,
    },
    /// Group elements, each blinded by a fresh random number or random altogether: every NIK is equally likely behind each. That
    /// they are sent is another matter: most who are missed by the filter send none.
    BlindedElements {
        /// How many.
        elements: usize,
    },
    /// A group element that is to be evaluated and proved by itself, so that there can be evidence of it. It is blinded like the
    /// others; that it is wanted so tells something of whoever wants it.
    EvidenceElement,
    /// A bucket of the sealed table: that of a NIK, or one drawn at random for an element that fills up the request.
    Bucket {
        /// Buckets of the epoch.
        buckets: u32,
        /// People who share one. Among those who would ask, the person hides.
        people: u64,
    },
}

impl Tells {
    /// The fixed code, for machines and translations: `public_file`, `history`, `filter_shard`, `blinded_elements`,
    /// `evidence_element` or `bucket`.
    pub fn code(self) -> &'static str {
        match self {
            Self::PublicFile => "public_file",
            Self::History => "history",
            Self::FilterShard { .. } => "filter_shard",
            Self::BlindedElements { .. } => "blinded_elements",
            Self::EvidenceElement => "evidence_element",
            Self::Bucket { .. } => "bucket",
        }
    }
}

impl fmt::Display for Tells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PublicFile => {
                f.write_str("tells nothing of the NIK: the same file for everybody who checks this list")
            }
            Self::History => {
                f.write_str("tells about when this device was here before, and nothing of the NIK: a public file")
            }
            Self::FilterShard { shards, people } => write!(
                f,
                "tells something: one of {shards} parts of the filter; with a bucket, some {people} people share it"
            ),
            Self::BlindedElements { elements: 1 } => f.write_str(
                "tells nothing of the NIK by its bytes: a random-looking element, blinded with a number that never leaves this \
                 device, so that it fits every NIK; that it is sent tells that the filter hit, unless it is sent for cover",
            ),
            Self::BlindedElements { elements } => write!(
                f,
                "tells about how many NIKs are confirmed, and nothing of them by its bytes: {elements} random-looking elements, \
                 blinded with numbers that never leave this device, so that they fit every NIK; that they are sent tells that \
                 the filter hit, unless they are sent for cover"
            ),
            Self::EvidenceElement => f.write_str(
                "tells nothing of the NIK by its bytes: a random-looking element, blinded with a number that goes into the evidence \
                 alone, so that without it it fits every NIK; that it is to be proved alone tells that somebody wants evidence, \
                 which whoever is listed wants sooner than others; whoever keeps this request knows it again in the evidence",
            ),
            Self::Bucket { buckets: 1, .. } => f.write_str("tells nothing of the NIK: this list has one bucket"),
            Self::Bucket { buckets, people } => write!(
                f,
                "tells something: one of {buckets} buckets, of a NIK or drawn at random, and the same at the next visit; to one \
                 who has the list's key and everybody's NIK it means, taken alone, one of those among some {people} people who \
                 would ask as well"
            ),
        }
    }
}

/// A request to the service or a mirror, for a driver to perform as it stands: no cookies, no referrer, no redirects followed.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// To be handed back with the [`Response`].
    pub ticket: Ticket,
    /// The method.
    pub method: Method,
    /// The address of the mirror that is asked; none: the service. One of the service's own host and port is no mirror: a driver
    /// does not ask it, as if it could not be reached.
    pub mirror: Option<String>,
    /// The path, from `/`, below that address.
    pub path: String,
    /// The body of a POST, `application/json`.
    pub body: Option<String>,
    /// Most bytes of the body of a success, after decompression. See [`Request::most_bytes`].
    pub max_bytes: u64,
    /// What an HTTP cache may do.
    pub cache: CacheMode,
    /// What the request tells.
    pub tells: Tells,
}

impl Request {
    /// Most bytes that a driver may read of a response with this status. It counts them as they come, decompressed. When
    /// there are more, it stops, with [`Response::TooLong`] for a success and with what it has for anything else.
    pub fn most_bytes(&self, status: u16) -> u64 {
        if status == 200 { self.max_bytes } else { MOST_PROBLEM_BYTES }
    }
}

/// Paths and bodies hold bucket numbers and blinded elements, which are for the person's eyes and no log's.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("ticket", &self.ticket)
            .field("method", &self.method)
            .field("tells", &self.tells)
            .finish_non_exhaustive()
    }
}

/// Why there is no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportFailure {
    /// No connection: no network, no such host, refused, or no secure channel. [`TransportFailure::NotTls`] and
    /// [`TransportFailure::NotHttp`] are told under the same name.
    Unreachable,
    /// Nothing for too long.
    TimedOut,
    /// The connection or the response's encoding broke off.
    Interrupted,
    /// TLS was begun, and what answered speaks none.
    NotTls,
    /// HTTP was asked for without TLS, and what answered is no HTTP.
    NotHttp,
}

/// What became of a request.
#[derive(Clone, PartialEq, Eq)]
pub enum Response {
    /// A response. Its body has at most [`Request::most_bytes`] bytes.
    Received {
        /// The status.
        status: u16,
        /// Seconds, from the header `Retry-After` by [`parse_retry_after`].
        retry_after: Option<u64>,
        /// The body, decompressed.
        body: Vec<u8>,
    },
    /// A success whose body is, or says it is, longer than [`Request::most_bytes`]. It was not read further.
    TooLong,
    /// None.
    Failed(TransportFailure),
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Received { status, retry_after, body } => f
                .debug_struct("Received")
                .field("status", status)
                .field("retry_after", retry_after)
                .field("bytes", &body.len())
                .finish(),
            Self::TooLong => f.write_str("TooLong"),
            Self::Failed(failure) => f.debug_tuple("Failed").field(failure).finish(),
        }
    }
}

/// Reads the header `Retry-After` in its form of seconds. The form of a date is taken as none: it would be read with a
/// clock that may be wrong.
pub fn parse_retry_after(value: &str) -> Option<u64> {
    let value = value.trim();
    let digits = !value.is_empty() && value.len() <= 9 && value.bytes().all(|byte| byte.is_ascii_digit());
    if digits { value.parse().ok() } else { None }
}

/// A request that was made, for the person who asks what left the device.
#[derive(Clone, PartialEq, Eq)]
pub struct Exchange {
    /// When the request was handed to the driver.
    pub at: Timestamp,
    /// The method.
    pub method: Method,
    /// The address of the mirror that was asked; none: the service.
    pub mirror: Option<String>,
    /// The path below that address.
    pub path: String,
    /// All that was sent beside the path.
    pub body: Option<String>,
    /// What it tells.
    pub tells: Tells,
    /// The response's status; none while there is none.
    pub status: Option<u16>,
    /// Bytes of the response's body, decompressed.
    pub received_bytes: u64,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("method", &self.method)
            .field("tells", &self.tells)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_whole_seconds_or_nothing() {
        assert_eq!(parse_retry_after("0"), Some(0));
        assert_eq!(parse_retry_after(" 120 "), Some(120));
        for bad in ["", "-1", "+1", "1.5", "9999999999", "Wed, 21 Oct 2026 07:28:00 GMT", "１"] {
            assert_eq!(parse_retry_after(bad), None, "{bad}");
        }
    }

    /// "Tells nothing" is said where docs/threat-model.md says it, and nowhere else.
    #[test]
    fn no_more_is_promised_than_holds() {
        for (tells, told) in [
            (Tells::PublicFile, "tells nothing of the NIK: "),
            (Tells::History, "tells about when this device was here before, "),
            (Tells::FilterShard { shards: 8, people: 500 }, "tells something: one of 8 parts of the filter; "),
            (Tells::BlindedElements { elements: 1 }, "tells nothing of the NIK by its bytes: "),
            (Tells::BlindedElements { elements: 4 }, "tells about how many NIKs are confirmed, "),
            (Tells::EvidenceElement, "tells nothing of the NIK by its bytes: "),
            (Tells::Bucket { buckets: 1, people: 500 }, "tells nothing of the NIK: "),
            (Tells::Bucket { buckets: 2, people: 500 }, "tells something: one of 2 buckets, "),
        ] {
            assert!(tells.to_string().starts_with(told), "{tells}");
        }
        for elements in [1, 4] {
            let told = Tells::BlindedElements { elements }.to_string();
            assert!(told.contains(" sent tells that the filter hit, unless "), "{told}");
        }
        let told = Tells::Bucket { buckets: 2, people: 500 }.to_string();
        assert!(told.ends_with(", one of those among some 500 people who would ask as well"), "{told}");
        let told = Tells::EvidenceElement.to_string();
        assert!(told.contains("tells that somebody wants evidence, which whoever is listed wants sooner than others"));
        let model = include_str!("../../../docs/threat-model.md");
        assert!(
            model.contains("**The evaluation** tells nothing of the NIK.")
                && model.contains("**The buckets** tell something.")
                && model.contains("So the visitor hides among\n")
                && model.contains("**No contact after looking is a miss**")
                && model.contains("**Who asks for evidence** shows that he wants some,")
        );
    }

    #[test]
    fn debug_shows_neither_path_nor_body() {
        let request = Request {
            ticket: Ticket::from_number(7),
            method: Method::Post,
            mirror: None,
            path: "/v1/x/epochs/1/buckets/1234567".into(),
            body: Some("blinded".into()),
            max_bytes: 1,
            cache: CacheMode::NoStore,
            tells: Tells::Bucket { buckets: 2048, people: 4000 },
        };
        let text = format!("{request:?}");
        assert!(text.contains("POST") || text.contains("Post"));
        assert!(!text.contains("1234567") && !text.contains("blinded"), "{text}");
        let response = Response::Received { status: 200, retry_after: None, body: b"secret".to_vec() };
        assert_eq!(format!("{response:?}"), "Received { status: 200, retry_after: None, bytes: 6 }");
    }
}
