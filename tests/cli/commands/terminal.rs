//! At a terminal: what is typed is not shown.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::support::home::{DATASET, ORIGIN, TestHome, nik};
use crate::support::service::Ceknikd;

/// A command at a terminal of its own, by `script` (util-linux): each line is typed when its prompt has come. Gives all that
/// the terminal showed, and the exit code.
fn at_a_terminal(command: &str, dialogue: &[(&str, &str)]) -> (String, i32) {
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", command, "/dev/null"]);
    script.env_remove("CEKNIK_HOME").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
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
    for (prompt, typed) in dialogue {
        while !shown[answered..].contains(prompt) {
            let piece = pieces.recv_timeout(Duration::from_secs(30));
            shown.push_str(&piece.unwrap_or_else(|_| panic!("no {prompt:?}: {shown}")));
        }
        answered = shown.len();
        // The echo is switched off after the prompt, and nothing tells when: people are slower than this.
        std::thread::sleep(Duration::from_millis(500));
        keyboard.write_all(format!("{typed}\n").as_bytes()).unwrap();
    }
    while let Ok(piece) = pieces.recv_timeout(Duration::from_secs(30)) {
        shown.push_str(&piece);
    }
    drop(keyboard);
    (shown.replace('\r', ""), child.wait().unwrap().code().unwrap_or(-1))
}

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
    let (shown, code) = at_a_terminal(&command, &[("NIK: ", &listed), ("NIK: ", &other), ("NIK: ", "")]);
    assert_eq!(code, 0, "{shown}");
    let prompt = "Ketik NIK, satu per baris; baris kosong mengakhiri. / One NIK a line; an empty line ends.\n";
    assert!(shown.starts_with(prompt), "{shown}");
    assert!(shown.contains("1. TERCANTUM / LISTED") && shown.contains("2. TIDAK TERCANTUM / not listed"), "{shown}");
    assert!(!shown.contains(&listed) && !shown.contains(&other), "what was typed was shown");

    let command = format!("{} withdraw --home {} {DATASET}", binary(), home.path().display());
    // An empty line ends, and Ctrl-D does.
    for (number, end) in [(7, ""), (8, "\u{4}")] {
        let listed = nik(number);
        let (shown, code) = at_a_terminal(&command, &[("NIK: ", &listed), ("NIK: ", end)]);
        assert_eq!(code, 0, "{shown}");
        assert!(shown.contains("1 person withdrawn") && !shown.contains(&listed), "{shown}");
    }
}

#[test]
fn passphrases_are_typed_unseen_and_twice() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let command = format!("{} keygen --encrypt --origin {ORIGIN} --home {}", binary(), home.display());
    let secret = "tujuh belas agustus";
    let other = [("New passphrase: ", secret), ("The same again: ", "delapan belas agustus")];
    let (shown, code) = at_a_terminal(&command, &other);
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("the two passphrases differ: nothing was created") && !shown.contains("belas"), "{shown}");
    assert!(!home.exists());
    let (shown, code) = at_a_terminal(&command, &[("New passphrase: ", secret), ("The same again: ", secret)]);
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains(secret));

    let command = format!("{} dataset show --home {}", binary(), home.display());
    let (shown, code) = at_a_terminal(&command, &[("Passphrase of the keys: ", "salah")]);
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("wrong passphrase for ") && !shown.contains("salah"), "{shown}");
    let (shown, code) = at_a_terminal(&command, &[("Passphrase of the keys: ", secret)]);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("There is no dataset yet") && !shown.contains(secret), "{shown}");
}

/// Ctrl-C at a prompt ends the command as it ends any other, and what is typed after it is seen again.
#[test]
fn an_interrupted_prompt_leaves_the_terminal_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let check = "check --no-cache --dataset jakarta-2024 --server http://127.0.0.1:9";
    let keygen = format!("keygen --encrypt --origin {ORIGIN} --home {}", home.display());
    let (nik, secret) = (nik(7), "tujuh belas agustus");
    for (command, dialogue) in [
        (check, vec![("NIK: ", "\u{3}".to_owned())]),
        (check, vec![("NIK: ", nik.clone()), ("NIK: ", format!("{}\u{3}", &nik[..9]))]),
        (&keygen, vec![("New passphrase: ", secret.to_owned()), ("The same again: ", format!("{secret}\u{3}"))]),
    ] {
        let dialogue: Vec<_> = dialogue.iter().map(|(prompt, typed)| (*prompt, typed.as_str())).collect();
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
