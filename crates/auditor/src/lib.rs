//! Looks at a publisher from outside, with nothing but what everybody can fetch.
//!
//! [`Audit::run`] follows the publisher's log from where it last stood, holds every manifest to the rules, downloads filter and
//! sealed table of every epoch and verifies each byte of them, compares the cells that are set with what members and noise
//! explain, tells exactly what was added, removed and changed, asks for evaluations as strangers do, and ends with a
//! [`Report`]. For one who was given the raw list it compares that as well ([`RawList`]), without any secret key.
//!
//! Rules are `ceknik-core`'s, the same that clients and publishers keep; HTTP is `ceknik-client`'s. Not in here: how rows of a
//! list are read, and arguments. May be imported by the CLI and by tests.

mod audit;
mod epoch;
mod evidence;
mod figures;
mod findings;
mod history;
mod kept;
mod list;
mod log;
mod mirror;
mod probe;
mod report;
mod source;
mod state;
mod table;

pub use audit::{Audit, AuditError, ListOpener, Phase};
pub use epoch::{Again, AuditedEpoch, Buckets, Cells, Expected, Growth};
pub use figures::{Files, LoggedFigures, PromiseFigures};
pub use findings::{Code, Finding, Unchecked, Weight};
pub use history::{History, LoggedEpoch};
pub use list::{ListError, ListFigures, People, RawList};
pub use log::{FollowError, Followed, follow, for_each_entry};
pub use mirror::{Mirror, MirrorError, Mirrored};
pub use probe::Probes;
pub use report::{ListReport, LogFigures, REPORT_VERSION, Report, Trust, TrustBasis, Verdict, html, text};
pub use source::{Missing, Source};
pub use state::{State, StateError, write_whole};
pub use table::Changes;

/// Requests that are under way at once.
const AT_ONCE: usize = 6;
