//! A publisher who signs whatever suits him, and a plain host of his files.

use std::fs;
use std::path::{Path, PathBuf};

use ceknik_core::bucket::BucketGeometry;
use ceknik_core::filter::ShardDigest;
use ceknik_core::manifest::Manifest;
use ceknik_core::merkle::{PerfectTree, leaf_hash};
use tempfile::TempDir;

use crate::publication::{Draft, EpochPlan, Publisher};
use crate::support::command::Ceknik;
use crate::support::http::{Request, Response};
use crate::support::proxy::{Delivery, Proxy};
use crate::{Told, audit};

pub(crate) const LIST: &str = "jakarta-2024";

/// The liar, and who hosts for him.
pub(crate) struct Liar {
    dir: TempDir,
    pub(crate) publisher: Publisher,
    pub(crate) host: Proxy,
    pub(crate) plan: EpochPlan,
}

impl Liar {
    /// With an honest first epoch: 120 of 130 members have records.
    pub(crate) fn new() -> Self {
        let mut liar = Self::with_nothing();
        liar.publish(|_| {});
        liar
    }

    pub(crate) fn with_nothing() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let publisher = Publisher::new(dir.path());
        let host = Proxy::before(([127, 0, 0, 1], 9).into());
        let public = publisher.public();
        host.behave(move |request, _| -> Delivery { hosted(&public, request).into() });
        Self { dir, publisher, host, plan: EpochPlan { members: 130, ..EpochPlan::now() } }
    }

    /// Publishes the next epoch of the plan, altered before it is signed.
    pub(crate) fn publish(&mut self, alter: impl FnOnce(&mut Draft)) {
        let epoch = self.publisher.stage_altered(LIST, &self.plan, alter);
        self.publisher.make_current(LIST, epoch);
        self.plan.published_at += 60;
        self.plan.new_generation = false;
        self.plan.announce = false;
    }

    pub(crate) fn policy(&self) -> PathBuf {
        self.publisher.public().join("policy")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join("audit")
    }

    /// `ceknik audit` from where it last stood.
    pub(crate) fn audit(&self) -> Ceknik {
        audit(&self.host.url(), &self.policy()).args(["--no-probes", "--state"]).arg(self.state())
    }

    #[track_caller]
    pub(crate) fn told(&self) -> Told {
        Told::of(self.audit())
    }

    /// An audit that finds nothing.
    #[track_caller]
    pub(crate) fn passes(&self) {
        let told = self.told();
        assert_eq!((told.code, told.findings()), (0, vec![]));
    }
}

/// What a plain host of a public directory answers.
pub(crate) fn hosted(public: &Path, request: &Request) -> Response {
    let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    let list = |id: &str| public.join("datasets").join(id);
    let file = |path: PathBuf| fs::read(path).ok();
    let body = match parts[..] {
        ["v1", "policy"] => file(public.join("policy")),
        ["v1", "datasets"] => {
            let ids = fs::read_dir(public.join("datasets")).unwrap().map(|entry| entry.unwrap().file_name());
            let ids: Vec<_> = ids.map(|id| serde_json::json!({ "id": id.to_str().unwrap() })).collect();
            Some(serde_json::json!({ "datasets": ids }).to_string().into_bytes())
        }
        ["v1", id, "manifest"] => fs::read_to_string(list(id).join("current"))
            .ok()
            .and_then(|current| file(list(id).join("epochs").join(current.trim()).join("manifest"))),
        ["v1", id, "filter", sha256] => file(list(id).join("filter").join(sha256)),
        ["v1", id, "epochs", epoch, "buckets", index] => {
            let epoch = list(id).join("epochs").join(epoch);
            bucket(&epoch, index.parse().unwrap())
        }
        ["v1", id, "epochs", epoch, name] => file(list(id).join("epochs").join(epoch).join(name)),
        ["log", ..] => file(public.join(parts.join("/"))),
        _ => None,
    };
    body.map_or_else(|| Response::new(404, "none"), |body| Response::new(200, body))
}

fn bucket(epoch: &Path, index: usize) -> Option<Vec<u8>> {
    let manifest = Manifest::parse(&fs::read(epoch.join("manifest")).ok()?).unwrap();
    let bytes = manifest.buckets.geometry.response_bytes() as usize;
    fs::read(epoch.join("buckets")).ok()?.chunks(bytes).nth(index).map(<[u8]>::to_vec)
}

/// Changes the filter's files, and the manifest with them.
pub(crate) fn refilter(draft: &mut Draft, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    change(&mut draft.shards);
    let shards = draft.shards.iter().map(|shard| ShardDigest::of(shard)).collect();
    draft.manifest.filter.as_mut().unwrap().shards = shards;
}

/// Sets or clears so many cells, from the first ones that are otherwise.
pub(crate) fn turn(shards: &mut [Vec<u8>], count: usize, set: bool) {
    let mut left = count;
    for byte in shards.iter_mut().flat_map(|shard| &mut shard[45..]) {
        for bit in 0..8 {
            if left > 0 && (*byte >> bit & 1 == 1) != set {
                *byte ^= 1 << bit;
                left -= 1;
            }
        }
    }
    assert_eq!(left, 0);
}

/// Changes the entries of the buckets, each as long as an entry is, and path, root and geometry with them.
pub(crate) fn reseal(draft: &mut Draft, change: impl FnOnce(&mut Vec<Vec<Vec<u8>>>)) {
    let spec = &mut draft.manifest.buckets;
    let old = spec.geometry;
    let open = |(index, response): (usize, &[u8])| {
        let bucket = old.open_response(index as u32, &spec.root, response).unwrap();
        let entry = |(locator, sealed): (ceknik_core::record::Locator, Vec<u8>)| {
            [&locator.expose_bytes()[..], &sealed].concat()
        };
        bucket.into_entries().into_iter().map(entry).collect()
    };
    let mut buckets: Vec<Vec<Vec<u8>>> =
        draft.buckets.chunks(old.response_bytes() as usize).enumerate().map(open).collect();
    change(&mut buckets);
    let fullest = buckets.iter().map(Vec::len).max().unwrap() as u64;
    let geometry = BucketGeometry::for_fullest(old.bits(), old.payload_bytes(), fullest).unwrap();
    let contents: Vec<Vec<u8>> = buckets.iter().map(|bucket| bucket.concat()).collect();
    let tree = PerfectTree::new(contents.iter().map(|bucket| leaf_hash(bucket)).collect()).unwrap();
    let response =
        |(index, bucket): (usize, &Vec<u8>)| geometry.encode_response(&tree.path(index).unwrap(), bucket).unwrap();
    draft.buckets = contents.iter().enumerate().flat_map(response).collect();
    spec.geometry = geometry;
    spec.root = tree.root();
}
