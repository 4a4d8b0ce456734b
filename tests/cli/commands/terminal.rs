//! At a terminal: what is typed is not shown.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::support::home::{DATASET, ORIGIN, TestHome, nik};
use crate::support::service::Ceknikd;

/// A command at a terminal of its own, by `script` (util-linux): what stands beside a prompt is typed when that has come.
/// Gives all that the terminal showed, and the exit code.
fn at_a_terminal<T: AsRef<[u8]>>(command: &str, dialogue: &[(&str, T)]) -> (String, i32) {
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", command, "/dev/null"]);
    script
        .env_remove("CEKNIK_HOME")
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = script.spawn().unwrap_or_else(|error| panic!("`script` of util-linux is needed: {error}"));
    let (mut keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (sender, pieces) = mpsc::channel();
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(read @ 1..) = screen.read(&mut piece) {
            if sender.send(String::from_utf8_lossy(&piece[..read]).into_owned()).is_err() {
                return;
            }
        }
    });
    let (mut shown, mut answered) = (String::new(), 0);
    let mut more = |shown: &mut String| match pieces.recv_timeout(Duration::from_secs(30)) {
        Ok(piece) => {
            shown.push_str(&piece);
            true
        }
        Err(RecvTimeoutError::Disconnected) => false,
        Err(RecvTimeoutError::Timeout) => {
            child.kill().unwrap();
            panic!("nothing more comes: {shown:?}");
        }
    };
    for (prompt, typed) in dialogue {
        while !shown[answered..].contains(prompt) {
            assert!(more(&mut shown), "no {prompt:?}: {shown}");
        }
        answered = shown.len();
        // The echo is switched off after the prompt, and nothing tells when: people are slower than this.
        std::thread::sleep(Duration::from_millis(500));
        keyboard.write_all(typed.as_ref()).unwrap();
    }
    while more(&mut shown) {}
    drop(keyboard);
    (shown.replace('\r', ""), child.wait().unwrap().code().unwrap_or(-1))
}

/// A check that asks for NIKs; of what is none, nothing is asked.
const CHECK: &str = "check --no-cache --dataset jakarta-2024 --server http://127.0.0.1:9";

fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_ceknik")
}

#[test]
fn niks_are_typed_unseen() {
    let home = TestHome::published(0..200);
    let service = Ceknikd::start(&home);
    let policy = home.policy();
    let command = format!(
        "{} check --accept-weak --no-cache --dataset {DATASET} --server {} --policy {}",
        binary(),
        service.url(),
        policy.display()
    );
    let (listed, other) = (nik(7), nik(1000));
    let typed = [("NIK: ", format!("{listed}\n")), ("NIK: ", format!("{other}\n")), ("NIK: ", "\n".to_owned())];
    let (shown, code) = at_a_terminal(&command, &typed);
    assert_eq!(code, 0, "{shown}");
    let prompt = "Ketik NIK, satu per baris; baris kosong mengakhiri. / One NIK a line; an empty line ends.\n";
    assert!(shown.starts_with(prompt), "{shown}");
    assert!(shown.contains("1. TERCANTUM / LISTED") && shown.contains("2. TIDAK TERCANTUM / not listed"), "{shown}");
    assert!(!shown.contains(&listed) && !shown.contains(&other), "what was typed was shown");

    let command = format!("{} withdraw --home {} {DATASET}", binary(), home.path().display());
    // An empty line ends, and Ctrl-D does.
    for (number, end) in [(7, "\n"), (8, "\u{4}")] {
        let listed = nik(number);
        let typed = [("NIK: ", format!("{listed}\n")), ("NIK: ", end.to_owned())];
        let (shown, code) = at_a_terminal(&command, &typed);
        assert_eq!(code, 0, "{shown}");
        assert!(shown.contains("1 person withdrawn") && !shown.contains(&listed), "{shown}");
    }
}

#[test]
fn passphrases_are_typed_unseen_and_twice() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let command = format!("{} keygen --encrypt --origin {ORIGIN} --home {}", binary(), home.display());
    // A tab is no less of a passphrase than a letter.
    let secret = "tujuh\tbelas agustus";
    let typed = format!("{secret}\n");
    let other = [("New passphrase: ", &*typed), ("The same again: ", "delapan belas agustus\n")];
    let (shown, code) = at_a_terminal(&command, &other);
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("the two passphrases differ: nothing was created") && !shown.contains("belas"), "{shown}");
    assert!(!home.exists());
    let (shown, code) = at_a_terminal(&command, &[("New passphrase: ", &typed), ("The same again: ", &typed)]);
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains("belas"));

    let command = format!("{} dataset show --home {}", binary(), home.display());
    let (shown, code) = at_a_terminal(&command, &[("Passphrase of the keys: ", "salah\n")]);
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("wrong passphrase for ") && !shown.contains("salah"), "{shown}");
    let (shown, code) = at_a_terminal(&command, &[("Passphrase of the keys: ", &typed)]);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("There is no dataset yet") && !shown.contains("belas"), "{shown}");

    // The same as in a file, to the character.
    let file = dir.path().join("passphrase");
    std::fs::write(&file, &typed).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut show = Command::new(binary());
    show.args(["dataset", "show", "--home"]).arg(&home).arg("--passphrase-file").arg(&file);
    let output = show.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let command = format!("{} keygen --encrypt --origin {ORIGIN} --home {}-2", binary(), home.display());
    let (shown, code) = at_a_terminal(&command, &[("New passphrase: ", "\n")]);
    assert_eq!((shown.as_str(), code), ("New passphrase: \n\u{1b}[1mceknik:\u{1b}[0m no passphrase was given\n", 1));
}

/// Ctrl-C at a prompt ends the command as it ends any other, and what is typed after it is seen again.
#[test]
fn an_interrupted_prompt_leaves_the_terminal_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let keygen = format!("keygen --encrypt --origin {ORIGIN} --home {}", home.display());
    let (nik, secret) = (nik(7), "tujuh belas agustus");
    for (command, dialogue) in [
        (CHECK, vec![("NIK: ", "\u{3}".to_owned())]),
        (CHECK, vec![("NIK: ", format!("{nik}\n")), ("NIK: ", format!("{}\u{3}", &nik[..9]))]),
        (CHECK, vec![("NIK: ", "\u{1c}".to_owned())]),
        (&keygen, vec![("New passphrase: ", format!("{secret}\n")), ("The same again: ", format!("{secret}\u{3}"))]),
    ] {
        // The shell stays, to tell how the terminal was left.
        let command = format!("trap : INT; {} {command}; echo ended with $?; stty -a", binary());
        let (shown, code) = at_a_terminal(&command, &dialogue);
        assert_eq!(code, 0, "{shown}");
        let (before, modes) = shown.split_once("ended with 130\n").unwrap_or_else(|| panic!("{shown}"));
        for mode in ["echo", "icanon", "isig"] {
            assert!(modes.split([' ', ';', '\n']).any(|set| set == mode), "{mode}: {modes}");
        }
        assert!(!before.contains(&nik[..9]) && !before.contains(secret), "{before:?}");
    }
    assert!(!home.exists());
}

/// Ctrl-C ends what runs at the terminal, not only the program that asks. Ctrl-\\ does the same, and leaves no core behind.
#[test]
fn an_interrupted_prompt_ends_the_script_that_called_it() {
    for key in ["\u{3}", "\u{1c}"] {
        let (shown, code) = at_a_terminal(&format!("{} {CHECK}; echo and the next", binary()), &[("NIK: ", key)]);
        assert_eq!(code, 130, "{shown}");
        assert!(shown.ends_with("NIK: \n"), "{shown}");
    }
}

/// What a paste has beyond the prompt's end is neither shown nor read by what comes next, a shell for instance.
#[test]
fn nothing_that_was_pasted_is_left_for_the_shell() {
    // More than a terminal keeps at once.
    let more: String = (0..1000).map(|number| nik(number) + "\n").collect();
    for end in ["\n", "\u{4}", "\u{3}"] {
        let command = format!("trap : INT; {} {CHECK}; echo ended with $?; cat; echo read by cat", binary());
        let dialogue = [("NIK: ", format!("123\n{end}{more}")), ("ended with ", "\u{4}".to_owned())];
        let (shown, code) = at_a_terminal(&command, &dialogue);
        assert_eq!(code, 0, "{shown}");
        let (asked, after) = shown.split_once("ended with ").unwrap();
        assert!(!asked.contains(&nik(0)[..6]), "{asked}");
        let status = if end == "\u{3}" { "130" } else { "4" };
        assert_eq!(after, format!("{status}\nread by cat\n"), "{end:?}");
    }
}

/// Ctrl-D hands over what stands in the line; the next ends it.
#[test]
fn a_line_ends_where_nothing_more_is_handed_over() {
    let command = format!("{} {CHECK}", binary());
    let (shown, code) = at_a_terminal(&command, &[("NIK: ", "12\u{4}3\u{4}\u{4}"), ("NIK: ", "\n")]);
    assert_eq!(code, 4, "{shown}");
    assert!(shown.contains("\n1. ") && !shown.contains("\n2. "), "{shown}");
}

/// What was typed before it counts.
#[test]
fn a_line_that_is_no_text_is_asked_for_again() {
    let command = format!("{} {CHECK}", binary());
    let typed = [("NIK: ", &b"123\n"[..]), ("NIK: ", b"3171\xff\n"), ("NIK: ", b"124\n"), ("NIK: ", b"\n")];
    let (shown, code) = at_a_terminal(&command, &typed);
    assert_eq!(code, 4, "{shown}");
    let told = "NIK: \nBaris itu terlalu panjang atau bukan teks (UTF-8), dan dilewati: ketik lagi. / That line is too long or no \
                text (UTF-8), and was passed over: type it again.\nNIK: \n";
    assert!(shown.contains(told), "{shown}");
    assert!(shown.contains("\n1. ") && shown.contains("\n2. ") && !shown.contains("\n3. "), "{shown}");
}

/// Standard input may be a terminal that is not the process's own.
#[test]
fn without_a_terminal_the_way_out_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let keygen = format!("keygen --encrypt --origin {ORIGIN} --home {}", home.display());
    for (command, way_out) in
        [(CHECK, "pipe the NIKs in, one a line"), (&keygen, "give the passphrase with --passphrase-file FILE")]
    {
        let (shown, code) = at_a_terminal::<&str>(&format!("setsid --wait {} {command}", binary()), &[]);
        let told = "there is no terminal to ask at (/dev/tty: No such device or address (os error 6))";
        assert_eq!(shown, format!("\u{1b}[1mceknik:\u{1b}[0m {told}: {way_out}\n"));
        assert_eq!(code, 1);
    }
    assert!(!home.exists());
}
