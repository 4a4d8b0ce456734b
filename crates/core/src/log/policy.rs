//! Trust policies: which logs, which witnesses, and how many of them (C2SP tlog-policy).

use std::fmt;

use super::MAX_POLICY_BYTES;
use super::vkey::{KeyType, VerifierKey, VkeyError};
use crate::encoding::{decimal, escaped};

#[cfg(test)]
mod tests;

/// A trust policy, as parsed by [`Policy::parse`].
///
/// A checkpoint satisfies it when one of its logs signed it under its own origin and the witnesses that cosigned it
/// meet the quorum. Only Ed25519 keys are verified: a log with another kind of key never passes, and a witness with
/// another kind of cosignature key (ML-DSA-44, or a type not yet assigned) is accepted in the policy and never
/// counts as having cosigned, so that it can only make a quorum harder to meet. A witness key whose type is assigned
/// to something other than cosignatures (0x01, 0x02, 0x05) is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    /// `None` is the quorum `none`.
    quorum: Option<Member>,
}

/// A log of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyLog {
    key: VerifierKey,
    url: Option<Vec<u8>>,
}

/// A witness of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyWitness {
    name: Vec<u8>,
    key: VerifierKey,
    url: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    name: Vec<u8>,
    /// From 1 to the number of members.
    threshold: usize,
    members: Vec<Member>,
}

/// A witness or an earlier group, by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Member {
    Witness(usize),
    Group(usize),
}

impl PolicyLog {
    /// The log's key; its name is the origin.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Where the log can be reached, if the policy says so. Octets: the format does not promise UTF-8.
    pub fn url(&self) -> Option<&[u8]> {
        self.url.as_deref()
    }
}

impl PolicyWitness {
    /// The name within the policy; it need not be the name of the key. Octets: the format does not promise UTF-8.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The witness's key.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Where checkpoints are submitted to the witness, if the policy says so.
    pub fn url(&self) -> Option<&[u8]> {
        self.url.as_deref()
    }
}

/// Why a text is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Longer than [`MAX_POLICY_BYTES`].
    #[error("the policy has {bytes} bytes, more than the {MAX_POLICY_BYTES} that are read")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Something wrong in a line.
    #[error("policy line {line}: {fault}")]
    Line {
        /// The line, from 1. For a fault of the whole text, its last line.
        line: usize,
        /// What is wrong there.
        fault: PolicyFault,
    },
}

/// What is wrong in a line of a policy. Names are shown as octets, escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// A control character other than tab and newline.
    #[error("octet {0:#04x} is not allowed (lines end with a newline alone, and only tabs and spaces separate)")]
    Octet(u8),
    /// The text stops within a line.
    #[error("the line does not end with a newline")]
    NoNewline,
    /// Not a line of this format.
    #[error("unknown keyword \"{0}\": a line begins with log, witness, group, quorum or #")]
    Keyword(String),
    /// A log's key alone, as `keygen` prints it and as publishers make it known.
    #[error(
        "this is a key, which becomes a policy with \"log\" before it: write the line \"log {0}\" and below it the line \
         \"quorum none\""
    )]
    KeyAlone(String),
    /// Too few or too many items.
    #[error("expected: {0}")]
    Items(&'static str),
    /// A key that is none.
    #[error(transparent)]
    Key(#[from] VkeyError),
    /// A witness key of a type that makes no cosignatures.
    #[error("a key of type {0:#04x} makes no cosignatures; a witness has one of type 0x04 or 0x06")]
    NotACosigner(u8),
    /// A public key listed twice among the logs or among the witnesses.
    #[error("this public key stands in line {0} already")]
    DuplicateKey(usize),
    /// A key that could not be told from another by name and ID.
    #[error("name and ID of this key are those of the key in line {0}")]
    AmbiguousKey(usize),
    /// A name given twice; witnesses and groups share their names.
    #[error("the name \"{name}\" was given in line {line} already")]
    DuplicateName {
        /// The name.
        name: String,
        /// Where it was given first.
        line: usize,
    },
    /// `none` as the name of a witness, a group or a member.
    #[error("the name \"none\" has a meaning of its own, in the quorum line alone")]
    NameNone,
    /// A name that no line above defines.
    #[error("\"{0}\" is not defined in a line above")]
    Undefined(String),
    /// A name that is a member already, of this group or another: each can contribute in one way only.
    #[error("\"{0}\" is a member of a group already")]
    MemberTwice(String),
    /// A threshold that is neither `all`, `any` nor a number from 1 to the number of members.
    #[error("the threshold \"{got}\" is neither all, any nor a number from 1 to {members}")]
    Threshold {
        /// As it stands there.
        got: String,
        /// How many members the group has.
        members: usize,
    },
    /// A second quorum line.
    #[error("the quorum stands in line {0} already")]
    SecondQuorum(usize),
    /// No quorum line at all.
    #[error("no quorum line; \"quorum none\" asks for no witness")]
    NoQuorum,
}

/// By how much a checkpoint misses the quorum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumShortfall {
    /// The name in the quorum line, escaped.
    pub rule: String,
    /// How many of its members cosigned. A single witness has itself as its one member.
    pub have: usize,
    /// How many must.
    pub need: usize,
    /// How many members it has.
    pub members: usize,
    /// How many of the policy's witnesses cosigned.
    pub cosigned: usize,
    /// How many witnesses the policy has.
    pub witnesses: usize,
}

impl fmt::Display for QuorumShortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, have, need, members, cosigned, witnesses } = self;
        write!(
            f,
            "\"{rule}\" needs {need} of its {members} and has {have} ({cosigned} of the policy's {witnesses} witnesses cosigned)"
        )
    }
}

impl Policy {
    /// Parses a policy, strictly: every line, name and key must be as tlog-policy says, and nothing else may be there.
    ///
    /// # Errors
    /// [`PolicyError`], with the number of the line.
    pub fn parse(text: &[u8]) -> Result<Self, PolicyError> {
        if text.len() > MAX_POLICY_BYTES {
            return Err(PolicyError::TooLarge { bytes: text.len() });
        }
        let mut parser = Parser::default();
        for (at, line) in text.split_inclusive(|&b| b == b'\n').enumerate() {
            parser.line = at + 1;
            parser.read_line(line).map_err(|fault| PolicyError::Line { line: parser.line, fault })?;
        }
        parser.finish()
    }

    /// The policy that trusts one log and asks for no witness.
    pub fn for_log(key: VerifierKey) -> Self {
        Self { logs: vec![PolicyLog { key, url: None }], witnesses: Vec::new(), groups: Vec::new(), quorum: None }
    }

    /// The same logs, with no witness asked for.
    #[must_use]
    pub fn without_witnesses(&self) -> Self {
        Self { logs: self.logs.clone(), witnesses: Vec::new(), groups: Vec::new(), quorum: None }
    }

    /// The logs, in the order of the text.
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
    }

    /// The witnesses, in the order of the text.
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// Whether the quorum asks for witnesses at all.
    pub fn needs_witnesses(&self) -> bool {
        self.quorum.is_some()
    }

    /// Writes the policy: logs, witnesses, groups, quorum, a line each, without comments. Parsing it gives an equal one.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for log in &self.logs {
            push_line(&mut out, &[b"log", log.key.to_string().as_bytes(), log.url().unwrap_or_default()]);
        }
        for witness in &self.witnesses {
            let key = witness.key.to_string();
            push_line(&mut out, &[b"witness", &witness.name, key.as_bytes(), witness.url().unwrap_or_default()]);
        }
        for group in &self.groups {
            let threshold = group.threshold.to_string();
            let mut items = vec![&b"group"[..], &group.name, threshold.as_bytes()];
            items.extend(group.members.iter().map(|&member| self.name_of(member)));
            push_line(&mut out, &items);
        }
        push_line(&mut out, &[b"quorum", self.quorum.map_or(b"none", |member| self.name_of(member))]);
        out
    }

    fn name_of(&self, member: Member) -> &[u8] {
        match member {
            Member::Witness(at) => &self.witnesses[at].name,
            Member::Group(at) => &self.groups[at].name,
        }
    }

    /// Whether the quorum is met when exactly those witnesses cosigned whose entry is true. `cosigned` has an entry
    /// for each of [`Policy::witnesses`].
    pub(super) fn check_quorum(&self, cosigned: &[bool]) -> Result<(), QuorumShortfall> {
        let Some(rule) = self.quorum else {
            return Ok(());
        };
        // Groups name only what stands above them, so one pass in order settles all of them.
        let mut groups: Vec<(usize, bool)> = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let witnessed = |member: &&Member| match **member {
                Member::Witness(at) => cosigned[at],
                Member::Group(at) => groups[at].1,
            };
            let have = group.members.iter().filter(witnessed).count();
            groups.push((have, have >= group.threshold));
        }
        let (have, need, members) = match rule {
            Member::Witness(at) => (usize::from(cosigned[at]), 1, 1),
            Member::Group(at) => (groups[at].0, self.groups[at].threshold, self.groups[at].members.len()),
        };
        if have >= need {
            return Ok(());
        }
        Err(QuorumShortfall {
            rule: shown(self.name_of(rule)),
            have,
            need,
            members,
            cosigned: cosigned.iter().filter(|&&c| c).count(),
            witnesses: self.witnesses.len(),
        })
    }
}

#[derive(Default)]
struct Parser {
    line: usize,
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    quorum: Option<(usize, Option<Member>)>,
    names: Lines,
    /// What each of `names` stands for, and whether it is a member of a group.
    defined: Vec<(Member, bool)>,
    log_keys: Lines,
    witness_keys: Lines,
    key_ids: Lines,
}

/// Things that may stand once, and in which lines they do.
#[derive(Default)]
struct Lines {
    /// As they came.
    told: Vec<(Vec<u8>, usize)>,
    /// Their places, in ascending order of what stands there: a hostile policy takes no quadratic time.
    order: Vec<usize>,
}

impl Lines {
    fn search(&self, wanted: &[u8]) -> Result<usize, usize> {
        self.order.binary_search_by(|&place| self.told[place].0[..].cmp(wanted))
    }

    /// The place of a thing.
    fn find(&self, wanted: &[u8]) -> Option<usize> {
        self.search(wanted).ok().map(|at| self.order[at])
    }

    /// Notes a thing; the error is the line where it stands already.
    fn note(&mut self, thing: Vec<u8>, line: usize) -> Result<(), usize> {
        match self.search(&thing) {
            Ok(at) => Err(self.told[self.order[at]].1),
            Err(at) => {
                self.order.insert(at, self.told.len());
                self.told.push((thing, line));
                Ok(())
            }
        }
    }
}

impl Parser {
    fn read_line(&mut self, line: &[u8]) -> Result<(), PolicyFault> {
        let forbidden = |b: &u8| matches!(b, 0x00..=0x08 | 0x0b..=0x1f | 0x7f);
        if let Some(&octet) = line.iter().find(|b| forbidden(b)) {
            return Err(PolicyFault::Octet(octet));
        }
        // Before the newline is missed: a key that was saved from a message may well have none. A witness's is no log's.
        if let Ok(key) = VerifierKey::parse(line.trim_ascii())
            && key.key_type() == KeyType::Ed25519
        {
            return Err(PolicyFault::KeyAlone(key.to_string()));
        }
        let Some(line) = line.strip_suffix(b"\n") else {
            return Err(PolicyFault::NoNewline);
        };
        let mut items = Vec::new();
        for item in line.split(|b| matches!(b, b' ' | b'\t')) {
            if !item.is_empty() {
                items.push(item);
            }
        }
        let Some((&keyword, items)) = items.split_first() else {
            return Ok(());
        };
        if keyword.starts_with(b"#") {
            return Ok(());
        }
        match keyword {
            b"log" => self.read_log(items),
            b"witness" => self.read_witness(items),
            b"group" => self.read_group(items),
            b"quorum" => self.read_quorum(items),
            other => Err(PolicyFault::Keyword(shown(other))),
        }
    }

    fn read_log(&mut self, items: &[&[u8]]) -> Result<(), PolicyFault> {
        let (key, url) = match *items {
            [key] => (key, None),
            [key, url] => (key, Some(url.to_vec())),
            _ => return Err(PolicyFault::Items("log KEY [URL]")),
        };
        let key = VerifierKey::parse(key)?;
        note_key(&mut self.log_keys, &mut self.key_ids, &key, self.line)?;
        self.logs.push(PolicyLog { key, url });
        Ok(())
    }

    fn read_witness(&mut self, items: &[&[u8]]) -> Result<(), PolicyFault> {
        let (name, key, url) = match *items {
            [name, key] => (name, key, None),
            [name, key, url] => (name, key, Some(url.to_vec())),
            _ => return Err(PolicyFault::Items("witness NAME KEY [URL]")),
        };
        let key = VerifierKey::parse(key)?;
        if let KeyType::Ed25519 | KeyType::Other(0x02 | 0x05) = key.key_type() {
            return Err(PolicyFault::NotACosigner(key.key_type().byte()));
        }
        self.define(name, Member::Witness(self.witnesses.len()))?;
        note_key(&mut self.witness_keys, &mut self.key_ids, &key, self.line)?;
        self.witnesses.push(PolicyWitness { name: name.to_vec(), key, url });
        Ok(())
    }

    fn read_group(&mut self, items: &[&[u8]]) -> Result<(), PolicyFault> {
        let [name, threshold, members @ ..] = items else {
            return Err(PolicyFault::Items("group NAME THRESHOLD MEMBER..."));
        };
        if members.is_empty() {
            return Err(PolicyFault::Items("group NAME THRESHOLD MEMBER..."));
        }
        let bad_threshold = || PolicyFault::Threshold { got: shown(threshold), members: members.len() };
        let threshold = match *threshold {
            b"all" => members.len(),
            b"any" => 1,
            digits => decimal(digits).and_then(|n| usize::try_from(n).ok()).ok_or_else(bad_threshold)?,
        };
        if !(1..=members.len()).contains(&threshold) {
            return Err(bad_threshold());
        }
        let mut resolved = Vec::with_capacity(members.len());
        for member in members {
            let place = self.resolve(member)?;
            let (defined, taken) = &mut self.defined[place];
            if core::mem::replace(taken, true) {
                return Err(PolicyFault::MemberTwice(shown(member)));
            }
            resolved.push(*defined);
        }
        self.define(name, Member::Group(self.groups.len()))?;
        self.groups.push(Group { name: name.to_vec(), threshold, members: resolved });
        Ok(())
    }

    fn read_quorum(&mut self, items: &[&[u8]]) -> Result<(), PolicyFault> {
        let [name] = *items else {
            return Err(PolicyFault::Items("quorum NAME"));
        };
        if let Some((line, _)) = self.quorum {
            return Err(PolicyFault::SecondQuorum(line));
        }
        let rule = if name == b"none" { None } else { Some(self.defined[self.resolve(name)?].0) };
        self.quorum = Some((self.line, rule));
        Ok(())
    }

    /// The place of a name.
    fn resolve(&self, name: &[u8]) -> Result<usize, PolicyFault> {
        if name == b"none" {
            return Err(PolicyFault::NameNone);
        }
        self.names.find(name).ok_or_else(|| PolicyFault::Undefined(shown(name)))
    }

    fn define(&mut self, name: &[u8], member: Member) -> Result<(), PolicyFault> {
        if name == b"none" {
            return Err(PolicyFault::NameNone);
        }
        let noted = self.names.note(name.to_vec(), self.line);
        noted.map_err(|line| PolicyFault::DuplicateName { name: shown(name), line })?;
        self.defined.push((member, false));
        Ok(())
    }

    fn finish(self) -> Result<Policy, PolicyError> {
        let Some((_, quorum)) = self.quorum else {
            return Err(PolicyError::Line { line: self.line.max(1), fault: PolicyFault::NoQuorum });
        };
        Ok(Policy { logs: self.logs, witnesses: self.witnesses, groups: self.groups, quorum })
    }
}

fn note_key(public_keys: &mut Lines, ids: &mut Lines, key: &VerifierKey, line: usize) -> Result<(), PolicyFault> {
    public_keys.note(key.public_key().to_vec(), line).map_err(PolicyFault::DuplicateKey)?;
    ids.note([&key.id().to_be_bytes(), key.name().as_bytes()].concat(), line).map_err(PolicyFault::AmbiguousKey)
}

/// Writes a line; an item that is empty is none.
fn push_line(out: &mut Vec<u8>, items: &[&[u8]]) {
    for (at, item) in items.iter().filter(|item| !item.is_empty()).enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(item);
    }
    out.push(b'\n');
}

/// A name for people: escaped, and cut where it would flood a terminal.
fn shown(name: &[u8]) -> String {
    const LONGEST: usize = 64;
    let mut text = escaped(&name[..name.len().min(LONGEST)]);
    if name.len() > LONGEST {
        text.push_str("...");
    }
    text
}
