use proptest::prelude::*;

use super::*;

/// What `signed_note` reads of a note.
fn theirs(note: &[u8]) -> Option<Vec<u8>> {
    Some(signed_note::Note::from_bytes(note).ok()?.text().to_vec())
}

/// A note, whole or with something in it that does not belong there.
fn notes() -> impl Strategy<Value = String> {
    let name = prop_oneof![4 => "[a-z./]{1,8}", 1 => "[a-z+ \t\u{a0}]{0,3}"];
    let whole = prop::collection::vec(any::<u8>(), 5..9).prop_map(|bytes| base64(&bytes));
    let blob = prop_oneof![4 => whole, 1 => "[A-Za-z=]{0,9}"];
    let gap = prop_oneof![6 => Just(" "), 1 => Just("  "), 1 => Just("")];
    let end = prop_oneof![8 => Just("\n"), 1 => Just("\n\n"), 1 => Just("")];
    let line = (name, gap, blob, end).prop_map(|(name, gap, blob, end)| format!("— {name}{gap}{blob}{end}"));
    let text = "([a-z]{0,3}\n){0,4}[a-z\r]{0,1}";
    let between = prop_oneof![6 => Just("\n"), 1 => Just("")];
    (text, between, prop::collection::vec(line, 0..4))
        .prop_map(|(text, between, lines)| text + between + &lines.concat())
}

proptest! {
    /// Whatever is taken here is taken by the reference's port and read as the same; what is refused beyond that is what
    /// is no name in a policy either.
    #[test]
    fn notes_are_read_as_by_another_implementation(note in notes()) {
        let ours = parse_note(note.as_bytes());
        let text = ours.as_ref().map(|(text, _)| text.as_bytes().to_vec());
        let block = note.rsplit_once("\n\n").map_or("", |(_, block)| block);
        let mut names = block.lines().filter_map(|line| line.strip_prefix("— ")?.split_once(' ')).map(|(name, _)| name);
        if names.all(is_name) {
            prop_assert_eq!(&text, &theirs(note.as_bytes()));
        } else {
            prop_assert_eq!(&text, &None);
        }
        if let Some((text, lines)) = ours {
            let written: Vec<u8> = lines.iter().flat_map(SignatureLine::to_bytes).collect();
            prop_assert_eq!([text.as_bytes(), b"\n", &written].concat(), note.as_bytes());
            for line in lines {
                let bytes = line.to_bytes();
                let theirs = signed_note::Signature::from_bytes(bytes.trim_ascii_end()).unwrap();
                prop_assert_eq!((theirs.name(), theirs.id(), theirs.signature()), (&*line.name, line.id, &*line.signature));
            }
        }
    }

    #[test]
    fn checkpoints_are_read_as_by_another_implementation(
        origin in "[a-z ]{0,3}",
        size in prop_oneof![any::<u64>().prop_map(|size| size.to_string()), "[0-9+ ]{0,3}"],
        root in prop_oneof![
            any::<[u8; 32]>().prop_map(|root| base64(&root)),
            any::<[u8; 31]>().prop_map(|root| base64(&root)),
            "[A-Za-z]{43}=",
        ],
        rest in "(/[a-z]{0,2}){0,3}",
        end in prop_oneof![4 => Just(""), 1 => Just("\n")],
    ) {
        let text = format!("{origin}\n{size}\n{root}{}\n{end}", rest.replace('/', "\n"));
        let ours = CheckpointText::parse(&text);
        // Theirs takes root and lines with an end of their own.
        let theirs = tlog_tiles::Checkpoint::from_bytes(text.as_bytes()).ok();
        let theirs = theirs.filter(|theirs| theirs.to_bytes() == text.as_bytes());
        prop_assert_eq!(ours.is_some(), theirs.is_some(), "{:?}", text);
        if let (Some(ours), Some(theirs)) = (ours, theirs) {
            prop_assert_eq!((ours.origin, ours.size, ours.root), (theirs.origin(), theirs.size(), theirs.hash().0));
            prop_assert_eq!(ours.extensions.iter().map(|line| format!("{line}\n")).collect::<String>(), theirs.extension());
        }
    }

    #[test]
    fn ids_are_those_of_another_implementation(name in "\\PC{0,9}", typed: Vec<u8>) {
        prop_assert_eq!(key_id(&name, &typed), signed_note::key_id(&name, &typed));
        prop_assert!(!is_name(&name) || signed_note::is_key_name_valid(&name));
    }
}

#[test]
fn a_note_has_a_hundred_signatures_at_most() {
    let line = "— a AAAAAAA=\n";
    for (lines, taken) in [(0, false), (1, true), (100, true), (101, false)] {
        assert_eq!(parse_note(format!("t\n\n{}", line.repeat(lines)).as_bytes()).is_some(), taken, "{lines}");
    }
}

#[test]
fn the_last_empty_line_ends_the_text() {
    let (text, lines) = parse_note("a\n\nb\n\n— a AAAAAAA=\n".as_bytes()).unwrap();
    assert_eq!((text, lines.len()), ("a\n\nb\n", 1));
    for note in
        ["a\n\n", "a\n\n\n", "\n\n— a AAAAAAA=", "a\n— a AAAAAAA=\n", "a\r\n\n— a AAAAAAA=\n", "a\n\n— a AAAAAAA=\n\n"]
    {
        assert!(parse_note(note.as_bytes()).is_none(), "{note:?}");
    }
}
