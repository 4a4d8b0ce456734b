//! The log: policies, checkpoints with cosignatures, proofs of inclusion, consistency from tiles.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ceknik_core::encoding::base64url;
use ceknik_core::log::{
    ConsistencyCheck, Cosigner, LogSigner, Policy, SignedCheckpoint, TileId, TlogProof, TreeHead, VerifiedCheckpoint,
};
use ceknik_core::merkle::{NodeHash, leaf_hash, path, root};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::Vectors;
use crate::fixed::{Made, bytes, text};
use crate::json::{Json, object};
use crate::signature;

pub(crate) const ORIGIN: &str = "ceknik.example.org/log";
/// 2026-11-22T08:05:00Z.
pub(crate) const TIME: u64 = 1_795_334_700;

pub(crate) fn signer_of(origin: &str, name: &str) -> Made<LogSigner> {
    Ok(LogSigner::generate(origin, &mut ChaCha20Rng::from_seed(bytes(name)))?)
}

pub(crate) fn signer() -> Made<LogSigner> {
    signer_of(ORIGIN, "log key")
}

pub(crate) fn cosigner(number: u8) -> Made<Cosigner> {
    Ok(Cosigner::from_seed(&format!("witness{number}.example"), &bytes(&format!("witness {number}")))?)
}

pub(crate) fn log_line() -> Made<String> {
    Ok(format!("log {}\n", signer()?.verifier_key()))
}

/// A policy with the log, witnesses w1, w2, …, and these last lines.
pub(crate) fn policy_text(witnesses: u8, rest: &str) -> Made<String> {
    let mut text = log_line()?;
    for number in 1..=witnesses {
        text += &format!("witness w{number} {}\n", cosigner(number)?.verifier_key());
    }
    Ok(text + rest)
}

/// All hashes of a log, by the definition of tiles.
pub(crate) struct Log {
    levels: Vec<Vec<NodeHash>>,
}

impl Log {
    pub(crate) fn new(leaves: &[Vec<u8>]) -> Self {
        let mut levels = vec![leaves.iter().map(|leaf| leaf_hash(leaf)).collect::<Vec<_>>()];
        while let Some(below) = levels.last().filter(|level| level.len() >= 256) {
            let above = below.chunks_exact(256).map(|tile| root(tile.iter().copied())).collect();
            levels.push(above);
        }
        Self { levels }
    }

    fn leaf(index: usize) -> Vec<u8> {
        format!("leaf {index}").into_bytes()
    }

    pub(crate) fn of_size(size: usize) -> Self {
        Self::new(&(0..size).map(Self::leaf).collect::<Vec<_>>())
    }

    pub(crate) fn head(&self, size: usize) -> TreeHead {
        TreeHead { size: size as u64, root: root(self.levels[0][..size].iter().copied()) }
    }

    pub(crate) fn path(&self, index: usize, size: usize) -> Made<Vec<NodeHash>> {
        Ok(path(&self.levels[0][..size], index).ok_or("no such leaf")?)
    }

    pub(crate) fn tile(&self, tile: TileId) -> Vec<u8> {
        let start = tile.index() as usize * 256;
        self.levels[usize::from(tile.level())][start..start + usize::from(tile.width())].concat()
    }

    /// A checkpoint at this size, with the cosignatures of these witnesses at these times.
    pub(crate) fn note(&self, size: usize, cosigned: &[(u8, u64)]) -> Made<String> {
        let signed = signer()?.sign(&self.head(size))?;
        let mut note = signed.as_bytes().to_vec();
        let seen = verified(&signed)?;
        for (number, time) in cosigned {
            note.extend(cosigner(*number)?.cosign(&seen, *time)?);
        }
        Ok(String::from_utf8(note)?)
    }
}

fn verified(signed: &SignedCheckpoint) -> Made<VerifiedCheckpoint> {
    Ok(signed.verify(&Policy::for_log(signer()?.verifier_key()))?)
}

fn policies() -> Made<Vec<Json>> {
    let (log, w1) = (log_line()?, cosigner(1)?.verifier_key().to_string());
    let three = policy_text(3, "")?;
    let mut cases = Vec::new();
    let mut case = |what: &str, text: &str, line: Option<u32>| {
        let parsed = Policy::parse(text.as_bytes()).ok();
        let logs = parsed.iter().flat_map(|policy| policy.logs()).map(|log| log.key().to_string());
        let witnesses = parsed.iter().flat_map(|policy| policy.witnesses()).map(|witness| {
            let name = String::from_utf8_lossy(witness.name()).into_owned();
            object! { "name": name, "vkey": witness.key().to_string() }
        });
        let fields = object! {
            "what": what, "text": text, "error": line.map(|_| "policy_invalid"), "line": line,
        };
        cases.push(match line {
            Some(_) => fields,
            None => {
                fields.with(object! { "logs": logs.collect::<Vec<_>>(), "witnesses": witnesses.collect::<Vec<_>>() })
            }
        });
    };
    case("one log, no witness", &format!("{log}quorum none\n"), None);
    case(
        "comments, tabs, empty lines",
        &format!("# ours\n\n \t\n{}\t \nquorum\tnone\n  # end\n", log.trim_end()),
        None,
    );
    case("a log with its address", &format!("{} https://ceknik.example.org/log\nquorum none\n", log.trim_end()), None);
    case("one witness", &policy_text(1, "quorum w1\n")?, None);
    case("two of three", &policy_text(3, "group g 2 w1 w2 w3\nquorum g\n")?, None);
    case(
        "all, any, and a group of groups",
        &policy_text(3, "group a all w1 w2\ngroup b any w3\ngroup c 2 a b\nquorum c\n")?,
        None,
    );
    case("witnesses that no rule asks for", &policy_text(2, "quorum none\n")?, None);

    case("empty", "", Some(1));
    case("no quorum", &log, Some(1));
    case("two quorums", &format!("{log}quorum none\nquorum none\n"), Some(3));
    case("no line feed at the end", &format!("{log}quorum none"), Some(2));
    case("carriage returns", &format!("{}\r\nquorum none\r\n", log.trim_end()), Some(1));
    case("an unknown keyword", &format!("{log}witnesses w1 {w1}\nquorum none\n"), Some(2));
    case("a name not defined above", &format!("{three}group g 2 w1 w2 w4\nquorum g\n"), Some(5));
    case("a group defined below its use", &format!("{three}group g 1 h\ngroup h 1 w1\nquorum g\n"), Some(5));
    case("a member of two groups", &format!("{three}group g 1 w1\ngroup h 1 w1\nquorum g\n"), Some(6));
    case("a member twice in a group", &format!("{three}group g 1 w1 w1\nquorum g\n"), Some(5));
    case("a threshold of 0", &format!("{three}group g 0 w1\nquorum g\n"), Some(5));
    case("a threshold over the members", &format!("{three}group g 3 w1 w2\nquorum g\n"), Some(5));
    case("a threshold with a zero before it", &format!("{three}group g 02 w1 w2\nquorum g\n"), Some(5));
    case("a group without members", &format!("{three}group g any\nquorum g\n"), Some(5));
    case("a name twice", &format!("{three}group w1 1 w2\nquorum w1\n"), Some(5));
    case("the name none", &format!("{log}witness none {w1}\nquorum none\n"), Some(2));
    case("a key twice", &format!("{log}witness a {w1}\nwitness b {w1}\nquorum a\n"), Some(3));
    case("a log's key as a witness's", &format!("{log}witness a {}\nquorum a\n", signer()?.verifier_key()), Some(2));
    case("a key under a changed name", &format!("{}quorum none\n", log.replace("ceknik.", "check.")), Some(1));
    let upper = format!("{}quorum none\n", {
        let (start, rest) = log.split_once('+').ok_or("no vkey")?;
        let (id, key) = rest.split_once('+').ok_or("no vkey")?;
        format!("{start}+{}+{key}", id.to_uppercase())
    });
    case("a key ID in capitals", &upper, Some(1));
    case(
        "a log's key of a type that nobody knows, without any bytes",
        &format!("{log}log x.example+01020304+dw==\nquorum none\n"),
        None,
    );
    let short = signature::vkey("pq.example", 0x06, &[7; 1311]).1;
    case("a key of type 0x06 of 1,311 bytes", &format!("{log}witness pq {short}\nquorum none\n"), Some(2));
    case("the byte 0x7F in a comment", &format!("{log}# \u{7f}\nquorum none\n"), Some(2));
    case("other bytes that no name of a key has, in a comment", &format!("{log}# \u{85}\u{202e}\nquorum none\n"), None);
    for (what, vkey, sound) in signature::keys()? {
        case(&format!("a log's key: {what}"), &format!("log {vkey}\nquorum none\n"), (!sound).then_some(1));
    }
    Ok(cases)
}

pub(crate) fn policy() -> Made<Vectors> {
    Ok(Vectors {
        file: "policy.json",
        about: "Trust policies (C2SP tlog-policy), and texts that are none, with the line where it shows.",
        spec: "Step 9, Log, \"Policies\"",
        members: &[
            ("policies", "policies, and texts that are none"),
            ("text", "the policy, exactly"),
            (
                "line",
                "the line, from 1, at which reading from the top shows the fault; of a text that lacks something as a whole, its last line, and 1 where it has none. To help, and no rule",
            ),
            ("logs", "the keys of its logs, in order"),
            ("witnesses", "its witnesses, in order"),
            ("name", "the witness's name in the policy"),
            ("vkey", "the witness's key"),
        ],
        body: object! { "policies": policies()? },
    })
}

/// A signature line with other content.
pub(crate) fn line_of(name: &str, id: u32, signature: &[u8]) -> String {
    format!("\u{2014} {name} {}\n", STANDARD.encode([&id.to_be_bytes()[..], signature].concat()))
}

fn checkpoints() -> Made<Vec<Json>> {
    let log = Log::of_size(5);
    let none = policy_text(3, "quorum none\n")?;
    let two_of_three = policy_text(3, "group g 2 w1 w2 w3\nquorum g\n")?;
    let groups = policy_text(3, "group a all w1 w2\ngroup b any w3\ngroup c any a b\nquorum c\n")?;
    let plain = log.note(5, &[])?;
    let (head, body) = plain.split_once("\n\n").ok_or("no signature")?;
    let mut cases = Vec::new();
    let mut case = |what: &str, policy: &str, note: &str, error: Option<&str>| -> Made<()> {
        let mut fields = object! { "what": what, "policy": policy, "note": note, "error": error };
        if error.is_none() {
            let seen = SignedCheckpoint::parse(note.as_bytes())?.verify(&Policy::parse(policy.as_bytes())?)?;
            let witnessed = seen.witnessed().iter().map(|seen| {
                object! { "witness": String::from_utf8_lossy(&seen.witness).into_owned(), "time": seen.time }
            });
            fields = fields.with(object! {
                "origin": seen.origin(),
                "size": seen.head().size,
                "root": text(seen.head().root),
                "witnessed": witnessed.collect::<Vec<_>>(),
            });
        }
        cases.push(fields);
        Ok(())
    };
    let seen_by = |witnesses: &[(u8, u64)]| log.note(5, witnesses);
    case("signed by the log alone", &none, &plain, None)?;
    case("the empty log", &none, &Log::of_size(0).note(0, &[])?, None)?;
    case("two of three witnesses", &two_of_three, &seen_by(&[(1, TIME), (3, TIME + 1)])?, None)?;
    case("all of three witnesses", &two_of_three, &seen_by(&[(3, TIME), (2, TIME), (1, TIME)])?, None)?;
    case("a group of groups, by the one", &groups, &seen_by(&[(1, TIME), (2, TIME)])?, None)?;
    case("a group of groups, by the other", &groups, &seen_by(&[(3, TIME)])?, None)?;
    case("a witness twice counts once, with its latest time", &none, &seen_by(&[(1, TIME + 9), (1, TIME)])?, None)?;
    case("a witness that the policy does not name", &none, &seen_by(&[(4, TIME)])?, None)?;
    let unknown = line_of("unknown.example", 0x0102_0304, &[7; 64]);
    case("a signature under an unknown name", &none, &format!("{plain}{unknown}"), None)?;
    let extended = format!("{head}\nan extension\n");
    let signed = sign(&extended)?;
    case("an extension line", &none, &signed, None)?;
    let ml_dsa = format!("{}witness pq {}\nquorum none\n", log_line()?, ml_dsa_vkey("pq.example").1);
    case("a witness with a key of another algorithm, not asked for", &ml_dsa, &plain, None)?;

    let quorum = Some("quorum_not_met");
    case("one of three witnesses where two are asked for", &two_of_three, &seen_by(&[(1, TIME)])?, quorum)?;
    case("one witness twice where two are asked for", &two_of_three, &seen_by(&[(1, TIME), (1, TIME + 1)])?, quorum)?;
    case("one witness that counts and one that is unknown", &two_of_three, &seen_by(&[(1, TIME), (4, TIME)])?, quorum)?;
    case("half of one group", &groups, &seen_by(&[(1, TIME)])?, quorum)?;
    let ml_dsa_asked = ml_dsa.replace("quorum none", "quorum pq");
    let ml_dsa_id = u32::from_be_bytes(ml_dsa_vkey("pq.example").0);
    let ml_dsa_note = format!("{plain}{}", line_of("pq.example", ml_dsa_id, &[0; 2428]));
    case("a witness with a key of another algorithm never counts", &ml_dsa_asked, &ml_dsa_note, quorum)?;

    let cosigned = seen_by(&[(1, TIME)])?;
    let witness_line = cosigned.lines().last().ok_or("no line")?;
    let encoded = witness_line.rsplit(' ').next().ok_or("no signature")?;
    let altered = |at: usize| -> Made<String> {
        let mut signature = STANDARD.decode(encoded)?;
        signature[at] ^= 1;
        Ok(cosigned.replace(encoded, &STANDARD.encode(signature)))
    };
    let forged = Some("cosignature_false");
    case("a cosignature altered", &none, &altered(20)?, forged)?;
    case("the time of a cosignature altered", &none, &altered(11)?, forged)?;
    let of_other = Log::of_size(4).note(4, &[(1, TIME)])?;
    let other_line = of_other.lines().last().ok_or("no line")?;
    case("a cosignature of another checkpoint", &none, &format!("{plain}{other_line}\n"), forged)?;
    case("one true and one forged cosignature of a witness", &none, &format!("{cosigned}{other_line}\n"), forged)?;
    let w1 = cosigner(1)?.verifier_key();
    case(
        "a plain signature in place of a cosignature",
        &none,
        &format!("{plain}{}", line_of(w1.name(), w1.id(), &[1; 64])),
        forged,
    )?;

    let stranger = signer_of(ORIGIN, "another log key")?.sign(&log.head(5))?;
    let stranger = String::from_utf8(stranger.as_bytes().to_vec())?;
    case("signed with another key of the same name", &none, &stranger, Some("log_signature_missing"))?;
    let false_root = plain.replacen("\n5\n", "\n6\n", 1);
    case("another size than was signed", &none, &false_root, Some("log_signature_false"))?;
    let false_line = format!("{plain}{}", line_of(ORIGIN, signer()?.verifier_key().id(), &[1; 64]));
    case("one true and one false signature of the log", &none, &false_line, Some("log_signature_false"))?;
    let elsewhere = signer_of("other.example.org/log", "log key")?.sign(&log.head(5))?;
    let elsewhere = String::from_utf8(elsewhere.as_bytes().to_vec())?;
    case("of a log that the policy does not name", &none, &elsewhere, Some("log_unknown"))?;
    let ml_dsa_log = format!("log {}\nquorum none\n", ml_dsa_vkey(ORIGIN).1);
    case("of a log whose key is of another algorithm", &ml_dsa_log, &plain, Some("log_key_unsupported"))?;

    let malformed_note = Some("note_malformed");
    case("no signature", &none, &format!("{head}\n\n"), malformed_note)?;
    case("no empty line", &none, &format!("{head}\n{body}"), malformed_note)?;
    case("no line feed at the end", &none, plain.trim_end(), malformed_note)?;
    case("a hyphen for the dash", &none, &plain.replace('\u{2014}', "-"), malformed_note)?;
    case("a signature in base64url", &none, &plain.replace(body, &base64url_line(body)?), malformed_note)?;
    case("two spaces in a signature line", &none, &plain.replace("\u{2014} ", "\u{2014}  "), malformed_note)?;
    for (what, name) in [
        ("a name that turns the writing direction", "a\u{202e}b".to_owned()),
        ("a name with a control character", "a\u{7f}b".to_owned()),
        ("a name of 256 bytes", "a".repeat(256)),
    ] {
        let line = line_of(&name, 0x0102_0304, &[7; 64]);
        case(&format!("{what} in a signature line"), &none, &format!("{plain}{line}"), malformed_note)?;
    }
    let no_signature = line_of("unknown.example", 0x0102_0304, &[]);
    case("an ID without a signature", &none, &format!("{plain}{no_signature}"), malformed_note)?;
    case("a control character", &none, &sign(&format!("{head}\na\tb\n"))?, malformed_note)?;
    let malformed = Some("checkpoint_malformed");
    case("an empty line in the text", &none, &sign(&format!("{head}\n\nan extension\n"))?, malformed)?;
    case("a size with a zero before it", &none, &sign(&head.replacen("\n5\n", "\n05\n", 1))?, malformed)?;
    case("a size over 2^62", &none, &sign(&head.replacen("\n5\n", "\n4611686018427387905\n", 1))?, malformed)?;
    case("a root of 31 bytes", &none, &sign(&format!("{ORIGIN}\n5\n{}\n", STANDARD.encode([1; 31])))?, malformed)?;
    case("no root", &none, &sign(&format!("{ORIGIN}\n5\n"))?, malformed)?;
    let of_nothing = format!("{ORIGIN}\n0\n{}\n", STANDARD.encode([1; 32]));
    case("size 0 with another root than that of nothing", &none, &sign(&of_nothing)?, malformed)?;
    for made in signature::of_logs()?.into_iter().chain(signature::of_witnesses()?) {
        case(made.what, &made.policy, &made.note, made.error)?;
    }
    Ok(cases)
}

/// A note with any text, truly signed by the log.
fn sign(text: &str) -> Made<String> {
    use ed25519_dalek::{Signer, SigningKey};
    let text = if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") };
    let skey = signer()?.expose_skey().to_string();
    // PRIVATE, KEY, name, ID, and the key, in whose base64 a plus may stand too.
    let typed = STANDARD.decode(skey.splitn(5, '+').nth(4).ok_or("no key")?)?;
    let key = SigningKey::from_bytes(typed[1..].try_into()?);
    let line = line_of(ORIGIN, signer()?.verifier_key().id(), &key.sign(text.as_bytes()).to_bytes());
    Ok(format!("{text}\n{line}"))
}

fn base64url_line(line: &str) -> Made<String> {
    let (start, encoded) = line.trim_end().rsplit_once(' ').ok_or("no signature")?;
    // Enough bytes for a character on which the alphabets differ, whatever the signature.
    let respelled = encoded.replace('+', "-").replace('/', "_");
    if respelled == encoded {
        Err("the alphabets agree on this signature".into())
    } else {
        Ok(format!("{start} {respelled}\n"))
    }
}

fn ml_dsa_vkey(name: &str) -> ([u8; 4], String) {
    signature::vkey(name, 0x06, &[7; 1312])
}

pub(crate) fn checkpoint() -> Made<Vectors> {
    Ok(Vectors {
        file: "checkpoint.json",
        about: "Checkpoints with cosignatures under policies with quorums, and checkpoints that are refused; at the end those on which verifiers of Ed25519 differ.",
        spec: "Step 9, Log, \"Checkpoints\" and \"Cosignatures\"",
        members: &[
            ("log_key", "the signing key of the log in most cases, as a key file has it"),
            ("witness_seeds", "the Ed25519 seeds of witness1.example, witness2.example and so on"),
            ("checkpoints", "checkpoints, each with the policy that is asked of it"),
            ("policy", "the policy, exactly"),
            ("note", "the signed checkpoint, exactly"),
            ("origin", "its origin"),
            ("size", "its size"),
            ("root", "its root"),
            ("witnessed", "the policy's witnesses that cosigned, in the order of the policy"),
            ("witness", "the witness's name in the policy"),
            ("time", "the latest time at which it cosigned, in seconds since 1970"),
        ],
        body: object! {
            "log_key": signer()?.expose_skey().as_str(),
            "witness_seeds": (1..=4).map(|n: u8| text(bytes::<32>(&format!("witness {n}")))).collect::<Vec<_>>(),
            "checkpoints": checkpoints()?,
        },
    })
}

fn proofs() -> Made<Vec<Json>> {
    let log = Log::of_size(300);
    let policy = policy_text(2, "quorum w1\n")?;
    let mut cases = Vec::new();
    let mut case = |what: &str, leaf: &[u8], proof: &str, error: Option<&str>, index: Option<u64>| {
        cases.push(object! {
            "what": what,
            "policy": policy.as_str(),
            "leaf": text(leaf),
            "proof": proof,
            "error": error,
            "index": index,
        });
    };
    let proof = |index: usize, size: usize, witnesses: &[(u8, u64)]| -> Made<String> {
        let checkpoint = SignedCheckpoint::parse(log.note(size, witnesses)?.as_bytes())?;
        let proof = TlogProof::new(index as u64, log.path(index, size)?, checkpoint);
        Ok(String::from_utf8(proof.to_bytes())?)
    };
    let seen = [(1, TIME)];
    for (what, index, size) in [
        ("the only leaf", 0usize, 1usize),
        ("the first of five", 0, 5),
        ("the last of five", 4, 5),
        ("the last of 300", 299, 300),
        ("one of 300", 255, 300),
    ] {
        case(what, &Log::leaf(index), &proof(index, size, &seen)?, None, Some(index as u64));
    }
    let good = proof(3, 5, &seen)?;
    let leaf = Log::leaf(3);
    let extra = good.replacen("\nindex", "\nextra YW55dGhpbmc=\nindex", 1);
    case("with extra data, which means nothing", &leaf, &extra, None, Some(3));

    case("another leaf", &Log::leaf(2), &good, Some("not_included"), None);
    case("a leaf with a byte more", &[&leaf[..], b"\n"].concat(), &good, Some("not_included"), None);
    case("another index", &leaf, &good.replacen("index 3", "index 2", 1), Some("not_included"), None);
    case("an index outside", &leaf, &good.replacen("index 3", "index 5", 1), Some("index_outside"), None);
    let lines: Vec<&str> = good.lines().collect();
    case("a hash left out", &leaf, &good.replacen(&format!("{}\n", lines[2]), "", 1), Some("not_included"), None);
    case(
        "a hash twice",
        &leaf,
        &good.replacen(lines[2], &format!("{0}\n{0}", lines[2]), 1),
        Some("not_included"),
        None,
    );
    case("nobody saw the checkpoint", &leaf, &proof(3, 5, &[])?, Some("quorum_not_met"), None);
    case("only the other witness saw it", &leaf, &proof(3, 5, &[(2, TIME)])?, Some("quorum_not_met"), None);

    let malformed = Some("proof_malformed");
    case("another version", &leaf, &good.replacen("@v1", "@v2", 1), malformed, None);
    case("an extra line without anything", &leaf, &good.replacen("@v1\n", "@v1\nextra \n", 1), malformed, None);
    case("an index with a zero before it", &leaf, &good.replacen("index 3", "index 03", 1), malformed, None);
    case("an index with a sign", &leaf, &good.replacen("index 3", "index +3", 1), malformed, None);
    case("an index beyond 64 bits", &leaf, &good.replacen("index 3", "index 18446744073709551616", 1), malformed, None);
    case("a hash that is not base64", &leaf, &good.replacen(lines[2], "*", 1), malformed, None);
    case("a hash of 31 bytes", &leaf, &good.replacen(lines[2], &STANDARD.encode([1; 31]), 1), malformed, None);
    let many = format!("{}\n", STANDARD.encode([1; 32])).repeat(65);
    case("65 hashes", &leaf, &good.replacen(&format!("{}\n", lines[2]), &many, 1), malformed, None);
    case("nothing", &leaf, "", malformed, None);
    case("no checkpoint", &leaf, good.split_once("\n\n").ok_or("no checkpoint")?.0, malformed, None);
    let cut = good.trim_end();
    case("the checkpoint's last line feed missing", &leaf, cut, Some("note_malformed"), None);
    Ok(cases)
}

/// A manifest in the log that it names, and in another one.
fn logged_manifests() -> Made<Vec<Json>> {
    let manifest = crate::manifest::first()?;
    let mut cases = Vec::new();
    for (origin, error) in [(ORIGIN, None), ("other.example.org/log", Some("manifest_origin"))] {
        let log = signer_of(origin, "log key")?;
        let head = Log::new(std::slice::from_ref(&manifest)).head(1);
        let proof = TlogProof::new(0, Vec::new(), log.sign(&head)?);
        cases.push(object! {
            "manifest": std::str::from_utf8(&manifest)?,
            "policy": format!("log {}\nquorum none\n", log.verifier_key()),
            "proof": String::from_utf8(proof.to_bytes())?,
            "error": error,
        });
    }
    Ok(cases)
}

pub(crate) fn proof() -> Made<Vectors> {
    Ok(Vectors {
        file: "tlog-proof.json",
        about: "Proofs that a leaf is in a log under a policy (C2SP tlog-proof), and proofs that show no such thing.",
        spec: "Step 9, Log, \"Proofs\"",
        members: &[
            ("proofs", "proofs of leaves"),
            ("policy", "the policy, exactly"),
            ("leaf", "the leaf's bytes"),
            ("proof", "the proof, exactly"),
            ("index", "the leaf's place in the log"),
            ("manifests", "proofs of manifests"),
            ("manifest", "the manifest, exactly"),
        ],
        body: object! { "proofs": proofs()?, "manifests": logged_manifests()? },
    })
}

fn consistency_cases() -> Made<Vec<Json>> {
    let policy = policy_text(0, "quorum none\n")?;
    let log = Log::of_size(300);
    let rewritten = {
        let mut leaves: Vec<Vec<u8>> = (0..300).map(Log::leaf).collect();
        leaves[1] = b"another".to_vec();
        Log::new(&leaves)
    };
    let mut cases = Vec::new();
    let mut case =
        |what: &str, old: (&Log, usize), new: (&Log, usize), alter: Option<usize>, error: Option<&str>| -> Made<()> {
            let (old_note, new_note) = (old.0.note(old.1, &[])?, new.0.note(new.1, &[])?);
            let see = |note: &str| verified(&SignedCheckpoint::parse(note.as_bytes())?);
            let planned = ConsistencyCheck::new(&see(&old_note)?, &see(&new_note)?);
            let planned = planned.map(|check| check.tiles().to_vec()).unwrap_or_default();
            let tiles = planned.iter().enumerate().map(|(place, tile)| {
                let mut bytes = new.0.tile(*tile);
                if alter == Some(place) {
                    bytes[5] ^= 1;
                }
                object! { "path": tile.path(), "bytes_base64url": base64url(&bytes) }
            });
            cases.push(object! {
                "what": what, "policy": policy.as_str(), "old": old_note, "new": new_note,
                "tiles": tiles.collect::<Vec<_>>(), "error": error,
            });
            Ok(())
        };
    case("one more leaf", (&log, 4), (&log, 5), None, None)?;
    case("into a second tile", (&log, 3), (&log, 300), None, None)?;
    case("from a full tile on", (&log, 256), (&log, 300), None, None)?;
    case("within the second tile", (&log, 257), (&log, 300), None, None)?;
    case("the same tree", (&log, 300), (&log, 300), None, None)?;
    case("from nothing", (&log, 0), (&log, 5), None, None)?;
    case("a smaller tree than was seen", (&log, 5), (&log, 4), None, Some("log_rolled_back"))?;
    case("two trees of one size", (&log, 5), (&rewritten, 5), None, Some("log_forked"))?;
    case("an early leaf replaced", (&log, 3), (&rewritten, 300), None, Some("log_rewritten"))?;
    case("an early leaf replaced, within one tile", (&log, 4), (&rewritten, 5), None, Some("log_rewritten"))?;
    case("the tile at the edge altered", (&log, 4), (&log, 5), Some(0), Some("log_tiles"))?;
    for place in 0..3 {
        case("one of three tiles altered", (&log, 3), (&log, 300), Some(place), Some("log_tiles"))?;
    }
    Ok(cases)
}

fn tile_paths() -> Vec<Json> {
    [
        (0u8, 0u64, 1u64, "tile/0/000.p/1"),
        (0, 0, 255, "tile/0/000.p/255"),
        (0, 0, 256, "tile/0/000"),
        (0, 1, 300, "tile/0/001.p/44"),
        (1, 0, 300, "tile/1/000.p/1"),
        (0, 1_234_067, 1_234_068 * 256, "tile/0/x001/x234/067"),
        (0, 1_000, 256_001, "tile/0/x001/000.p/1"),
        (2, 0, 70_000, "tile/2/000.p/1"),
    ]
    .map(|(level, index, size, path)| object! { "level": level, "index": index, "size": size, "path": path })
    .to_vec()
}

pub(crate) fn consistency() -> Made<Vectors> {
    Ok(Vectors {
        file: "consistency.json",
        about: "Does one checkpoint extend another, decided from tiles; and the paths of tiles.",
        spec: "Step 9, Log, \"Tiles\" and \"Consistency\"",
        members: &[
            ("consistency", "pairs of checkpoints"),
            ("policy", "the policy, exactly, which both satisfy"),
            ("old", "the checkpoint that was seen before, exactly"),
            ("new", "the one that comes now, exactly"),
            ("tiles", "the tiles that are needed to decide, as the log serves them; none where none is needed"),
            ("path", "the tile's path"),
            ("bytes_base64url", "its hashes"),
            ("tile_paths", "paths of tiles"),
            ("level", "L"),
            ("index", "N"),
            ("size", "the size of the log, by which a tile is full or partial"),
        ],
        body: object! { "consistency": consistency_cases()?, "tile_paths": tile_paths() },
    })
}
