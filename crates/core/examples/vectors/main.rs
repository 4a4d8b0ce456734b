//! Writes `tests/vectors/*.json`, or says which of them are out of date.
//!
//! ```text
//! cargo run -p ceknik-core --example vectors -- --write
//! ```
//!
//! Everything comes from fixed inputs, so that two runs give the same bytes. Failure vectors are made by breaking what was
//! just made, in one place each. `nik.json` is not made here: what is to become of every input was written by hand, before
//! there was code that could be asked; and RFC 9497's vectors are the RFC's. That core passes them is the matter of `crates/core/tests/vectors.rs`, that a stranger's
//! code does of `tests/vectors/check`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;

use json::{Json, object};

mod bucket;
mod conventions;
mod cover;
mod districts;
mod evaluation;
mod evidence;
mod filter;
mod fixed;
mod json;
mod log;
mod manifest;
mod phrase;
mod promise;
mod record;
mod signature;
mod stretch;
mod tree;
mod walk;

use fixed::Made;

/// File name, what it holds, section of the specification, what each member means, content.
struct Vectors {
    file: &'static str,
    about: &'static str,
    spec: &'static str,
    /// All that occur in `body`, but those that [`CONVENTIONS`] explains and the paths in `walk.json`.
    members: &'static [(&'static str, &'static str)],
    body: Json,
}

const CONVENTIONS: &str = "Bytes are lower-case hex, or base64url without padding where the field's name ends in _base64url. \
     Texts are exact, line ends included. `what` says what a case is about. `error` is the name that docs/spec.md gives the \
     refusal; where it is null or missing, nothing is refused. `members` explains all other members.";

impl Vectors {
    fn to_bytes(&self) -> Made<Vec<u8>> {
        let members = self.members.iter().map(|(name, meaning)| ((*name).to_owned(), Json::from(*meaning)));
        let document = object! {
            "about": self.about,
            "spec": self.spec,
            "made_by": "cargo run -p ceknik-core --example vectors -- --write",
            "conventions": CONVENTIONS,
            "members": Json::Object(members.collect()),
        }
        .with(self.body.clone());
        let mut bytes = Vec::new();
        let pretty = serde_json::ser::PrettyFormatter::with_indent(b" ");
        document.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, pretty))?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")
}

fn all() -> Made<Vec<Vectors>> {
    Ok(vec![
        conventions::vectors(),
        districts::vectors()?,
        tree::vectors()?,
        stretch::vectors()?,
        filter::vectors()?,
        promise::vectors()?,
        evaluation::vectors()?,
        record::vectors()?,
        bucket::vectors()?,
        manifest::vectors()?,
        log::policy()?,
        log::checkpoint()?,
        log::proof()?,
        log::consistency()?,
        phrase::vectors()?,
        cover::vectors()?,
        walk::vectors()?,
        evidence::vectors()?,
    ])
}

/// The files whose committed bytes are others. Writes them when told to.
fn outdated(write: bool) -> Made<Vec<&'static str>> {
    let mut outdated = Vec::new();
    for vectors in all()? {
        let (path, bytes) = (directory().join(vectors.file), vectors.to_bytes()?);
        if std::fs::read(&path).ok().as_ref() != Some(&bytes) {
            if write {
                std::fs::write(&path, &bytes)?;
            }
            outdated.push(vectors.file);
        }
    }
    Ok(outdated)
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let write = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--write" => true,
        _ => return Err("usage: vectors [--write]".into()),
    };
    let outdated = outdated(write)?;
    for file in &outdated {
        println!("{} {file}", if write { "wrote" } else { "out of date:" });
    }
    Ok(if outdated.is_empty() || write { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_vectors_are_current() {
        let outdated = super::outdated(false).unwrap();
        assert!(outdated.is_empty(), "{outdated:?}: run `cargo run -p ceknik-core --example vectors -- --write`");
    }
}
