//! `ceknik keygen`.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use ceknik_core::log::{LogSigner, Policy, VerifierKey};
use ceknik_issuer::{Home, KeyDir, KeyError, Passphrase};
use clap::{Args, Subcommand};
use rand::rngs::OsRng;

use crate::failure::Failure;
use crate::prompt;
use crate::witness::{self, NewWitnessArgs};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct KeygenArgs {
    #[command(subcommand)]
    command: Option<KeygenCommand>,
    /// The directory to make the home in; it is created.
    #[arg(long, value_name = "DIR", env = "CEKNIK_HOME", default_value = ".")]
    home: PathBuf,
    /// The log's name, by which everybody knows it for good: a host name that is yours, and a path, such as
    /// ceknik.example.org/log.
    #[arg(long, value_name = "NAME", required = true)]
    origin: Option<String>,
    #[command(flatten)]
    passphrase: NewPassphraseArgs,
}

#[derive(Subcommand)]
enum KeygenCommand {
    /// Make a witness in place of a publisher's home: its key and its empty state, for `ceknik witness serve`.
    Witness(NewWitnessArgs),
}

/// Whether new keys are encrypted.
#[derive(Args)]
pub(crate) struct NewPassphraseArgs {
    /// Encrypt the keys under a passphrase, which a prompt asks for.
    #[arg(long)]
    encrypt: bool,
    /// Encrypt the keys under the passphrase in the first line of this file.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

pub(crate) fn run(args: &KeygenArgs) -> Result<(), Failure> {
    if let Some(KeygenCommand::Witness(args)) = &args.command {
        return witness::create(args);
    }
    let origin = args.origin.as_deref().unwrap_or_default();
    check_origin(origin)?;
    let passphrase = args.passphrase.read()?;
    let Generated { key, policy_alone } = generate(&args.home, origin, passphrase.as_ref())?;
    if policy_alone {
        println!(
            "{} is a publisher's home already. Its policy was missing and is written anew; keys and store are as they were.",
            args.home.display()
        );
        return Ok(());
    }
    let keys = args.home.join("keys");
    println!("The publisher's home is {}.", args.home.display());
    println!("  {}  signs the log; whoever has it can publish in your name", keys.join("log.key").display());
    println!("  {}  tells noise from people; keep it with the store", keys.join("store.key").display());
    println!("  {}  evaluation keys, one for each dataset, will be here", keys.join("oprf").display());
    println!("Copy keys and store.sqlite to a safe place together; neither is worth anything without the other.");
    println!("Make the log's public key known where nobody can exchange it, in print for instance:");
    println!("  {key}");
    println!(
        "Whoever checks a list saves it as a policy, for `ceknik check --policy FILE`; these two lines are one, and stand in {}:",
        args.home.join("public/policy").display()
    );
    print!("{}", policy_lines(&key));
    Ok(())
}

/// A log's name is an address without a scheme and without a slash at its end (C2SP tlog-checkpoint, "origin line"). Everybody
/// knows the log by it for good, so that a mistake is told before there is a key of that name.
fn check_origin(origin: &str) -> Result<(), Failure> {
    let name = origin.split_once("://").map_or(origin, |(_, name)| name).trim_end_matches('/');
    if name == origin {
        return Ok(());
    }
    let instead = match name {
        "" => "a host name that is yours, and a path, such as ceknik.example.org/log",
        name => name,
    };
    Err(Failure::new(format!(
        "--origin: a log's name is no address, and has neither a scheme nor a slash at its end: give {instead}"
    )))
}

/// The policy that trusts this log, set in.
fn policy_lines(key: &VerifierKey) -> String {
    let policy = Policy::for_log(key.clone()).to_bytes();
    String::from_utf8_lossy(&policy).lines().map(|line| format!("  {line}\n")).collect()
}

impl NewPassphraseArgs {
    /// The passphrase, if there is to be one.
    pub(crate) fn read(&self) -> Result<Option<Passphrase>, Failure> {
        if let Some(file) = &self.passphrase_file {
            return Ok(Some(Passphrase::from(prompt::passphrase(Some(file), "")?.as_str())));
        }
        if !self.encrypt {
            return Ok(None);
        }
        if !io::stdin().is_terminal() {
            return Err(Failure::new(
                "--encrypt asks for the passphrase at a terminal: give --passphrase-file FILE in its place",
            ));
        }
        Ok(Some(Passphrase::from(prompt::new_passphrase()?.as_str())))
    }
}

/// A home that was made.
pub(crate) struct Generated {
    /// The log's key.
    pub(crate) key: VerifierKey,
    /// There was everything but the policy, which is all that was made.
    policy_alone: bool,
}

/// Makes keys, store and policy. What an interrupted run has made already is kept.
pub(crate) fn generate(directory: &Path, origin: &str, passphrase: Option<&Passphrase>) -> Result<Generated, Failure> {
    // A name that cannot be used is told before anything is made.
    LogSigner::generate(origin, &mut OsRng).map_err(KeyError::from)?;
    let home = Home::create(directory)?;
    let _lock = home.lock("the making of keys")?;
    let keys = KeyDir::of_home(directory);
    if home.store().exists() {
        let log_key = keys.log_public_key()?;
        if log_key.name() != origin || fs::metadata(home.policy()).is_ok_and(|policy| policy.len() > 0) {
            return Err(Failure::new(format!(
                "{} is a publisher's home already and is left as it is: choose another with --home, or go on in this one with \
                 `ceknik dataset create`",
                directory.display()
            )));
        }
        home.write_policy(&Policy::for_log(log_key.clone()).to_bytes())?;
        return Ok(Generated { key: log_key, policy_alone: true });
    }
    let log_key = match keys.log_key(passphrase) {
        Err(KeyError::Missing { .. }) => keys.create_log_key(origin, &mut OsRng, passphrase)?,
        existing => existing?,
    };
    if log_key.origin() != origin {
        return Err(Failure::new(format!("the log's key is there already, with the name {}", log_key.origin())));
    }
    let store_key = match keys.store_key(passphrase) {
        Err(KeyError::Missing { .. }) => keys.create_store_key(&mut OsRng, passphrase)?,
        existing => existing?,
    };
    home.write_policy(&Policy::for_log(log_key.verifier_key()).to_bytes())?;
    home.create_store(&store_key)?;
    Ok(Generated { key: log_key.verifier_key(), policy_alone: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_cannot_be_used_makes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        assert!(generate(&home, "my log", None).is_err());
        assert!(!home.exists());
        generate(&home, "ceknik.example.org/log", None).unwrap();
    }
}
