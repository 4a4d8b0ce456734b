//! Evidence files, of lists that are honest and of such that lie, and files that show nothing.

use std::collections::{BTreeMap, BTreeSet};

use ceknik_core::bucket::BucketGeometry;
use ceknik_core::deniability::{Promise, odds_factor, people_per_bucket};
use ceknik_core::encoding::base64url;
use ceknik_core::evidence::{Check, EvidenceFile, Finding, Terms, Verdict, evidence_sha256, qr_content, verify};
use ceknik_core::filter::{FilterBits, FilterGeometry, FilterShard, NoiseKey, NoiseSequence, ShardDigest};
use ceknik_core::log::{Policy, SignedCheckpoint, TlogProof};
use ceknik_core::manifest::{
    BucketsSpec, Disclosure, FilterSpec, Id, Manifest, OprfSpec, StretchSpec, Text, Texts, UnverifiedManifest,
};
use ceknik_core::merkle::{PerfectTree, leaf_hash};
use ceknik_core::oprf::{BatchEvaluation, OprfSecretKey, blind};
use ceknik_core::record::{Record, SealKey, Support, seal};
use ceknik_core::time::Timestamp;
use ceknik_core::{Nik, StretchCost, Stretched, Stretcher};
use serde_json::Value;

use crate::Vectors;
use crate::fixed::{self, Made, bytes, nik, oprf_key, text};
use crate::json::{Json, object};
use crate::log::{Log, ORIGIN, TIME, policy_text};
use crate::record::support;

const POPULATION: u64 = 100;
const LISTED: std::ops::Range<u32> = 0..8;
const BUCKET_BITS: u8 = 1;
const PAYLOAD_BYTES: u32 = 128;
const RESPONSE_BYTES: u32 = 1280;

/// How a list departs from what is right.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Honest,
    /// The filter lacks one person; another's record is sealed under a key that is not his.
    Lying,
    WithoutFilter,
    /// Two entries of each bucket stand the wrong way round, and the root is of that.
    Disordered,
}

/// A list as it is published.
struct List {
    key: OprfSecretKey,
    manifest: Manifest,
    bytes: Vec<u8>,
    shard: Option<FilterShard>,
    responses: Vec<Vec<u8>>,
    stretcher: Stretcher,
    /// Whom the filter lacks.
    lacking: Option<u32>,
}

/// Whose record opens for nobody in the list that lies.
const UNREADABLE: u32 = 5;

fn supports(number: u32) -> Vec<Support> {
    match number {
        2 => vec![support("a", "tms", None), support("b", "ms", Some("2024-09-01"))],
        _ => vec![support("a", "ms", Some("2024-08-15"))],
    }
}

fn both(id: &str, en: &str) -> Text {
    Text { id: id.into(), en: en.into() }
}

/// A filter of everybody but one, if the list is one that lies: the first whose cell neither noise nor others set.
fn filter(name: &str, kind: Kind, people: &[Stretched]) -> Made<(FilterSpec, FilterShard, Option<u32>)> {
    let seed = bytes(&format!("filter seed of {name}"));
    let geometry = FilterGeometry::for_capacity(8, 8, 0, seed)?;
    let members = people.len() as u64;
    let noise = Promise::new(POPULATION, 50, geometry.cells())?.first_noise(members)?;
    let store_key = NoiseKey::from_bytes(bytes(&format!("store key of {name}")));
    let build = |without: Option<usize>| -> Made<FilterBits> {
        let mut bits = FilterBits::new(geometry);
        for (_, h) in people.iter().enumerate().filter(|(number, _)| Some(*number) != without) {
            bits.set(geometry.cell(&h.filter_item()));
        }
        for cell in NoiseSequence::new(&store_key, name, 1, &geometry).take(usize::try_from(noise)?) {
            bits.set(cell);
        }
        Ok(bits)
    };
    let mut lacking = None;
    if kind == Kind::Lying {
        for (number, h) in people.iter().enumerate() {
            if !build(Some(number))?.is_set(geometry.cell(&h.filter_item())) {
                lacking = Some(number);
                break;
            }
        }
    }
    let file = build(lacking)?.files().next().ok_or("no shard")?;
    let digest = ShardDigest::of(&file);
    let shard = FilterShard::open(&geometry, 0, &digest, file)?;
    let lacking = lacking.map(u32::try_from).transpose()?;
    Ok((FilterSpec { generation: 1, geometry, members, noise, shards: vec![digest] }, shard, lacking))
}

fn list(name: &str, kind: Kind) -> Made<List> {
    let key = oprf_key(&format!("key of {name}"))?;
    let (cost, salt) = (StretchCost::default(), bytes(&format!("salt of {name}")));
    let mut stretcher = Stretcher::new(cost, salt)?;
    let mut people = Vec::new();
    for number in LISTED {
        people.push(stretcher.stretch(&Nik::parse(&nik(number))?)?);
    }
    let filter = (kind != Kind::WithoutFilter).then(|| filter(name, kind, &people)).transpose()?;
    let (spec, shard, lacking) = match filter {
        Some((spec, shard, lacking)) => (Some(spec), Some(shard), lacking),
        None => (None, None, None),
    };

    let mut sealed = BTreeMap::new();
    for (number, h) in LISTED.zip(&people) {
        let y = key.evaluate(&h.oprf_input());
        let other = kind == Kind::Lying && number == UNREADABLE;
        let seal_key = if other { SealKey::from_bytes(bytes("a key of nobody")) } else { y.seal_key() };
        sealed.insert(y.locator(), seal(&seal_key, name, &Record { supports: supports(number) }, PAYLOAD_BYTES)?);
    }
    let geometry = BucketGeometry::new(BUCKET_BITS, PAYLOAD_BYTES, RESPONSE_BYTES)?;
    let mut buckets = vec![Vec::new(); 1 << BUCKET_BITS];
    for (locator, sealed) in &sealed {
        buckets[locator.bucket(BUCKET_BITS) as usize].push([&locator.expose_bytes()[..], sealed].concat());
    }
    if kind == Kind::Disordered {
        buckets.iter_mut().for_each(|bucket| bucket.swap(0, 1));
    }
    let buckets: Vec<Vec<u8>> = buckets.iter().map(|bucket| bucket.concat()).collect();
    let tree = PerfectTree::new(buckets.iter().map(|entries| leaf_hash(entries)).collect()).ok_or("no power of two")?;
    let mut responses = Vec::new();
    for (index, entries) in buckets.iter().enumerate() {
        responses.push(geometry.encode_response(&tree.path(index).ok_or("no such bucket")?, entries)?);
    }
    let factor = spec.as_ref().map(|spec| odds_factor(spec.geometry.cells(), spec.noise));
    let first = Timestamp::parse("2026-11-22T08:00:00Z")?;
    let manifest = Manifest {
        log: ORIGIN.into(),
        dataset: Id::new(name)?,
        epoch: 1,
        previous: None,
        published_at: first,
        valid_until: Timestamp::from_unix(first.unix() + 7 * 24 * 3600)?,
        title: both("Daftar contoh", "Example list"),
        coverage: both("Delapan orang yang tidak ada.", "Eight people who do not exist."),
        records: sealed.len() as u64,
        population: POPULATION,
        stretch: StretchSpec { cost, salt },
        oprf: OprfSpec { public_key: *key.public_key(), next: None },
        buckets: BucketsSpec { geometry, root: tree.root() },
        disclosure: Disclosure {
            posterior_percent: spec.as_ref().map(|_| 50),
            odds_factor: factor,
            epoch_odds_factor: factor,
            people_per_bucket: people_per_bucket(POPULATION, BUCKET_BITS, 0),
            cover_percent: if spec.is_some() { 30 } else { 100 },
            evaluations_per_day: 1000,
        },
        filter: spec,
        candidates: Texts::from([
            (Id::new("a")?, both("Calon A", "Candidate A")),
            (Id::new("b")?, both("Calon B", "Candidate B")),
        ]),
        statuses: Texts::from([
            (Id::new("ms")?, both("Memenuhi syarat", "Counted as valid")),
            (Id::new("tms")?, both("Tidak memenuhi syarat", "Not counted as valid")),
        ]),
        guidance: Vec::new(),
        mirrors: Vec::new(),
    };
    Ok(List { key, bytes: manifest.to_bytes()?, manifest, shard, responses, stretcher, lacking })
}

/// The log with all lists, and a policy that two of its witnesses satisfy.
struct Logged {
    log: Log,
    size: usize,
    policy_text: String,
    policy: Policy,
}

impl Logged {
    fn new(leaves: &[Vec<u8>]) -> Made<Self> {
        let policy_text = policy_text(3, "group g 2 w1 w2 w3\nquorum g\n")?;
        let policy = Policy::parse(policy_text.as_bytes())?;
        Ok(Self { log: Log::new(leaves), size: leaves.len(), policy_text, policy })
    }

    fn proof(&self, index: usize, cosigned: &[(u8, u64)]) -> Made<TlogProof> {
        let note = self.log.note(self.size, cosigned)?;
        let checkpoint = SignedCheckpoint::parse(note.as_bytes())?;
        Ok(TlogProof::new(index as u64, self.log.path(index, self.size)?, checkpoint))
    }
}

const COSIGNED: [(u8, u64); 2] = [(1, TIME), (3, TIME + 1)];

/// The evidence for a NIK, as its owner's device makes it.
fn gather(list: &mut List, index: usize, logged: &Logged, nik: &str) -> Made<String> {
    let verified =
        UnverifiedManifest::parse(list.bytes.clone())?.verify(&logged.policy, &logged.proof(index, &COSIGNED)?)?;
    let h = list.stretcher.stretch(&Nik::parse(nik)?)?;
    let block = list.shard.as_ref().and_then(|shard| shard.block(&h.filter_item()));
    let name = format!("evidence for {nik} in {}", list.manifest.dataset);
    let r = fixed::blind(&name)?;
    let c = blind(&h.oprf_input(), &r)?;
    let nonce = fixed::scalar(&format!("nonce of {name}"));
    let BatchEvaluation { evaluated, proof } = list.key.evaluate_batch_with_nonce(&[c], nonce).ok_or("no nonce")?;
    let bucket = list.key.evaluate(&h.oprf_input()).locator().bucket(BUCKET_BITS);
    let response = list.responses[bucket as usize].clone();
    let file = EvidenceFile::new(&verified, block, &r, (&c, &evaluated[0]), &proof, response);
    Ok(String::from_utf8(file.to_bytes().to_vec())?)
}

fn judge(file: &str, nik: &str, policy: &Policy) -> Made<Verdict> {
    Ok(verify(file.as_bytes(), &Nik::parse(nik)?, &Terms { policy, dataset: None, accept_weak: false })?)
}

fn shown(what: &str, nik: &str, file: &str, policy: &Policy) -> Made<Json> {
    let verdict = judge(file, nik, policy)?;
    let supports = match &verdict.finding {
        Finding::Listed { supports } => supports.clone(),
        Finding::NotListed | Finding::Unreadable { .. } => Vec::new(),
        Finding::Nothing { check, detail } => return Err(format!("{what}: {}: {detail}", check.code()).into()),
    };
    let sha256 = evidence_sha256(file.as_bytes());
    let supports = supports.into_iter().map(|support| {
        object! { "candidate": support.candidate, "status": support.status, "submitted": support.submitted }
    });
    Ok(object! {
        "what": what,
        "nik": nik,
        "file": file,
        "verdict": verdict.code(),
        "cell_is_set": verdict.cell_is_set.map_or(Json::Null, Json::Bool),
        "supports": supports.collect::<Vec<_>>(),
        "sha256": text(sha256),
        "qr": qr_content(&sha256),
    })
}

/// The bytes of a member; `filter.path.0` is the first of a list.
fn member(file: &str, name: &str) -> Made<Vec<u8>> {
    use base64::Engine as _;
    let json: Value = serde_json::from_str(file)?;
    let value =
        json.pointer(&format!("/{}", name.replace('.', "/"))).and_then(Value::as_str).ok_or("no such member")?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(value)?)
}

/// A file with bytes of a member replaced.
fn altered(file: &str, name: &str, from: usize, to: usize, put: &[u8]) -> Made<String> {
    let old = member(file, name)?;
    let new = [&old[..from], put, &old[to..]].concat();
    let (old, new) = (format!("\"{}\"", base64url(&old)), format!("\"{}\"", base64url(&new)));
    if file.matches(&old).count() == 1 {
        Ok(file.replace(&old, &new))
    } else {
        Err(format!("{name} stands twice").into())
    }
}

/// Cases that show nothing, each made of the first file.
struct Refused<'a> {
    file: &'a str,
    nik: &'a str,
    terms: Terms<'a>,
    cases: Vec<Json>,
    met: BTreeSet<Check>,
}

impl Refused<'_> {
    fn expect(&mut self, what: &str, file: &str, nik: &str, error: Check) -> Made<()> {
        let verdict = verify(file.as_bytes(), &Nik::parse(nik)?, &self.terms)?;
        match verdict.finding {
            Finding::Nothing { check, .. } if check == error => {
                self.met.insert(check);
                Ok(())
            }
            finding => Err(format!("{what}: {finding:?}").into()),
        }
    }

    /// Bytes `from` to `to` of a member replaced.
    fn splice(&mut self, what: &str, name: &str, range: std::ops::Range<usize>, put: &[u8], error: Check) -> Made<()> {
        let file = altered(self.file, name, range.start, range.end, put)?;
        self.expect(what, &file, self.nik, error)?;
        self.cases.push(object! {
            "what": what, "member": name, "from": range.start, "to": range.end, "put": text(put), "error": error.code(),
        });
        Ok(())
    }

    fn flip(&mut self, what: &str, name: &str, at: usize, error: Check) -> Made<()> {
        let byte = member(self.file, name)?[at] ^ 1;
        self.splice(what, name, at..at + 1, &[byte], error)
    }

    /// A text within the file replaced.
    fn respell(&mut self, what: &str, find: &str, put: &str, error: Check) -> Made<()> {
        if self.file.matches(find).count() != 1 {
            return Err(format!("{what}: {find:?} is not there once").into());
        }
        let file = self.file.replace(find, put);
        self.expect(what, &file, self.nik, error)?;
        self.cases.push(object! { "what": what, "find": find, "put_text": put, "error": error.code() });
        Ok(())
    }

    fn whole(&mut self, what: &str, file: &str, nik: &str, error: Check) -> Made<()> {
        self.expect(what, file, nik, error)?;
        self.cases.push(object! { "what": what, "file": file, "nik": nik, "error": error.code() });
        Ok(())
    }
}

/// The first file with another manifest and its proof in place of its own.
fn of_manifest(file: &str, manifest: &[u8], proof: &TlogProof) -> Made<String> {
    let length = |name: &str| member(file, name).map(|bytes| bytes.len());
    let file = altered(file, "manifest", 0, length("manifest")?, manifest)?;
    altered(&file, "log_proof", 0, length("log_proof")?, &proof.to_bytes())
}

fn refused(file: &str, others: &[(usize, Vec<u8>)], logged: &Logged, foreign: &[(String, String)]) -> Made<Vec<Json>> {
    let nik0 = nik(0);
    let lain = Id::new("lain")?;
    let terms = Terms { policy: &logged.policy, dataset: None, accept_weak: false };
    let mut refused = Refused { file, nik: &nik0, terms, cases: Vec::new(), met: BTreeSet::new() };
    refused.whole("another person's NIK", file, &nik(1), Check::Blinded)?;
    refused.flip("another blind", "blind", 0, Check::Blinded)?;
    refused.splice("a blind of zero", "blind", 0..32, &[0; 32], Check::Blind)?;
    refused.splice("a blind that is not canonical", "blind", 0..32, &[0xff; 32], Check::Blind)?;
    refused.splice("the identity as the blinded element", "evaluation.blinded", 0..32, &[0; 32], Check::Elements)?;
    refused.splice("an evaluated element that is none", "evaluation.evaluated", 0..32, &[0xff; 32], Check::Elements)?;
    refused.splice("a proof that is not canonical", "evaluation.proof", 32..64, &[0xff; 32], Check::Elements)?;
    let other = member(&foreign[0].1, "evaluation.evaluated")?;
    refused.splice("another's evaluated element", "evaluation.evaluated", 0..32, &other, Check::Evaluation)?;
    refused.flip("the proof altered", "evaluation.proof", 0, Check::Evaluation)?;

    let manifest = member(file, "manifest")?;
    let place = |text: &str| -> Made<usize> {
        let found = manifest.windows(text.len()).position(|window| window == text.as_bytes());
        Ok(found.ok_or("no such text")? + text.len() - 1)
    };
    refused.flip("the manifest: another brace", "manifest", 0, Check::Manifest)?;
    refused.flip(
        "the manifest: a figure that does not follow",
        "manifest",
        place("\"records\": 8")?,
        Check::Manifest,
    )?;
    refused.flip("the manifest: another title", "manifest", place("Example list")?, Check::Inclusion)?;
    let proof = String::from_utf8(member(file, "log_proof")?)?;
    refused.flip("the log proof: another version", "log_proof", 21, Check::LogProof)?;
    let size = proof.find(&format!("\n{}\n", logged.size)).ok_or("no size")? + 1;
    refused.flip("the checkpoint: another size", "log_proof", size, Check::LogKey)?;
    let index = proof.find("\nindex 0\n").ok_or("no index")? + 7;
    refused.flip("another index", "log_proof", index, Check::Inclusion)?;
    let cosignature = proof.trim_end().rfind(' ').ok_or("no cosignature")? + 20;
    let letter = if proof.as_bytes()[cosignature] == b'A' { b"B" } else { b"A" };
    refused.splice("a false cosignature", "log_proof", cosignature..cosignature + 1, letter, Check::Witnesses)?;
    let too_few = logged.proof(0, &COSIGNED[..1])?.to_bytes();
    refused.splice("too few witnesses", "log_proof", 0..proof.len(), &too_few, Check::Witnesses)?;

    refused.flip("the filter block altered", "filter.block", 900, Check::FilterBlock)?;
    refused.splice("the filter block cut", "filter.block", 1023..1024, &[], Check::FilterBlock)?;
    refused.flip("the path of the block altered", "filter.path.0", 0, Check::FilterBlock)?;
    let (_, rest) = file.split_once("\"filter\":").ok_or("no filter")?;
    let (block, _) = rest.split_once(",\"blind\":").ok_or("no blind")?;
    refused.respell("no filter block", block, "null", Check::FilterPresence)?;

    let bucket = member(file, "bucket")?;
    let frame = 1 + 32 * usize::from(BUCKET_BITS);
    let length = bucket.len();
    refused.splice("the bucket a byte short", "bucket", length - 1..length, &[], Check::BucketLength)?;
    refused.flip("another number of hashes", "bucket", 0, Check::BucketHashes)?;
    refused.flip("entries that are not whole", "bucket", frame + 3, Check::BucketEntries)?;
    refused.flip("the last byte of the bucket not zero", "bucket", length - 1, Check::BucketPadding)?;
    refused.flip("an entry altered", "bucket", frame + 4 + 20, Check::BucketRoot)?;
    refused.flip("a hash of the bucket altered", "bucket", 1, Check::BucketRoot)?;
    // The bucket without its entries: hidden, and not absent.
    let hidden = vec![0; length - frame];
    refused.splice("all entries hidden", "bucket", frame..length, &hidden, Check::BucketRoot)?;

    refused.respell("another format", "\"ceknik/1\",\"manifest\"", "\"ceknik/2\",\"manifest\"", Check::Form)?;
    refused.respell("a space", ",\"blind\":", ", \"blind\":", Check::Form)?;
    refused.respell("no line feed at the end", "}\n", "}", Check::Form)?;
    refused.respell("a member more", ",\"blind\":", ",\"nik\":\"\",\"blind\":", Check::Form)?;
    refused.respell("a member twice", ",\"blind\":", ",\"bucket\":\"\",\"blind\":", Check::Form)?;
    refused.respell("padding", "\"ceknik/1\",\"manifest\":\"", "\"ceknik/1\",\"manifest\":\"=", Check::Form)?;
    refused.respell("an escape", "\"evidence\":", "\"\\u0065vidence\":", Check::Form)?;
    refused.splice("a blind of 31 bytes", "blind", 31..32, &[], Check::Form)?;
    refused.whole("nothing", "", &nik0, Check::Form)?;

    let [(weak_at, weak), (elsewhere_at, elsewhere)] = others else { return Err("two other manifests".into()) };
    let of = |at: usize, manifest: &[u8]| of_manifest(file, manifest, &logged.proof(at, &COSIGNED)?);
    refused.whole("a weak list", &of(*weak_at, weak)?, &nik0, Check::Weak)?;
    refused.whole("a manifest that names another log", &of(*elsewhere_at, elsewhere)?, &nik0, Check::Origin)?;
    let (owner, disordered) = &foreign[1];
    refused.whole("a bucket whose entries stand the wrong way round", disordered, owner, Check::BucketOrder)?;
    let (owner, without_filter) = &foreign[2];
    let with_block = without_filter.replace("\"filter\":null", &format!("\"filter\":{block}"));
    refused.whole("a filter block of a list that has no filter", &with_block, owner, Check::FilterPresence)?;

    refused.terms.dataset = Some(&lain);
    refused.expect("another list than asked for", file, &nik0, Check::Dataset)?;
    refused.cases.push(object! {
        "what": "another list than was asked for", "file": file, "nik": nik0.as_str(), "dataset": lain.as_str(),
        "error": Check::Dataset.code(),
    });
    // A record that does not open is no evidence that fails: it is one of the files above.
    let unmet: Vec<_> =
        Check::ALL.iter().filter(|check| !refused.met.contains(check) && **check != Check::Record).collect();
    if unmet.is_empty() { Ok(refused.cases) } else { Err(format!("no case for {unmet:?}").into()) }
}

pub(crate) fn vectors() -> Made<Vectors> {
    let mut honest = list("contoh", Kind::Honest)?;
    let mut lying = list("berdusta", Kind::Lying)?;
    let mut without_filter = list("tanpa-filter", Kind::WithoutFilter)?;
    let mut disordered = list("tidak-urut", Kind::Disordered)?;
    let mut weak = honest.manifest.clone();
    weak.stretch.cost = StretchCost::WEAK;
    let mut elsewhere = honest.manifest.clone();
    elsewhere.log = "other.example.org/log".into();
    let (weak, elsewhere) = (weak.to_bytes()?, elsewhere.to_bytes()?);
    let leaves = [&honest.bytes, &lying.bytes, &without_filter.bytes, &disordered.bytes, &weak, &elsewhere];
    let logged = Logged::new(&leaves.map(Clone::clone))?;

    let lacking = lying.lacking.ok_or("the noise covers everybody")?;
    if lacking == UNREADABLE {
        return Err("the lie is told of one person twice".into());
    }
    let stranger = |list: &mut List, hit: bool| -> Made<String> {
        for number in 20..200 {
            let item = list.stretcher.stretch(&Nik::parse(&nik(number))?)?.filter_item();
            if list.shard.as_ref().and_then(|shard| shard.contains(&item)) == Some(hit) {
                return Ok(nik(number));
            }
        }
        Err("no such stranger".into())
    };
    let (miss, hit) = (stranger(&mut honest, false)?, stranger(&mut honest, true)?);
    let mut files = Vec::new();
    let mut case = |what: &str, list: &mut List, index: usize, nik: String| -> Made<String> {
        let file = gather(list, index, &logged, &nik)?;
        files.push(shown(what, &nik, &file, &logged.policy)?);
        Ok(file)
    };
    let first = case("listed", &mut honest, 0, nik(0))?;
    let second = case("listed for two candidates", &mut honest, 0, nik(2))?;
    case("not listed, and the filter misses", &mut honest, 0, miss)?;
    case("not listed, and the filter hits", &mut honest, 0, hit)?;
    case("listed, and the filter lacks the record", &mut lying, 1, nik(lacking))?;
    case("a record that nobody can read", &mut lying, 1, nik(UNREADABLE))?;
    case("listed, without a filter", &mut without_filter, 2, nik(1))?;
    case("not listed, without a filter", &mut without_filter, 2, nik(20))?;
    let foreign = [
        (nik(2), second),
        (nik(0), gather(&mut disordered, 3, &logged, &nik(0))?),
        (nik(1), gather(&mut without_filter, 2, &logged, &nik(1))?),
    ];
    let refused = refused(&first, &[(4, weak), (5, elsewhere)], &logged, &foreign)?;
    Ok(Vectors {
        file: "evidence.json",
        about: "Evidence files of four lists of eight people, two of which lie, and files that show nothing.",
        spec: "Evidence",
        members: &[
            ("policy", "the policy of whoever is shown the file, exactly"),
            ("evidence", "files in which every check but that of the record passes"),
            ("nik", "the NIK on the identity card; in `refused`, where it is not said, that of the first file"),
            ("file", "the file, exactly"),
            ("verdict", "what it shows"),
            ("cell_is_set", "whether the filter's cell is; null without a filter"),
            ("supports", "what is recorded"),
            ("candidate", "an id"),
            ("status", "an id"),
            ("submitted", "a day"),
            ("sha256", "of the file"),
            ("qr", "the content of the QR code on paper"),
            ("refused", "files that show nothing: whole, or made of the first of `evidence`"),
            (
                "member",
                "the member of the first file of whose decoded bytes some are replaced; `filter.path.0` is the first hash",
            ),
            ("from", "the first byte that is replaced, from 0"),
            ("to", "the first behind them"),
            ("put", "the bytes in their place"),
            ("find", "the text within the first file, once there, that is replaced"),
            ("put_text", "the text in its place"),
            ("dataset", "the list that was asked for"),
        ],
        body: object! { "policy": logged.policy_text.as_str(), "evidence": files, "refused": refused },
    })
}
