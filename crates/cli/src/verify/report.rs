//! The verdict for people, on one page.

use ceknik_core::encoding::base64url;
use ceknik_core::evidence::{Check, CheckResult, Finding, Verdict};
use ceknik_core::manifest::VerifiedManifest;

use super::words::{self, grouped};
use crate::check::print_supports;
use crate::check::words::pair;
use crate::trust::cosigned_at;

pub(super) fn print(verdict: &Verdict, pinned: bool) {
    let manifest = verdict.list.as_ref().map(VerifiedManifest::manifest);
    println!("{}", words::headline(verdict));
    match &verdict.finding {
        Finding::Listed { supports } => print_supports(supports, manifest),
        Finding::NotListed => {}
        Finding::Unreadable { detail } => println!("   {detail}"),
        Finding::Nothing { check, detail } => {
            println!("   {}: {} ({detail})", check.code(), words::meaning(*check));
            println!("   {}", words::advice(*check));
        }
    }
    if verdict.proves_misbehaviour() {
        println!("   {}", words::MISBEHAVIOUR);
    }
    if let Some(list) = &verdict.list {
        print_list(list);
    }
    println!("\n{}", if pinned { words::PINNED } else { words::UNPINNED });
    println!("Berkas / file, SHA-256: {}", grouped(&verdict.sha256));
    println!("\nPemeriksaan / checks:");
    for check in Check::ALL {
        let result = match verdict.result(*check) {
            CheckResult::Passed => "ok   ",
            CheckResult::Failed => "GAGAL",
            CheckResult::NotReached => "-    ",
        };
        println!("  {result} {:<16}{}", check.code(), words::meaning(*check));
    }
}

fn print_list(list: &VerifiedManifest) {
    let (manifest, checkpoint) = (list.manifest(), list.checkpoint());
    println!("\nDaftar / list: {} ({})", pair(&manifest.title), manifest.dataset);
    println!("Cakupan / coverage: {}", pair(&manifest.coverage));
    println!("Keadaan per / as of: {} (terbitan / epoch {})", manifest.published_at, manifest.epoch);
    println!(
        "Berlaku sampai / valid until: {} (tidak diperiksa: bukti tidak kedaluwarsa, dan mungkin sudah ada terbitan yang lebih \
         baru / not applied: evidence does not expire, and there may be a later epoch)",
        manifest.valid_until
    );
    println!("Catatan publik / public log: {}", checkpoint.log());
    println!("   entri / entry {} dari / of {}", list.log_index() + 1, checkpoint.head().size);
    if checkpoint.witnessed().is_empty() {
        println!("Saksi / witnesses: tidak ada / none");
    }
    for witnessed in checkpoint.witnessed() {
        println!(
            "Saksi / witness: {} ({}), {}",
            witnessed.witness.escape_ascii(),
            witnessed.key_name,
            cosigned_at(witnessed.time)
        );
    }
    println!("Kunci evaluasi / evaluation key: {}", base64url(&manifest.oprf.public_key.to_bytes()));
}
