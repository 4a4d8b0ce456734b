use proptest::prelude::*;

use super::*;
use crate::log::fixture::{cosigner, policy, signer};

const SIGSUM: &[u8] = include_bytes!("../../../../../tests/vectors/sigsum-2025-12/policy");

fn log_key() -> String {
    signer().verifier_key().to_string()
}

fn key(number: u8) -> String {
    cosigner(number).verifier_key().to_string()
}

/// Keys with type bytes that no test key has: `name+id+base64(type || key)`.
fn odd_key(name: &str, key_type: u8, key: &[u8]) -> String {
    use base64::Engine;
    let typed = [&[key_type], key].concat();
    let encoded = base64::engine::general_purpose::STANDARD.encode(&typed);
    format!("{name}+{:08x}+{encoded}", crate::log::note::key_id(name, &typed))
}

fn fault(text: &str) -> (usize, PolicyFault) {
    match Policy::parse(text.as_bytes()) {
        Err(PolicyError::Line { line, fault }) => (line, fault),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_published_policy_parses() {
    let policy = Policy::parse(SIGSUM).unwrap();
    assert_eq!(policy.logs().len(), 2);
    assert_eq!(policy.witnesses().len(), 8);
    assert_eq!(policy.witnesses()[4].name(), b"remora.n621.de");
    assert!(policy.needs_witnesses());
    // Groups write their thresholds as numbers here too; apart from the comment the text comes back as it was.
    let start = SIGSUM.iter().position(|&b| b == b'\n').unwrap() + 1;
    assert_eq!(policy.to_bytes(), &SIGSUM[start..]);
}

#[test]
fn space_comments_and_order_are_free() {
    let text = format!(
        "# comment\n \t\n\t# another, log nonsense\n  witness\tX1 {} https://w.example/\u{e9} \n\
         group  G \t any X1\nquorum G\nlog {}  https://log.example/\n",
        key(1),
        log_key()
    );
    let policy = Policy::parse(text.as_bytes()).unwrap();
    assert_eq!(policy.witnesses()[0].url(), Some("https://w.example/\u{e9}".as_bytes()));
    assert_eq!(policy.logs()[0].url(), Some(&b"https://log.example/"[..]));
    assert_eq!(policy.logs()[0].key(), &signer().verifier_key());
    assert_eq!(Policy::parse(&policy.to_bytes()), Ok(policy));
}

#[test]
fn logs_and_witnesses_may_be_absent() {
    let policy = Policy::parse(b"quorum none\n").unwrap();
    assert!(policy.logs().is_empty() && policy.witnesses().is_empty() && !policy.needs_witnesses());
    assert_eq!(policy.check_quorum(&[]), Ok(()));
    let text = format!("log {}\nquorum none\n", log_key());
    assert_eq!(Policy::for_log(signer().verifier_key()).to_bytes(), text.into_bytes());
}

#[test]
fn names_are_octets() {
    // ASCII K and the Kelvin sign; then a name that is not UTF-8.
    let text = [
        format!("witness K {}\nwitness \u{212a} {}\nwitness ", key(1), key(2)).as_bytes(),
        b"\xff ",
        format!("{}\ngroup all all K ", key(3)).as_bytes(),
        b"\xff\nquorum all\n",
    ]
    .concat();
    let policy = Policy::parse(&text).unwrap();
    assert_eq!(policy.witnesses()[2].name(), b"\xff");
    assert_eq!(policy.check_quorum(&[true, false, true]), Ok(()));
    let shortfall = policy.check_quorum(&[true, true, false]).unwrap_err();
    assert_eq!(shortfall.to_string(), "\"all\" needs 2 of its 2 and has 1 (2 of the policy's 3 witnesses cosigned)");
    assert_eq!(Policy::parse(&policy.to_bytes()), Ok(policy));
}

#[test]
fn each_flaw_is_named_with_its_line() {
    let (log, a, b) = (log_key(), key(1), key(2));
    let cases: Vec<(String, usize, PolicyFault)> = vec![
        (String::new(), 1, PolicyFault::NoQuorum),
        (format!("log {log}\n\n"), 2, PolicyFault::NoQuorum),
        ("quorum none".into(), 1, PolicyFault::NoNewline),
        ("# c\r\nquorum none\n".into(), 1, PolicyFault::Octet(b'\r')),
        ("quorum none\n# \u{7f}\n".into(), 2, PolicyFault::Octet(0x7f)),
        ("quorum\u{0}none\n".into(), 1, PolicyFault::Octet(0)),
        ("quorum none\nquorum none\n".into(), 2, PolicyFault::SecondQuorum(1)),
        ("quorum X\n".into(), 1, PolicyFault::Undefined("X".into())),
        (format!("quorum X\nwitness X {a}\n"), 1, PolicyFault::Undefined("X".into())),
        ("quorum\n".into(), 1, PolicyFault::Items("quorum NAME")),
        ("quorum none none\n".into(), 1, PolicyFault::Items("quorum NAME")),
        ("quorum none # all\n".into(), 1, PolicyFault::Items("quorum NAME")),
        ("Log x\n".into(), 1, PolicyFault::Keyword("Log".into())),
        ("\u{a0}log x\n".into(), 1, PolicyFault::Keyword("\\xc2\\xa0log".into())),
        (format!("{log}\n"), 1, PolicyFault::KeyAlone(log.clone())),
        (format!("# ours\n {log}"), 2, PolicyFault::KeyAlone(log.clone())),
        (format!("{log}\nquorum none\n"), 1, PolicyFault::KeyAlone(log.clone())),
        (format!("{a}\nquorum none\n"), 1, PolicyFault::Keyword(shown(a.as_bytes()))),
        (log.replace('+', "-"), 1, PolicyFault::NoNewline),
        (format!("{log} {log}\n"), 1, PolicyFault::Keyword(shown(log.as_bytes()))),
        ("log\n".into(), 1, PolicyFault::Items("log KEY [URL]")),
        (format!("log {log} u v\n"), 1, PolicyFault::Items("log KEY [URL]")),
        (format!("witness {a}\n"), 1, PolicyFault::Items("witness NAME KEY [URL]")),
        ("log x\n".into(), 1, PolicyFault::Key(VkeyError::Form)),
        (format!("log {log}\nlog {log}\n"), 2, PolicyFault::DuplicateKey(1)),
        (format!("\nwitness X {a}\nwitness Y {a}\n"), 3, PolicyFault::DuplicateKey(2)),
        (format!("witness X {a}\nwitness X {b}\n"), 2, PolicyFault::DuplicateName { name: "X".into(), line: 1 }),
        (format!("witness X {a}\ngroup X any X\n"), 2, PolicyFault::DuplicateName { name: "X".into(), line: 1 }),
        (format!("witness none {a}\n"), 1, PolicyFault::NameNone),
        (format!("witness X {a}\ngroup none any X\n"), 2, PolicyFault::NameNone),
        (format!("witness X {a}\ngroup G any X none\n"), 2, PolicyFault::NameNone),
        (format!("witness X {log}\n"), 1, PolicyFault::NotACosigner(1)),
        (format!("witness X {}\n", odd_key("x.example", 2, &[1; 40])), 1, PolicyFault::NotACosigner(2)),
        (format!("witness X {}\n", odd_key("x.example", 5, &[1; 40])), 1, PolicyFault::NotACosigner(5)),
        ("group G any\n".into(), 1, PolicyFault::Items("group NAME THRESHOLD MEMBER...")),
        ("group G\n".into(), 1, PolicyFault::Items("group NAME THRESHOLD MEMBER...")),
        ("group G any X\n".into(), 1, PolicyFault::Undefined("X".into())),
        (format!("witness X {a}\ngroup G any G\n"), 2, PolicyFault::Undefined("G".into())),
        (format!("witness X {a}\ngroup G any H\ngroup H any X\n"), 2, PolicyFault::Undefined("H".into())),
        (format!("witness X {a}\ngroup G all X X\n"), 2, PolicyFault::MemberTwice("X".into())),
        (
            format!("witness X {a}\nwitness Y {b}\ngroup G any X\ngroup H all X Y\n"),
            4,
            PolicyFault::MemberTwice("X".into()),
        ),
        (
            format!("witness X {a}\ngroup G any X\ngroup H all G\ngroup I all G\n"),
            4,
            PolicyFault::MemberTwice("G".into()),
        ),
    ];
    for (text, line, expected) in cases {
        assert_eq!(fault(&text), (line, expected), "{text}");
    }
    for threshold in ["0", "2", "01", "+1", "-1", "1.0", "ALL", "99999999999999999999999"] {
        let text = format!("witness X {a}\ngroup G {threshold} X\n");
        let expected = PolicyFault::Threshold { got: threshold.into(), members: 1 };
        assert_eq!(fault(&text), (2, expected));
    }
}

#[test]
fn the_same_key_under_another_name_is_a_duplicate() {
    let same = odd_key("elsewhere.example", 4, cosigner(1).verifier_key().public_key());
    assert_eq!(fault(&format!("witness X {}\nwitness Y {same}\n", key(1))), (2, PolicyFault::DuplicateKey(1)));
    // A type not assigned yet may wrap the same key.
    let same = odd_key("w1.example", 7, cosigner(1).verifier_key().public_key());
    assert_eq!(fault(&format!("witness X {}\nwitness Y {same}\n", key(1))), (2, PolicyFault::DuplicateKey(1)));
}

#[test]
fn two_keys_that_signature_lines_cannot_tell_apart_are_refused() {
    let text = "witness X w.example+00000001+dwAB\nwitness Y w.example+00000001+dwAC\n";
    assert_eq!(fault(text), (2, PolicyFault::AmbiguousKey(1)));
}

#[test]
fn messages_say_what_and_where() {
    let show = |text: &str| Policy::parse(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(show("quorum X\n"), "policy line 1: \"X\" is not defined in a line above");
    assert_eq!(show(""), "policy line 1: no quorum line; \"quorum none\" asks for no witness");
    let text = format!("witness X {}\ngroup G 3 X\n", key(1));
    assert_eq!(show(&text), "policy line 2: the threshold \"3\" is neither all, any nor a number from 1 to 1");
    let long = "x".repeat(MAX_POLICY_BYTES + 1);
    assert_eq!(show(&long), "the policy has 262145 bytes, more than the 262144 that are read");
}

#[test]
fn limits_leave_room_for_what_the_specification_recommends() {
    let ml_dsa = |name: String, fill: u8| odd_key(&name, 6, &[fill; 1312]);
    let mut text = String::new();
    for i in 0..64 {
        text.push_str(&format!("log {}\n", ml_dsa(format!("log{i}.example"), i)));
        text.push_str(&format!("witness w{i} {}\n", ml_dsa(format!("w{i}.example"), 64 + i)));
        text.push_str(&format!("group g{i} any w{i}\n"));
    }
    text.push_str("quorum g63\n");
    assert_eq!(Policy::parse(text.as_bytes()).unwrap().logs().len(), 64);
}

/// Whether the quorum is met, for each subset of the witnesses: bit i of the position is witness i + 1.
fn table(witnesses: u8, rest: &str) -> Vec<bool> {
    let policy = policy(witnesses, rest);
    let subset = |bits: u32| (0..witnesses).map(|i| bits >> i & 1 == 1).collect::<Vec<_>>();
    (0..1u32 << witnesses).map(|bits| policy.check_quorum(&subset(bits)).is_ok()).collect()
}

#[test]
fn quorum_tables() {
    let counting = |witnesses: u8, rest: &str, met: &dyn Fn(u32) -> bool| {
        for (bits, got) in (0u32..).zip(table(witnesses, rest)) {
            assert_eq!(got, met(bits), "{rest} with {bits:b}");
        }
    };
    counting(2, "quorum none\n", &|_| true);
    counting(2, "quorum w2\n", &|bits| bits & 2 != 0);
    counting(3, "group g all w1 w2 w3\nquorum g\n", &|bits| bits == 7);
    counting(3, "group g any w1 w2 w3\nquorum g\n", &|bits| bits != 0);
    counting(3, "group g 2 w1 w2 w3\nquorum g\n", &|bits| bits.count_ones() >= 2);
    // The example of the specification, with its two organisations.
    counting(
        6,
        "group X-witnesses 2 w1 w2 w3\ngroup Y-witnesses any w4 w5 w6\ngroup X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n",
        &|bits| (bits & 0b111).count_ones() >= 2 && bits & 0b11_1000 != 0,
    );
    // A group that the quorum does not reach, a witness in none, three levels.
    counting(5, "group idle all w5\ngroup g any w1 w2\ngroup h all g w3\ngroup i any h\nquorum i\n", &|bits| {
        bits & 0b11 != 0 && bits & 0b100 != 0
    });
}

#[test]
fn a_shortfall_counts() {
    let policy = policy(3, "group g 2 w1 w2\ngroup h all g w3\nquorum h\n");
    let shortfall = policy.check_quorum(&[true, false, true]).unwrap_err();
    assert_eq!(
        shortfall,
        QuorumShortfall { rule: "h".into(), have: 1, need: 2, members: 2, cosigned: 2, witnesses: 3 }
    );
}

/// Texts that are nearly policies.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "log".to_owned(),
        "witness".into(),
        "group".into(),
        "quorum".into(),
        "none".into(),
        "any".into(),
        "all".into(),
        "1".into(),
        "2".into(),
        "#".into(),
        "X".into(),
        "Y".into(),
        "Z".into(),
        key(1),
        key(2),
        key(3),
        log_key(),
        "\u{e9}".into(),
        "\r".into(),
    ]);
    let line = prop::collection::vec(word, 0..6).prop_map(|words| words.join(" "));
    prop::collection::vec(line, 0..8).prop_map(|lines| (lines.join("\n") + "\n").into_bytes())
}

proptest! {
    #[test]
    fn what_parses_round_trips(text in nearly()) {
        if let Ok(policy) = Policy::parse(&text) {
            prop_assert_eq!(Policy::parse(&policy.to_bytes()), Ok(policy));
        }
    }

    #[test]
    fn bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Policy::parse(&text);
    }

    /// One more cosignature never makes a met quorum unmet.
    #[test]
    fn quorums_are_monotone(bits in 0u32..64, extra in 0u8..6, k in 1usize..=3, l in 1usize..=4) {
        let policy = policy(6, &format!("group g {k} w1 w2 w3\ngroup h {l} g w4 w5 w6\nquorum h\n"));
        let subset = |bits: u32| (0..6).map(|i| bits >> i & 1 == 1).collect::<Vec<_>>();
        if policy.check_quorum(&subset(bits)).is_ok() {
            prop_assert!(policy.check_quorum(&subset(bits | 1 << extra)).is_ok());
        }
    }
}
