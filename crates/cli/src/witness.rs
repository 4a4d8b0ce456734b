//! `ceknik witness`, and the making of a witness.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ceknik_core::log::VerifierKey;
use ceknik_core::time::Timestamp;
use ceknik_issuer::{KeyError, Passphrase, create_witness_key, witness_key};
use ceknik_witness::{Followed, ServeLimits, StateError, Witness, create_state, router, serve};
use ceknikd::{LogLevel, init_logging};
use clap::{Args, Subcommand};
use rand::rngs::OsRng;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;
use crate::home;
use crate::keygen::NewPassphraseArgs;
use crate::prompt;
use crate::trust::read_policy;

#[derive(Subcommand)]
pub(crate) enum WitnessCommand {
    /// Serve a witness (C2SP tlog-witness) until it is interrupted. What it does stands in JSON lines on standard error, without
    /// any address of those who ask.
    Serve(ServeArgs),
}

#[derive(Args)]
pub(crate) struct NewWitnessArgs {
    /// The witness's name, which its cosignatures carry for good: a host name that is yours, and a path if you like, such as
    /// saksi.example.org.
    name: String,
    /// Where its key is to be.
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// Where it is to keep what it has cosigned. Key and state belong together.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    #[command(flatten)]
    passphrase: NewPassphraseArgs,
}

#[derive(Args)]
pub(crate) struct ServeArgs {
    /// The witness's key, as `ceknik keygen witness` made it.
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// A file with the passphrase of an encrypted key in its first line; without it, a prompt asks.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// What the witness has cosigned, made with its key. It is never to be replaced by an older copy.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// A log to follow, by its public key; can be repeated.
    #[arg(long, value_name = "VKEY", value_parser = parse_key)]
    log: Vec<VerifierKey>,
    /// Follow the logs of this policy (C2SP tlog-policy). Its witnesses and quorum mean nothing here.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Address and port to serve on. Plain HTTP: put a proxy that speaks TLS before it.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
}

fn parse_key(text: &str) -> Result<VerifierKey, String> {
    VerifierKey::parse(text.as_bytes()).map_err(|error| error.to_string())
}

/// Makes a witness.
pub(crate) fn create(args: &NewWitnessArgs) -> Result<(), Failure> {
    let NewWitnessArgs { name, key_file, state, passphrase } = args;
    // Before there is a key without a state.
    if fs::read_dir(state).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(StateError::Exists { directory: state.clone() }.into());
    }
    let key = create_witness_key(key_file, name, &mut OsRng, passphrase.read()?.as_ref())?.verifier_key();
    create_state(state, &key)?;
    println!("The witness {name} is made.");
    println!("  {}  signs for it; whoever has it can vouch for a second history in its name", key_file.display());
    println!(
        "  {}  what it has cosigned. Lost, or replaced by an older copy, it is a witness no more",
        state.display()
    );
    println!(
        "Give its public key to those who trust it; this line stands in a policy, with the address where it is served:"
    );
    println!("  witness {} {key} https://{}", short_name(name), name.trim_end_matches('/'));
    println!("It follows the logs that it is told to:");
    println!("  ceknik witness serve --key-file {} --state {} --log VKEY", key_file.display(), state.display());
    Ok(())
}

/// A name within a policy, where it may be anything without spaces but `none`.
fn short_name(name: &str) -> &str {
    let first = name.split(['.', '/']).next().unwrap_or(name);
    if first.is_empty() || first == "none" { name } else { first }
}

pub(crate) fn run(command: &WitnessCommand) -> Result<(), Failure> {
    let WitnessCommand::Serve(args) = command;
    let followed = Followed::new(args.logs()?)?;
    let key = match witness_key(&args.key_file, None) {
        Err(KeyError::PassphraseNeeded { .. }) => {
            let text = prompt::passphrase(args.passphrase_file.as_deref(), "Passphrase of the witness's key: ")?;
            witness_key(&args.key_file, Some(&Passphrase::from(text.as_str())))?
        }
        key => key?,
    };
    let witness = Arc::new(Witness::open(&args.state, key, followed)?);
    init_logging(LogLevel::Info, std::io::stderr)?;
    tracing::info!(witness = %witness.verifier_key(), "witness");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        Ok(serve(args.listen, ServeLimits::default(), router(witness, clock), shutdown).await?)
    })
}

fn clock() -> Option<Timestamp> {
    home::now().ok()
}

impl ServeArgs {
    fn logs(&self) -> Result<Vec<VerifierKey>, Failure> {
        let mut keys = self.log.clone();
        if let Some(file) = &self.policy {
            keys.extend(read_policy(file)?.logs().iter().map(|log| log.key().clone()));
        }
        if keys.is_empty() {
            return Err(Failure::new(
                "no log to follow was given: name one with --log VKEY, or a policy with --policy FILE",
            ));
        }
        Ok(keys)
    }
}
