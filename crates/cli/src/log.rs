//! `ceknik log show`: a log's checkpoint, for people who compare what they see.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ceknik_core::log::{CheckpointPhrase, MAX_CHECKPOINT_BYTES, SignedCheckpoint, VerifiedCheckpoint};
use ceknik_witness::fetch_checkpoint;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::failure::Failure;
use crate::qr;
use crate::trust::{cosigned_at, read_policy};

/// For the whole response.
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Subcommand)]
pub(crate) enum LogCommand {
    /// Show a log's checkpoint as digits to read aloud and as a QR code, so that two people can compare what they are shown.
    Show(ShowArgs),
}

#[derive(Args)]
pub(crate) struct ShowArgs {
    /// Where the log is: the address of a service or mirror, or of a witness followed by a slash and the SHA-256 of the log's
    /// name; a public directory, a directory of the log, or a file with its checkpoint.
    #[arg(value_name = "URL|DIR|FILE")]
    place: String,
    /// Verify the checkpoint under this policy (C2SP tlog-policy). Without it nothing is verified: digits that are the same show
    /// the same, and others show nothing of who is to blame.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// One JSON object in place of text.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &LogCommand) -> Result<(), Failure> {
    let LogCommand::Show(args) = command;
    let note = read(&args.place)?;
    let shown = |error| Failure::new(format!("{}: {error}", args.place));
    let checkpoint = SignedCheckpoint::parse(&note).map_err(shown)?;
    let policy = args.policy.as_deref().map(read_policy).transpose()?;
    let verified = policy.map(|policy| checkpoint.verify(&policy)).transpose().map_err(shown)?;
    let phrase = CheckpointPhrase::new(checkpoint.origin(), &checkpoint.head())?;
    if args.json {
        println!("{}", to_json(&checkpoint, verified.as_ref(), phrase));
    } else {
        print!("{}", describe(&checkpoint, verified.as_ref(), phrase)?);
    }
    Ok(())
}

fn read(place: &str) -> Result<Vec<u8>, Failure> {
    if place.starts_with("http://") || place.starts_with("https://") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let place = place.trim_end_matches('/');
        // A witness has checkpoints below the hash of a log's name, everybody else below `log`.
        let of_witness = place.rsplit('/').next().is_some_and(|last| ceknik_core::encoding::from_hex(last).is_some());
        let prefix = if of_witness { place.to_owned() } else { format!("{place}/log") };
        return runtime
            .block_on(fetch_checkpoint(&prefix, TIMEOUT))
            .map_err(|error| Failure::new(format!("{prefix}/checkpoint: {error}")));
    }
    let path = Path::new(place);
    let candidates = [path.join("log/checkpoint"), path.join("checkpoint"), path.to_owned()];
    let found = candidates.iter().find(|path| path.is_file());
    let found =
        found.ok_or_else(|| Failure::new(format!("{place} is neither an address nor a checkpoint, nor has it one")))?;
    let unreadable = |error| Failure::new(format!("cannot read {}: {error}", found.display()));
    let bytes = fs::metadata(found).map_err(unreadable)?.len();
    if bytes > MAX_CHECKPOINT_BYTES as u64 {
        return Err(Failure::new(format!("{} is longer than any checkpoint", found.display())));
    }
    fs::read(found).map_err(unreadable)
}

fn root(checkpoint: &SignedCheckpoint) -> String {
    // The third line of the text is the root in standard base64.
    String::from_utf8_lossy(checkpoint.text()).lines().nth(2).unwrap_or_default().to_owned()
}

fn to_json(
    checkpoint: &SignedCheckpoint,
    verified: Option<&VerifiedCheckpoint>,
    phrase: CheckpointPhrase,
) -> serde_json::Value {
    let witnessed = |verified: &VerifiedCheckpoint| -> Vec<_> {
        verified
            .witnessed()
            .iter()
            .map(|seen| json!({"name": seen.witness.escape_ascii().to_string(), "cosigned_at": cosigned_at(seen.time)}))
            .collect()
    };
    json!({
        "origin": checkpoint.origin(),
        "size": checkpoint.head().size,
        "root": root(checkpoint),
        "phrase": phrase.to_string(),
        "verified": verified.is_some(),
        "witnesses": verified.map(witnessed),
        "checkpoint": String::from_utf8_lossy(checkpoint.as_bytes()),
    })
}

fn describe(
    checkpoint: &SignedCheckpoint,
    verified: Option<&VerifiedCheckpoint>,
    phrase: CheckpointPhrase,
) -> Result<String, Failure> {
    // Name, size and root: whoever scans it reads what was signed, and nothing is lost of it.
    let head = format!("{}\n{}\n{}\n", shown(checkpoint.origin()), checkpoint.head().size, root(checkpoint));
    let code = qr::drawn(head.as_bytes()).ok_or_else(|| Failure::new("the log's name is too long for a QR code"))?;
    let mut text = format!(
        "Catatan publik / public log: {}\nEntri / entries: {}\nHash akar / root hash: {}\n",
        shown(checkpoint.origin()),
        checkpoint.head().size,
        root(checkpoint)
    );
    match verified {
        None => text.push_str("Belum diperiksa: beri --policy. / Not verified: give --policy.\n"),
        Some(verified) => {
            text.push_str("Tanda tangan cocok dengan kebijakan. / The signatures satisfy the policy.\n");
            for seen in verified.witnessed() {
                text.push_str(&format!(
                    "  saksi / witness {}: {}\n",
                    seen.witness.escape_ascii(),
                    cosigned_at(seen.time)
                ));
            }
        }
    }
    text.push_str(&format!(
        "\nBacakan / read aloud:\n\n    {phrase}\n\n{code}\n\
         Orang lain yang melihat jumlah entri yang sama harus melihat angka yang sama. {} / Somebody else who sees the same number \
         of entries must see the same digits. {}\n",
        if verified.is_some() {
            "Bila angkanya lain, dan tanda tangan di tempatnya pun cocok, catatan ini bercabang: simpan keluaran --json dari \
             keduanya, dan laporkan."
        } else {
            "Bila angkanya lain, periksa keduanya dengan --policy: tanpa tanda tangan yang cocok, siapa pun di jalan dapat \
             mengubahnya."
        },
        if verified.is_some() {
            "If they differ, and the signatures there satisfy the policy too, the log was forked: keep what --json prints for \
             both of you, and report it."
        } else {
            "If they differ, verify both with --policy: without signatures that satisfy it, anybody on the way may have changed \
             them."
        }
    ));
    Ok(text)
}

/// A log's name, safe for a terminal.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control() && !ceknik_core::encoding::turns_direction(*c)).collect()
}
