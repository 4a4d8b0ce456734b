//! The browser's randomness.

use rand_core::{CryptoRng, RngCore, impls};
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// Fills bytes; throws where it cannot, which ends the lookup.
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(bytes: &mut [u8]);
}

/// Most bytes that `getRandomValues` gives at once.
const MOST_AT_ONCE: usize = 65_536;

/// `crypto.getRandomValues`. There is no other source to fall back on.
pub(crate) struct BrowserRandom;

impl RngCore for BrowserRandom {
    fn next_u32(&mut self) -> u32 {
        impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.chunks_mut(MOST_AT_ONCE).for_each(get_random_values);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for BrowserRandom {}
