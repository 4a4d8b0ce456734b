//! Which of two things to remember, for whoever compares and replaces.

use ceknik_client::{SeenList, larger_checkpoint};
use wasm_bindgen::prelude::wasm_bindgen;

/// Whether of two lists of one log and dataset the old one stays ([`SeenList::later`]). By their manifests.
#[wasm_bindgen(js_name = laterListIsOld)]
pub fn later_list_is_old(old: Vec<u8>, new: Vec<u8>) -> bool {
    let list = |manifest| SeenList { manifest, proof: Vec::new() };
    let (old, new) = (list(old), list(new));
    old != new && SeenList::later(&old, new) == old
}

/// Whether of two checkpoints of one log the old one stays ([`larger_checkpoint`]).
#[wasm_bindgen(js_name = largerCheckpointIsOld)]
pub fn larger_checkpoint_is_old(old: &[u8], new: Vec<u8>) -> bool {
    old != new && larger_checkpoint(old, new) == old
}
