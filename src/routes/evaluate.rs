//! Blind evaluation: the one route that needs the key, and the one that is limited.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use ceknik_core::encoding::{base64url, from_base64url};
use ceknik_core::json::JsonObject;
use ceknik_core::oprf::{BlindedElement, ElementError, EvaluatedElement, OprfPublicKey, REQUEST_SIZES};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;

use super::{Segments, dataset};
use crate::clock;
use crate::envelope::soon;
use crate::evaluator::{Evaluation, Wanted};
use crate::limit::{Budget, Network, NetworkQuotas, NetworkRefusal, NotObtained, Quota, client_address};
use crate::openapi::Evaluating;
use crate::problem::{EncodingFault, Problem, whole_seconds};
use crate::reply::JSON;
use crate::service::{Peer, ServiceState};

/// Most bytes of a body: 16 elements and a key are some 900.
const MOST_BODY_BYTES: usize = 4096;

/// Blinded elements to evaluate. No other member may stand in it, and none twice.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvaluateRequest {
    /// The public key that the manifest names: 32 bytes in base64url without padding.
    #[schema(pattern = "^[A-Za-z0-9_-]{43}$")]
    key: String,
    /// Exactly 1, 4 or 16 elements, in base64url.
    #[schema(schema_with = crate::openapi::blinded_elements)]
    blinded: Vec<String>,
    /// Whether no stranger's element may be in the batch, so that the proof is RFC 9497's when there is one element.
    alone: bool,
}

/// The evaluations, under one proof.
#[derive(Serialize, ToSchema)]
pub(crate) struct EvaluateResponse<'a> {
    /// What the proof is over, in order. It may hold strangers' elements.
    #[schema(value_type = Vec<EvaluatedPair>, min_items = 1, max_items = 64)]
    batch: &'a RawValue,
    /// Where in the batch the caller's elements begin, in the order in which they were sent.
    #[schema(minimum = 0, maximum = 63)]
    first: usize,
    /// The proof that all of the batch was evaluated with the key: 64 bytes in base64url without padding.
    #[schema(pattern = "^[A-Za-z0-9_-]{86}$")]
    proof: String,
}

/// A blinded element and its evaluation, 32 bytes each in base64url without padding.
#[derive(Serialize, ToSchema)]
pub(crate) struct EvaluatedPair {
    #[schema(pattern = "^[A-Za-z0-9_-]{43}$")]
    blinded: String,
    #[schema(pattern = "^[A-Za-z0-9_-]{43}$")]
    evaluated: String,
}

fn written(evaluation: &Evaluation) -> Vec<u8> {
    let pair = |(blinded, evaluated): &(BlindedElement, EvaluatedElement)| EvaluatedPair {
        blinded: base64url(&blinded.to_bytes()),
        evaluated: base64url(&evaluated.to_bytes()),
    };
    let batch = &evaluation.batch;
    // Serialising strings and a number does not fail.
    let pairs = batch
        .written
        .get_or_init(|| to_raw_value(&batch.pairs.iter().map(pair).collect::<Vec<_>>()).unwrap_or_default());
    let proof = base64url(&batch.proof.to_bytes());
    serde_json::to_vec(&EvaluateResponse { batch: pairs, first: evaluation.first, proof }).unwrap_or_default()
}

/// Evaluates blinded elements with a dataset's key and proves it. The service learns nothing about what was blinded.
///
/// Limits count elements. A request takes as many units of the policies in the RateLimit headers as it has elements.
#[utoipa::path(
    post,
    path = "/v1/{dataset}/evaluate",
    tag = "evaluation",
    params(crate::openapi::DatasetParam),
    request_body(content = EvaluateRequest, content_type = "application/json"),
    responses(Evaluating)
)]
pub(crate) async fn evaluate(
    State(state): State<ServiceState>,
    Segments(id): Segments<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (_, dataset) = dataset(&state, &id)?;
    let (parts, body) = request.into_parts();
    if !is_json(&parts.headers) {
        return Err(Problem::MediaType);
    }
    let body = read_body(&parts.headers, body, state.config().server.body_timeout).await?;
    let asked = parse(&body)?;
    let elements = asked.blinded.len();
    let now = clock::now().ok_or(Problem::Internal)?;
    let public_key = from_base64url::<32>(&asked.key).ok_or(Problem::InvalidKey { fault: EncodingFault::Base64url })?;
    let key = dataset.key(&public_key, now).ok_or_else(|| not_served(&public_key))?;

    // A place comes first: whoever is turned away for want of one is not charged.
    let admission = state.evaluator().admit().map_err(|_| Problem::Overloaded { wait: soon() })?;
    let per_day = dataset.current.manifest().disclosure.evaluations_per_day;
    let network = client_network(&state, &parts.headers, parts.extensions.get::<Peer>());
    let networks = state.networks();
    let quotas = match networks.take(&network, &dataset.id, per_day, elements, Instant::now()) {
        Ok(quotas) => quotas,
        Err((refusal, quotas)) => return Ok(refused(refusal, &quotas)),
    };
    // Elements that cannot be decoded are charged to the network: looking at them cost something. The budget is for
    // evaluations alone.
    let blinded = decode(&asked.blinded)?;
    let budget = state.budget(&dataset.id).ok_or(Problem::Internal)?;
    if let Err(problem) = take_from_budget(&state, &budget, elements).await {
        networks.give_back(&network, &dataset.id, per_day, elements, Instant::now());
        return Err(problem);
    }
    let wanted = Wanted { key, blinded, alone: asked.alone };
    let evaluation = state.evaluator().evaluate(admission, wanted).await.map_err(|_| Problem::Internal)?;
    state.metrics().evaluated(&dataset.id, elements);
    let body = written(&evaluation);
    let headers = [(header::CONTENT_TYPE, JSON), (header::CACHE_CONTROL, "no-store")];
    let mut response = (headers, body).into_response();
    tell_quotas(response.headers_mut(), &quotas);
    Ok(response)
}

/// `application/json`, with or without parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = declared.and_then(|declared| declared.split(';').next());
    media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case(JSON))
}

async fn read_body(headers: &HeaderMap, body: Body, time: Duration) -> Result<Bytes, Problem> {
    let too_large = Problem::BodyTooLarge { most: MOST_BODY_BYTES };
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|bytes| bytes > MOST_BODY_BYTES as u64) {
        return Err(too_large);
    }
    match tokio::time::timeout(time, Limited::new(body, MOST_BODY_BYTES).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large),
        Ok(Err(_)) => Err(Problem::BodyIncomplete),
        Err(_) => Err(Problem::BodyTooSlow),
    }
}

/// Parses a body, strictly, and checks the number of elements.
fn parse(body: &[u8]) -> Result<EvaluateRequest, Problem> {
    const FORM: &str =
        "expected an object with exactly the members `key` (text), `blinded` (texts) and `alone` (true or false)";
    let malformed = |line, column, reason| Problem::MalformedBody { line, column, reason };
    let JsonObject(asked): JsonObject<EvaluateRequest> = serde_json::from_slice(body).map_err(|error| {
        let reason = if error.is_data() { FORM } else { "not JSON" };
        malformed(error.line(), error.column(), reason)
    })?;
    let got = asked.blinded.len();
    if REQUEST_SIZES.contains(&got) { Ok(asked) } else { Err(Problem::ElementCount { got }) }
}

/// How many elements a body asks for; none when it is refused. For the fuzz target.
#[doc(hidden)]
pub fn elements_asked(body: &[u8]) -> Option<usize> {
    let asked = parse(body).ok()?;
    decode(&asked.blinded).ok().map(|elements| elements.len())
}

fn decode(blinded: &[String]) -> Result<Vec<BlindedElement>, Problem> {
    let decode = |(place, text): (usize, &String)| {
        let invalid = |fault| Problem::InvalidElement { place, fault };
        let bytes = from_base64url(text).ok_or(invalid(EncodingFault::Base64url))?;
        BlindedElement::from_bytes(&bytes).map_err(|error| invalid(fault(error)))
    };
    blinded.iter().enumerate().map(decode).collect()
}

fn fault(error: ElementError) -> EncodingFault {
    match error {
        ElementError::NotCanonical => EncodingFault::NotCanonical,
        ElementError::Identity => EncodingFault::Identity,
    }
}

/// A key that is none is the caller's mistake; one that is not served is how things are.
fn not_served(public_key: &[u8; 32]) -> Problem {
    match OprfPublicKey::from_bytes(public_key) {
        Ok(_) => Problem::KeyNotServed,
        Err(error) => Problem::InvalidKey { fault: fault(error) },
    }
}

/// Without a peer, as in tests without sockets, all clients are one network.
fn client_network(state: &ServiceState, headers: &HeaderMap, peer: Option<&Peer>) -> Network {
    let peer = peer.map_or(std::net::Ipv4Addr::UNSPECIFIED.into(), |peer| peer.0);
    Network::of(client_address(peer, headers, &state.config().proxies), state.networks().limits())
}

async fn take_from_budget(state: &ServiceState, budget: &Arc<Budget>, elements: usize) -> Result<(), Problem> {
    budget.obtain(elements).await.map_err(|not_obtained| match not_obtained {
        NotObtained::Spent { wait } => Problem::BudgetSpent { wait: wait.max(soon()) },
        NotObtained::Crowded => Problem::Overloaded { wait: soon() },
        NotObtained::Unwritten(error) => {
            state.metrics().state_errors.inc();
            tracing::error!(%error, "a budget could not be written; nothing is evaluated from it");
            Problem::Internal
        }
    })
}

fn refused(refusal: NetworkRefusal, quotas: &NetworkQuotas) -> Response {
    let problem = match refusal {
        NetworkRefusal::Rate(wait) => Problem::RateLimited { wait },
        NetworkRefusal::Share(wait) => Problem::ShareSpent { wait },
    };
    let mut response = problem.into_response();
    tell_quotas(response.headers_mut(), quotas);
    response
}

/// RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-11): quota q refills within w seconds; r is left, and
/// all of it is back in t seconds. Both are told coarsely.
fn tell_quotas(headers: &mut HeaderMap, quotas: &NetworkQuotas) {
    let both = [("network", quotas.network.told()), ("share", quotas.share.told())];
    let list = |item: fn(&str, &Quota) -> String| both.each_ref().map(|(name, quota)| item(name, quota)).join(", ");
    let policy = list(|name, Quota { rate, .. }| {
        format!("\"{name}\";q={};w={}", rate.capacity.floor(), whole_seconds(rate.time_for(rate.capacity)))
    });
    let left = list(|name, quota| {
        let full_in = quota.full_in();
        let seconds = if full_in.is_zero() { 0 } else { whole_seconds(full_in) };
        format!("\"{name}\";r={};t={seconds}", quota.remaining.floor())
    });
    for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
        // Letters, digits, quotes and signs are a header value.
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> Problem {
        parse(body.as_bytes()).map(|_| ()).unwrap_err()
    }

    fn body(count: usize) -> String {
        format!(r#"{{"key":"","blinded":[{}],"alone":false}}"#, vec![r#""""#; count].join(","))
    }

    #[test]
    fn bodies_have_one_form() {
        for count in [1, 4, 16] {
            assert_eq!(parse(body(count).as_bytes()).unwrap().blinded.len(), count);
        }
        for count in [0, 2, 3, 5, 15, 17] {
            assert_eq!(refusal(&body(count)), Problem::ElementCount { got: count });
        }
        for wrong in [
            r#"{"key":"","blinded":[""]}"#,
            r#"{"key":"","blinded":[""],"alone":false,"more":1}"#,
            r#"{"key":"","key":"","blinded":[""],"alone":false}"#,
            r#"{"key":"","blinded":[""],"alone":0}"#,
            r#"{"key":"","blinded":[1],"alone":false}"#,
            r#"{"key":null,"blinded":[""],"alone":false}"#,
            r#"["",[""],false]"#,
            "null",
        ] {
            let Problem::MalformedBody { reason, .. } = refusal(wrong) else { panic!("{wrong}") };
            assert!(reason.starts_with("expected an object"), "{wrong}: {reason}");
        }
        for wrong in ["", "{", "\u{feff}{}", r#"{"key":"","blinded":[""],"alone":false} x"#] {
            let Problem::MalformedBody { reason, .. } = refusal(wrong) else { panic!("{wrong}") };
            assert_eq!(reason, "not JSON", "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_body_gets_an_answer(body: Vec<u8>, text in r#"[\[\]{}",:a-z0-9\\]{0,80}"#) {
            let _ = (parse(&body), parse(text.as_bytes()));
        }

        #[test]
        fn what_is_accepted_has_a_size_of_a_request(blinded in proptest::collection::vec("[A-Za-z0-9_-]{0,44}", 0..20), alone: bool) {
            let body = serde_json::json!({"key": "", "blinded": blinded, "alone": alone}).to_string();
            proptest::prop_assert_eq!(parse(body.as_bytes()).is_ok(), REQUEST_SIZES.contains(&blinded.len()));
        }
    }

    #[test]
    fn json_is_json_whatever_follows() {
        for (value, want) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/json ;x=y", true),
            ("text/json", false),
            ("application/jsonl", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
            assert_eq!(is_json(&headers), want, "{value}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
