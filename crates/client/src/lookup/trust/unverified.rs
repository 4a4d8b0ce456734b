//! Why a list is not believed under a policy, told so that whoever holds another publisher's policy finds it out.

use ceknik_core::encoding::escaped;
use ceknik_core::log::{CheckpointError, Policy, ProofError};
use ceknik_core::manifest::VerifyError;

use crate::answer::NoAnswer;
use crate::reason::Reason;

/// Most characters of the name of a log that are told. Two are told of a policy's: together they stay within what a detail may
/// have.
const MOST_NAME_CHARS: usize = 64;

/// The answer where the proof of a list did not verify.
pub(super) fn unverified(policy: &Policy, error: &VerifyError) -> Box<NoAnswer> {
    match error {
        VerifyError::Proof(ProofError::Checkpoint(CheckpointError::UnknownOrigin { origin })) => {
            let detail = format!("the list is of the log {}, and the policy names {}", shown(origin), named(policy));
            NoAnswer::because(Reason::Policy, detail)
        }
        error => NoAnswer::because(reason(error), error),
    }
}

fn reason(error: &VerifyError) -> Reason {
    match error {
        VerifyError::Origin => Reason::LogProofInvalid,
        VerifyError::Proof(ProofError::Checkpoint(checkpoint)) => match checkpoint {
            CheckpointError::Quorum(_) => Reason::QuorumNotMet,
            CheckpointError::UnknownOrigin { .. }
            | CheckpointError::UnsupportedLogKey { .. }
            | CheckpointError::NoLogSignature { .. }
            | CheckpointError::BadLogSignature { .. }
            | CheckpointError::BadCosignature { .. } => Reason::Policy,
            CheckpointError::TooLarge { .. }
            | CheckpointError::MalformedNote
            | CheckpointError::MalformedText
            | CheckpointError::OriginTooLong
            | CheckpointError::SizeTooLarge { .. }
            | CheckpointError::EmptyRoot => Reason::LogProofInvalid,
        },
        VerifyError::Proof(_) => Reason::LogProofInvalid,
    }
}

/// The logs of a policy, by name: two keys of one name are one log's.
fn named(policy: &Policy) -> String {
    let mut names: Vec<&str> = Vec::new();
    for log in policy.logs() {
        let name = log.key().name();
        if let Err(at) = names.binary_search(&name) {
            names.insert(at, name);
        }
    }
    match names[..] {
        [] => "no log at all".to_owned(),
        [one] => shown(one),
        [one, two] => format!("{} and {}", shown(one), shown(two)),
        [one, two, ..] => format!("{}, {} and {} more", shown(one), shown(two), names.len() - 2),
    }
}

fn shown(name: &str) -> String {
    let escaped = escaped(name.as_bytes());
    match escaped.get(..MOST_NAME_CHARS) {
        Some(cut) if cut.len() < escaped.len() => format!("\"{cut}…\""),
        _ => format!("\"{escaped}\""),
    }
}

#[cfg(test)]
mod tests {
    use ceknik_core::log::LogSigner;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn policy(names: &[&str]) -> Policy {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let line = |name: &&str| format!("log {}\n", LogSigner::generate(name, &mut rng).unwrap().verifier_key());
        let text: String = names.iter().map(line).collect();
        Policy::parse(format!("{text}quorum none\n").as_bytes()).unwrap()
    }

    #[test]
    fn both_logs_are_named() {
        let told = |names: &[&str], origin: &str| {
            let error = CheckpointError::UnknownOrigin { origin: origin.to_owned() };
            let none = unverified(&policy(names), &VerifyError::Proof(ProofError::Checkpoint(error)));
            assert_eq!(none.reason, Reason::Policy);
            none.detail.unwrap()
        };
        let list = "the list is of the log \"a.example/log\", and the policy names ";
        assert_eq!(told(&[], "a.example/log"), format!("{list}no log at all"));
        assert_eq!(told(&["b.example"], "a.example/log"), format!("{list}\"b.example\""));
        assert_eq!(
            told(&["c.example", "b.example"], "a.example/log"),
            format!("{list}\"b.example\" and \"c.example\"")
        );
        assert_eq!(told(&["b.example", "b.example"], "a.example/log"), format!("{list}\"b.example\""));
        assert_eq!(told(&["c", "b", "e", "d"], "a.example/log"), format!("{list}\"b\", \"c\" and 2 more"));
        // However long they are, the sentence is whole.
        let long = "l".repeat(255);
        let cut = format!("\"{}…\"", &long[..64]);
        let longer = told(&[&long, &format!("{}m", &long[1..]), "z"], &long);
        assert_eq!(longer, format!("the list is of the log {cut}, and the policy names {cut}, {cut} and 1 more"));
    }
}
