//! The description of the service (OpenAPI 3.1), derived from the handlers; problems come from the table of problems.

use std::collections::BTreeMap;

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{Content, ContentBuilder, ObjectBuilder, Ref, RefOr, Schema};
use utoipa::{IntoParams, IntoResponses, OpenApi, ToSchema};

use crate::problem::{self, Kind, PROBLEM_JSON, ProblemDocument};
use crate::publication::Document;
use crate::reply::OCTETS;
use crate::routes::{epochs, evaluate, filter, front, health, lists, log, status};

pub(crate) mod manifest;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "ceknikd",
        description = "The online service of ceknik. All answers but those of evaluate and the status are static, verify \
                       themselves, and can be taken from any copy. docs/spec.md says what they mean, docs/problems.md lists the problem types."
    ),
    servers((url = "/")),
    paths(
        lists::datasets, lists::policy, status::status,
        epochs::current_manifest, epochs::epoch_manifest, epochs::proof, epochs::bucket,
        filter::filter,
        evaluate::evaluate,
        log::checkpoint, log::tile,
        front::front, health::openapi_json, health::healthz, health::readyz,
    ),
    components(schemas(ProblemDocument, evaluate::EvaluateResponse, manifest::Manifest)),
    tags(
        (name = "lists", description = "What there is"),
        (name = "epochs", description = "The states of a dataset"),
        (name = "filter", description = "The public filter"),
        (name = "evaluation", description = "Blind evaluation"),
        (name = "log", description = "The transparency log"),
        (name = "operation", description = "For whoever runs the service"),
    )
)]
struct Description;

/// The document that is served.
pub(crate) fn document() -> Document {
    let mut description = Description::openapi();
    for operation in description.paths.paths.values_mut().filter_map(|path| path.get.as_mut()) {
        let responses = &mut operation.responses.responses;
        let cached = responses.contains_key("304");
        let Some(RefOr::T(response)) = responses.get_mut("200") else { continue };
        if cached {
            response.headers.insert("ETag".to_owned(), text("For If-None-Match").into());
            response.headers.insert("Cache-Control".to_owned(), text("How long it may be kept").into());
        }
        if let Some(RefOr::T(content)) = response.content.get_mut(OCTETS) {
            // In OpenAPI 3.1 the media type alone says that it is bytes; the macros know no content without a schema.
            content.schema = None;
        }
    }
    // Serialising what the macros built does not fail.
    let mut bytes = description.to_pretty_json().unwrap_or_default().into_bytes();
    bytes.push(b'\n');
    Document::new(bytes)
}

/// The dataset in a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "describes a part of a path")]
pub(crate) struct DatasetParam {
    /// The dataset's id.
    #[param(pattern = "^[a-z0-9][a-z0-9-]{0,62}$")]
    dataset: String,
}

/// The epoch in a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "describes a part of a path")]
pub(crate) struct EpochParam {
    /// The epoch's number.
    #[param(minimum = 1)]
    epoch: u64,
}

/// Exactly 1, 4 or 16 elements.
pub(crate) fn blinded_elements() -> Schema {
    let element = || {
        let text = ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
        text.pattern(Some("^[A-Za-z0-9_-]{43}$")).build()
    };
    let sizes = ceknik_core::oprf::REQUEST_SIZES.into_iter();
    let list = |size| ArrayBuilder::new().items(element()).min_items(Some(size)).max_items(Some(size)).build();
    let description = "Elements, filled up with random ones: each the canonical encoding of a ristretto255 element other than the \
                       identity, 32 bytes in base64url without padding.";
    sizes.fold(OneOfBuilder::new().description(Some(description)), |sizes, size| sizes.item(list(size))).into()
}

type Responses = BTreeMap<String, RefOr<Response>>;

/// Problems by status; several of one status share a description.
fn problems(kinds: &[&Kind]) -> Responses {
    let mut by_status: BTreeMap<u16, Vec<&Kind>> = BTreeMap::new();
    for kind in kinds {
        by_status.entry(kind.status.as_u16()).or_default().push(kind);
    }
    let response = |kinds: &[&Kind]| {
        let describe = |kind: &&Kind| format!("{} (`{}`)", kind.title, problem::problem_type(kind));
        let description = kinds.iter().map(describe).collect::<Vec<_>>().join("; ");
        let schema = Ref::from_schema_name(ProblemDocument::name());
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let response = ResponseBuilder::new().description(description).content(PROBLEM_JSON, content);
        if kinds.iter().any(|kind| kind.retry) {
            return response.header("Retry-After", seconds("Seconds to wait")).build();
        }
        response.build()
    };
    by_status.into_iter().map(|(status, kinds)| (status.to_string(), response(&kinds).into())).collect()
}

fn seconds(description: &str) -> utoipa::openapi::Header {
    let integer = ObjectBuilder::new().schema_type(SchemaType::new(Type::Integer)).minimum(Some(1));
    HeaderBuilder::new().schema(Some(integer)).description(Some(description)).build()
}

fn text(description: &str) -> utoipa::openapi::Header {
    let text = ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
    HeaderBuilder::new().schema(Some(text)).description(Some(description)).build()
}

/// What any route may answer.
pub(crate) struct Common;

impl IntoResponses for Common {
    fn responses() -> Responses {
        problems(&[&problem::OVERLOADED, &problem::INTERNAL])
    }
}

/// What routes may answer whose file may not be there.
pub(crate) struct Missing;

impl IntoResponses for Missing {
    fn responses() -> Responses {
        problems(&[&problem::NOT_FOUND])
    }
}

/// What the route of buckets may answer when there is no bucket.
pub(crate) struct NoBucket;

impl IntoResponses for NoBucket {
    fn responses() -> Responses {
        problems(&[&problem::NOT_FOUND, &problem::BUCKET_OUT_OF_RANGE])
    }
}

/// What the readiness route may answer.
pub(crate) struct NotReady;

impl IntoResponses for NotReady {
    fn responses() -> Responses {
        problems(&[&problem::NOT_READY, &problem::OVERLOADED, &problem::INTERNAL])
    }
}

/// The answer to whoever has the newest bytes.
pub(crate) struct Cached;

impl IntoResponses for Cached {
    fn responses() -> Responses {
        let response = ResponseBuilder::new()
            .description("If-None-Match names what would be answered")
            .header("ETag", text("Of what would be answered"))
            .header("Cache-Control", text("Of what would be answered"));
        [("304".to_owned(), response.build().into())].into()
    }
}

/// What evaluation may answer.
pub(crate) struct Evaluating;

impl IntoResponses for Evaluating {
    fn responses() -> Responses {
        let mut responses = problems(&[
            &problem::MALFORMED_BODY,
            &problem::ELEMENT_COUNT,
            &problem::INVALID_ELEMENT,
            &problem::INVALID_KEY,
            &problem::NOT_FOUND,
            &problem::BODY_TOO_SLOW,
            &problem::KEY_NOT_SERVED,
            &problem::BODY_TOO_LARGE,
            &problem::UNSUPPORTED_MEDIA_TYPE,
            &problem::RATE_LIMITED,
            &problem::SHARE_SPENT,
            &problem::BUDGET_SPENT,
            &problem::OVERLOADED,
            &problem::INTERNAL,
        ]);
        let content = Content::new(Some(Ref::from_schema_name(evaluate::EvaluateResponse::name())));
        let evaluated = ResponseBuilder::new().description("The evaluations").content("application/json", content);
        responses.insert("200".to_owned(), evaluated.build().into());
        for status in ["200", "429"] {
            if let Some(RefOr::T(response)) = responses.get_mut(status) {
                response.headers.insert("RateLimit-Policy".to_owned(), text("What the network may have").into());
                response.headers.insert("RateLimit".to_owned(), text("What the network has left").into());
            }
        }
        responses
    }
}

#[cfg(test)]
mod tests;
