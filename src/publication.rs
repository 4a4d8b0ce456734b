//! What the publisher has published, as far as it was verified: the only files that the service reads.
//!
//! ```text
//! policy                        the tlog-policy
//! log/checkpoint, log/tile/…    the log
//! datasets/ID/current           number of the current epoch, replaced last when an epoch is published
//! datasets/ID/filter/SHA256     filter shards
//! datasets/ID/epochs/N/         manifest, proof, buckets
//! ```
//!
//! Nothing is served before it was verified. The epoch that becomes current is verified wholly when it is found ([`load`]):
//! from then on its manifest, its proof and its open bucket file are held. To an epoch belong the tiles of the log that lead
//! to it; they are checked with it ([`log`]), as are those of the log's checkpoint. Of the epochs before it, what the chain of
//! `previous` or their own proofs vouch for is known by hash, and each file is compared when it is asked for. A newer
//! epoch that does not verify is reported, and the one before goes on being served.

mod catalog;
mod dataset;
mod files;
mod filter_files;
mod load;
mod loader;
mod log;

pub(crate) use catalog::{Catalog, Publication};
pub(crate) use dataset::{BucketSource, Dataset, Document, NotRead};
pub(crate) use files::{FileError, FileStamp, decimal};
pub(crate) use loader::{Loader, watch};
