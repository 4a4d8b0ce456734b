//! What the service gives, held to the log that was followed.

use ceknik_client::CacheMode;
use ceknik_core::encoding::hex;
use ceknik_core::log::{MAX_PROOF_BYTES, Policy, TlogProof, VerifiedCheckpoint};
use ceknik_core::manifest::{
    FreshnessError, Id, MOST_MANIFEST_BYTES, UnverifiedManifest, VerifyError, manifest_sha256,
};

use super::{Audit, AuditError, Collected};
use crate::findings::{Code, Finding};
use crate::history::{LoggedEpoch, told};
use crate::log::{FollowError, hold_to};
use crate::source::Missing;

impl Audit<'_> {
    pub(super) async fn served(&self, dataset: &Id) -> Result<Vec<u8>, Missing> {
        let path = format!("/v1/{dataset}/manifest");
        self.source.get(&path, MOST_MANIFEST_BYTES as u64, CacheMode::Revalidate).await
    }

    /// What the service gives for the list: the newest epoch of the log, in the log by its own proof, and valid now.
    pub(super) async fn check_served(
        &self,
        dataset: &Id,
        logged: &[LoggedEpoch],
        policy: &Policy,
        followed: &VerifiedCheckpoint,
        collected: &mut Collected,
    ) -> Result<(), AuditError> {
        let newest = &logged[logged.len() - 1];
        let served = match self.served(dataset).await {
            Ok(served) => served,
            Err(why @ (Missing::Gone { .. } | Missing::Withheld { .. } | Missing::TooLong)) => {
                collected.findings.push(Finding::new(Code::ListWithheld, why).of(dataset));
                return Ok(());
            }
            Err(why) => {
                collected.not_checked(
                    Some(dataset),
                    None,
                    "what the service gives for the list",
                    why.to_string(),
                    false,
                );
                return Ok(());
            }
        };
        let sha256 = manifest_sha256(&served);
        let found = |code, detail: String| Finding::new(code, detail).of(dataset);
        match logged.iter().find(|logged| logged.sha256 == sha256) {
            None => {
                let detail = format!("it gives {}…, and the log's newest is {}", &hex(&sha256)[..8], told(newest));
                collected.findings.push(found(Code::ListUnlogged, detail));
                return Ok(());
            }
            Some(old) if old.manifest.epoch != newest.manifest.epoch => {
                let detail = format!("it gives {}, and the log's newest is {}", told(old), told(newest));
                collected.findings.push(found(Code::ListStale, detail));
            }
            Some(_) => {}
        }
        // Parsed before, as an entry of the log.
        let Ok(manifest) = UnverifiedManifest::parse(served.clone()) else { return Ok(()) };
        let epoch = manifest.claimed().epoch;
        let path = format!("/v1/{dataset}/epochs/{epoch}/proof");
        let note = match self.source.get(&path, MAX_PROOF_BYTES as u64, CacheMode::Revalidate).await {
            Ok(note) => note,
            Err(why @ Missing::Failed { .. }) => {
                collected.not_checked(Some(dataset), Some(epoch), "its proof", why.to_string(), false);
                return Ok(());
            }
            Err(why) => {
                collected.findings.push(found(Code::LogProofInvalid, why.to_string()).at(epoch));
                return Ok(());
            }
        };
        let proof = TlogProof::parse(&note).map_err(VerifyError::Proof);
        let verified = match proof.and_then(|proof| manifest.verify(policy, &proof)) {
            Ok(verified) => verified,
            Err(error) => {
                collected.findings.push(found(Code::LogProofInvalid, error.to_string()).at(epoch));
                return Ok(());
            }
        };
        let with: [(&str, &[u8]); 2] = [("manifest", &served), ("proof", &note)];
        match hold_to(&self.source, &self.state, followed, verified.checkpoint(), &with).await {
            Ok(()) => {}
            Err(FollowError::State(error)) => return Err(error.into()),
            Err(FollowError::Wrong(finding)) => collected.findings.push(finding.of(dataset).at(epoch)),
            Err(error @ FollowError::Unavailable { .. }) => {
                let what = format!(
                    "whether its proof's log of {} entries is the one followed",
                    verified.checkpoint().head().size
                );
                collected.not_checked(Some(dataset), Some(epoch), &what, error.to_string(), false);
            }
        }
        if let Err(error) = verified.check_fresh(self.now, self.accept_weak) {
            let code = match error {
                FreshnessError::Expired { .. } => Code::ListExpired,
                FreshnessError::Ahead { .. } => Code::ListAhead,
                FreshnessError::Weak => Code::ListWeak,
            };
            collected.findings.push(found(code, error.to_string()).at(epoch));
        }
        Ok(())
    }

    /// The manifest of an epoch as the service gives it, which stays.
    pub(super) async fn check_manifest(&self, dataset: &Id, logged: &LoggedEpoch, collected: &mut Collected) {
        let epoch = logged.manifest.epoch;
        let path = format!("/v1/{dataset}/epochs/{epoch}/manifest");
        let found = |code, detail: String| Finding::new(code, detail).of(dataset).at(epoch);
        match self.source.get(&path, MOST_MANIFEST_BYTES as u64, CacheMode::Immutable).await {
            Ok(served) if manifest_sha256(&served) == logged.sha256 => {}
            Ok(served) => {
                let detail = format!("it gives {}…, logged is {}", &hex(&manifest_sha256(&served))[..8], told(logged));
                collected.findings.push(found(Code::ManifestAltered, detail));
            }
            Err(why @ Missing::Failed { .. }) => {
                collected.not_checked(
                    Some(dataset),
                    Some(epoch),
                    "its manifest as it is served",
                    why.to_string(),
                    false,
                );
            }
            Err(why) => collected.findings.push(found(Code::ManifestWithheld, why.to_string())),
        }
    }
}
