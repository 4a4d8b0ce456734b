//! Ed25519 where verifiers differ: keys and signatures that nobody makes but whoever means to be read in two ways.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::traits::Identity;
use curve25519_dalek::{EdwardsPoint, Scalar};
use sha2::{Digest, Sha256, Sha512};

use crate::fixed::{Made, scalar, text};
use crate::log::{Log, ORIGIN, TIME, line_of, log_line};

const LOG: u8 = 0x01;
const COSIGNATURE: u8 = 0x04;
const WITNESS: &str = "witness9.example";

/// The group's order, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// ID and verifier key of a name and a key, sound or not.
pub(crate) fn vkey(name: &str, key_type: u8, key: &[u8]) -> ([u8; 4], String) {
    let typed = [&[key_type], key].concat();
    let hash = Sha256::digest([name.as_bytes(), b"\n", &typed].concat());
    let id = [hash[0], hash[1], hash[2], hash[3]];
    (id, format!("{name}+{}+{}", text(id), STANDARD.encode(typed)))
}

/// A sum of two little-endian numbers that does not overflow.
fn plus(a: [u8; 32], b: [u8; 32]) -> [u8; 32] {
    let mut carry = 0;
    std::array::from_fn(|at| {
        let sum = u16::from(a[at]) + u16::from(b[at]) + carry;
        carry = sum >> 8;
        sum as u8
    })
}

/// y + p, another encoding of the point with this y. For y under 19.
fn not_canonical(y: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    (bytes[0], bytes[31]) = (0xed + y, 0x7f);
    bytes
}

/// Keys, and whether they are sound.
pub(crate) fn keys() -> Made<Vec<(&'static str, String, bool)>> {
    let point = |y: &u8| CompressedEdwardsY(not_canonical(*y)).decompress().filter(|point| !point.is_small_order());
    let large = (0..19).find(|y| point(y).is_some()).ok_or("no such y")?;
    let mut zero_with_sign = EdwardsPoint::identity().compress().to_bytes();
    zero_with_sign[31] = 0x80;
    let mut no_point = [0; 32];
    no_point[0] = 2;
    let small = |at: usize| EIGHT_TORSION[at].compress().to_bytes();
    let cases = [
        ("the identity", small(0), false),
        ("of order 8", small(1), false),
        ("of order 4", small(2), false),
        ("of order 2", small(4), false),
        ("not canonical, of large order", not_canonical(large), false),
        ("not canonical, the identity", not_canonical(1), false),
        ("x = 0 with the sign of a negative x", zero_with_sign, false),
        ("no point of the curve", no_point, false),
        ("of large order, with a part of order 8", Key::new("mixed key", EIGHT_TORSION[1]).public, true),
    ];
    Ok(cases.map(|(what, key, sound)| (what, vkey(ORIGIN, LOG, &key).1, sound)).to_vec())
}

/// A secret scalar, and a public key that may have a part of small order beside it.
struct Key {
    secret: Scalar,
    public: [u8; 32],
}

impl Key {
    fn new(name: &str, part: EdwardsPoint) -> Self {
        let secret = Scalar::from_bytes_mod_order(scalar(name));
        Self { secret, public: (EdwardsPoint::mul_base(&secret) + part).compress().to_bytes() }
    }

    fn challenge(&self, commitment: [u8; 32], message: &[u8]) -> Scalar {
        let hash = Sha512::digest([&commitment[..], &self.public, message].concat());
        Scalar::from_bytes_mod_order_wide(&hash.into())
    }

    /// R as it is given, S = r + k · a.
    fn sign(&self, commitment: [u8; 32], nonce: Scalar, message: &[u8]) -> [u8; 64] {
        let answer = nonce + self.challenge(commitment, message) * self.secret;
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&commitment);
        signature[32..].copy_from_slice(&answer.to_bytes());
        signature
    }

    /// The same with S + the group's order in place of S.
    fn sign_beyond_order(&self, commitment: [u8; 32], nonce: Scalar, message: &[u8]) -> [u8; 64] {
        let mut signature = self.sign(commitment, nonce, message);
        let mut answer = [0; 32];
        answer.copy_from_slice(&signature[32..]);
        signature[32..].copy_from_slice(&plus(answer, ORDER));
        signature
    }
}

/// A checkpoint that the vectors ask a policy about.
pub(crate) struct Case {
    pub(crate) what: &'static str,
    pub(crate) policy: String,
    pub(crate) note: String,
    pub(crate) error: Option<&'static str>,
}

/// The text of a checkpoint, and what tells it from others.
fn message(number: u32) -> Made<String> {
    let note = Log::of_size(5).note(5, &[])?;
    let head = note.split_once("\n\n").ok_or("no signature")?.0.to_owned();
    Ok(format!("{head}\nnumber {number}\n"))
}

fn nonce(number: u32) -> Scalar {
    Scalar::from_bytes_mod_order(scalar(&format!("nonce {number}")))
}

fn commit(nonce: Scalar) -> [u8; 32] {
    EdwardsPoint::mul_base(&nonce).compress().to_bytes()
}

/// The first of many numbers that some property has.
fn first<T>(find: impl FnMut(u32) -> Option<T>) -> Made<T> {
    Ok((0..10_000).find_map(find).ok_or("none of many")?)
}

/// Signatures of logs.
pub(crate) fn of_logs() -> Made<Vec<Case>> {
    let identity = EdwardsPoint::identity().compress().to_bytes();
    let part = EIGHT_TORSION[1];
    let (plain, mixed) = (Key::new("plain key", EdwardsPoint::identity()), Key::new("mixed key", part));
    let text = message(0)?;
    let message_bytes = text.as_bytes();
    let mut cases = Vec::new();
    let mut case = |what, key: &Key, text: &str, signature: [u8; 64], right: bool| {
        let (id, vkey) = vkey(ORIGIN, LOG, &key.public);
        cases.push(Case {
            what,
            policy: format!("log {vkey}\nquorum none\n"),
            note: format!("{text}\n{}", line_of(ORIGIN, u32::from_be_bytes(id), &signature)),
            error: (!right).then_some("log_signature_false"),
        });
    };
    let (r, commitment) = (nonce(0), commit(nonce(0)));
    case("a signature as it should be", &plain, &text, plain.sign(commitment, r, message_bytes), true);
    let beyond = plain.sign_beyond_order(commitment, r, message_bytes);
    case("the same with S + the order", &plain, &text, beyond, false);
    let of_identity = plain.sign(identity, Scalar::ZERO, message_bytes);
    case("R is the identity, and the equation holds", &plain, &text, of_identity, false);
    let respelled = plain.sign(not_canonical(1), Scalar::ZERO, message_bytes);
    case("R is the identity, not canonical", &plain, &text, respelled, false);
    let shifted = (EdwardsPoint::mul_base(&r) + part).compress().to_bytes();
    let shifted = plain.sign(shifted, r, message_bytes);
    case("R has a part of order 8: right if multiplied by the cofactor alone", &plain, &text, shifted, false);

    let by_eight = |scalar: Scalar| scalar.to_bytes()[0] % 8;
    let multiple = first(|number| {
        let commitment = commit(nonce(number));
        (by_eight(mixed.challenge(commitment, message_bytes)) == 0).then_some((commitment, nonce(number)))
    })?;
    let signature = mixed.sign(multiple.0, multiple.1, message_bytes);
    case("the key has a part of order 8, and k is a multiple of 8", &mixed, &text, signature, true);
    let no_multiple = first(|number| {
        let commitment = commit(nonce(number));
        (by_eight(mixed.challenge(commitment, message_bytes)) != 0).then_some((commitment, nonce(number)))
    })?;
    let signature = mixed.sign(no_multiple.0, no_multiple.1, message_bytes);
    case(
        "the key has a part of order 8, and k is no multiple of 8: right if multiplied by the cofactor alone",
        &mixed,
        &text,
        signature,
        false,
    );
    let cancelled = first(|number| {
        let commitment = (EdwardsPoint::mul_base(&nonce(number)) - part).compress().to_bytes();
        (by_eight(mixed.challenge(commitment, message_bytes)) == 1).then_some((commitment, nonce(number)))
    })?;
    let signature = mixed.sign(cancelled.0, cancelled.1, message_bytes);
    case("key and R have parts of order 8, which cancel", &mixed, &text, signature, true);
    let (text, commitment) = first(|number| {
        let text = message(number).ok()?;
        let commitment = (-part).compress().to_bytes();
        (by_eight(mixed.challenge(commitment, text.as_bytes())) == 1).then_some((text, commitment))
    })?;
    let signature = mixed.sign(commitment, Scalar::ZERO, text.as_bytes());
    case("R is of order 8, and the equation holds", &mixed, &text, signature, false);
    Ok(cases)
}

/// Cosignatures, on a checkpoint that its log signed as it should.
pub(crate) fn of_witnesses() -> Made<Vec<Case>> {
    let witness = Key::new("key of a witness", EdwardsPoint::identity());
    let note = Log::of_size(5).note(5, &[])?;
    let (text, _) = note.split_once("\n\n").ok_or("no signature")?;
    let cosigned = format!("cosignature/v1\ntime {TIME}\n{text}\n");
    let (id, vkey) = vkey(WITNESS, COSIGNATURE, &witness.public);
    let identity = EdwardsPoint::identity();
    let (r, commitment) = (nonce(0), commit(nonce(0)));
    let cases = [
        ("a cosignature as it should be", witness.sign(commitment, r, cosigned.as_bytes()), None),
        (
            "a cosignature with S + the order",
            witness.sign_beyond_order(commitment, r, cosigned.as_bytes()),
            Some("cosignature_false"),
        ),
        (
            "R of a cosignature is the identity, and the equation holds",
            witness.sign(identity.compress().to_bytes(), Scalar::ZERO, cosigned.as_bytes()),
            Some("cosignature_false"),
        ),
    ];
    let policy = format!("{}witness w9 {vkey}\nquorum w9\n", log_line()?);
    let made = cases.map(|(what, signature, error)| {
        let signature = [&TIME.to_be_bytes()[..], &signature].concat();
        let note = format!("{note}{}", line_of(WITNESS, u32::from_be_bytes(id), &signature));
        Case { what, policy: policy.clone(), note, error }
    });
    Ok(made.into())
}
