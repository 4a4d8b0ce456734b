//! The evaluate request and response on the wire (spec, "HTTP"), for whoever asks a service directly: an auditor's probe.
//! [`Lookup`](crate::Lookup) does so by itself.

use ceknik_core::encoding::{base64url, from_base64url};
use ceknik_core::json::{Json, JsonError, JsonWriter};
use ceknik_core::oprf::{
    BlindedElement, CLIENT_BATCH_MOST, EvaluatedElement, OprfPublicKey, Proof, ProofError, REQUEST_SIZES,
    VerifiedBatch, verify_batch,
};
use thiserror::Error;

/// Most bytes of a response: 64 pairs of 43 characters each, with room for white space.
pub const MOST_RESPONSE_BYTES: u64 = 16 * 1024;

/// Most elements in a request.
pub const MOST_ELEMENTS: usize = REQUEST_SIZES[REQUEST_SIZES.len() - 1];

/// A response as it stands there.
struct ResponseBody {
    batch: Vec<(String, String)>,
    first: u8,
    proof: String,
}

/// Why an evaluation is not believed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum EvaluationError {
    /// Not of the form.
    #[error("{what}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
    },
    /// Other elements than those sent, or others beside them where the caller wanted to be alone.
    #[error("{what}")]
    Foreign {
        /// What is wrong.
        what: &'static str,
    },
    /// The proof does not hold.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// The smallest number of elements that a request may hold and that `own` fit into. `own` is at most [`MOST_ELEMENTS`].
pub fn request_size(own: usize) -> usize {
    REQUEST_SIZES.into_iter().find(|size| *size >= own).unwrap_or(MOST_ELEMENTS)
}

/// The body of a request: `{"key":"…","blinded":["…"],"alone":false}`. The caller has filled `blinded` up to one of the sizes.
/// With `alone` it is as long as without, by a space at its end: on an encrypted line the two look the same.
pub fn request_body(key: &OprfPublicKey, blinded: &[BlindedElement], alone: bool) -> String {
    let mut body = JsonWriter::default();
    body.open('{');
    body.name("key").text(&base64url(&key.to_bytes()));
    body.name("blinded").open('[');
    for element in blinded {
        body.text(&base64url(&element.to_bytes()));
    }
    body.close(']');
    body.name("alone").truth(alone);
    body.close('}');
    let mut text = body.finish();
    if alone {
        text.push(' ');
    }
    text
}

/// A verified batch, and where in it the elements that were sent begin.
#[derive(Debug)]
pub struct Evaluated {
    /// The whole batch.
    pub batch: VerifiedBatch,
    /// Place of the first element that was sent; the others follow it in their order.
    pub first: usize,
    /// The proof over the whole batch.
    pub proof: Proof,
}

fn read(body: &[u8]) -> Result<ResponseBody, JsonError> {
    let json = Json::parse(body)?;
    let mut body = json.object()?;
    let mut batch = Vec::new();
    for json in body.take("batch")?.elements()? {
        let mut pair = json.object()?;
        batch.push((pair.take("blinded")?.text()?.to_owned(), pair.take("evaluated")?.text()?.to_owned()));
        pair.end()?;
    }
    let (first, proof) = (body.take("first")?.whole8()?, body.take("proof")?.text()?.to_owned());
    body.end()?;
    Ok(ResponseBody { batch, first, proof })
}

/// Checks a response: form, the elements that were `sent` in their order from `first`, the proof over the whole batch. With
/// `alone`, nothing else may be in the batch.
///
/// # Errors
/// [`EvaluationError`]: the first check that fails.
pub fn open_response(
    body: &[u8],
    key: &OprfPublicKey,
    sent: &[BlindedElement],
    alone: bool,
) -> Result<Evaluated, EvaluationError> {
    let malformed = |what| EvaluationError::Malformed { what };
    let foreign = |what| EvaluationError::Foreign { what };
    let body = read(body).map_err(|_| malformed("the response is not the JSON of an evaluation"))?;
    if body.batch.is_empty() || body.batch.len() > CLIENT_BATCH_MOST {
        return Err(malformed("the batch has no elements, or more than 64"));
    }
    if usize::from(body.first) >= CLIENT_BATCH_MOST {
        return Err(malformed("the place of the first element is over 63"));
    }
    let decode = |text: &str| from_base64url::<32>(text).ok_or(malformed("an element is not 32 bytes of base64url"));
    let mut batch = Vec::with_capacity(body.batch.len());
    for (blinded, evaluated) in &body.batch {
        let not_an_element = |_| malformed("an element is not canonical, or the identity");
        let blinded = BlindedElement::from_bytes(&decode(blinded)?).map_err(not_an_element)?;
        let evaluated = EvaluatedElement::from_bytes(&decode(evaluated)?).map_err(not_an_element)?;
        batch.push((blinded, evaluated));
    }
    let proof = from_base64url::<64>(&body.proof).ok_or(malformed("the proof is not 64 bytes of base64url"))?;
    let first = usize::from(body.first);
    let own = batch.get(first..).and_then(|from_first| from_first.get(..sent.len()));
    let own = own.ok_or(foreign("the batch does not hold as many elements as were sent"))?;
    if alone && batch.len() != sent.len() {
        return Err(foreign("other elements are in the batch, which was to be proved alone"));
    }
    if !own.iter().zip(sent).all(|((blinded, _), sent)| blinded == sent) {
        return Err(foreign("the batch does not hold the elements that were sent"));
    }
    let proof = Proof::from_bytes(&proof)?;
    Ok(Evaluated { batch: verify_batch(key, batch, &proof)?, first, proof })
}

#[cfg(test)]
mod tests;
