//! Domain separation strings: every place where the protocol gives a hash or a key derivation a purpose.
//!
//! The `1` is the version of the derivation. It does not move with the wire version.

/// HKDF info of the filter item (spec, step 3).
pub(crate) const FILTER: &[u8] = b"ceknik/1/filter";
/// HKDF info of the input of the blind evaluation (spec, step 4).
pub(crate) const OPRF: &[u8] = b"ceknik/1/oprf";
/// HKDF info of the locator (spec, step 5).
pub(crate) const LOCATOR: &[u8] = b"ceknik/1/locator";
/// HKDF info of the seal key (spec, step 5).
pub(crate) const SEAL: &[u8] = b"ceknik/1/seal";
/// HKDF info prefix of the noise sequence of a generation (spec, "Noise").
pub(crate) const NOISE: &[u8] = b"ceknik/1/noise";
/// HKDF info prefix of the nonce of a proof; never leaves the server.
pub(crate) const PROOF_NONCE: &[u8] = b"ceknik/1/proof-nonce";
/// Prefix of what the cover coin hashes (spec, "Cover traffic").
pub(crate) const COVER: &[u8] = b"ceknik/1/cover";
/// Prefix of what a filler's locator hashes (spec, "Cover traffic").
pub(crate) const FILLER: &[u8] = b"ceknik/1/filler";
/// Prefix of what a mirror's rank hashes (spec, "Mirrors").
pub(crate) const MIRROR: &[u8] = b"ceknik/1/mirror";
/// Salt of a checkpoint's phrase (spec, "Comparing checkpoints").
pub(crate) const PHRASE: &[u8] = b"ceknik/1/checkpoint-phrase";

/// `contextString` of RFC 9497, section 3.1, for mode VOPRF (0x01) and ristretto255-SHA512.
pub(crate) const OPRF_CONTEXT: &[u8] = b"OPRFV1-\x01-ristretto255-SHA512";
