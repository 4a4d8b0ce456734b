//! A publisher's home in a temporary directory, made and filled by the commands alone. Weak stretch.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::command::{Ceknik, Ran, ceknik};

/// The log's name.
pub(crate) const ORIGIN: &str = "ceknik.example.org/log";
/// The dataset of most tests.
pub(crate) const DATASET: &str = "jakarta-2024";
/// People who could be listed.
pub(crate) const POPULATION: u64 = 4000;

/// A home, and room for other files beside it.
pub(crate) struct TestHome {
    dir: TempDir,
    /// What its keys are encrypted under, if they are.
    passphrase_file: Option<PathBuf>,
}

/// The NIK of a number below 490,000: of a real district, with a serial number that nobody has.
pub(crate) fn nik(number: u32) -> String {
    let (day, serial) = (1 + number / 490 % 28, 9001 + number % 490);
    let month = 1 + number / 490 / 28 % 12;
    format!("317101{day:02}{month:02}90{serial}")
}

/// A list of those numbers, of one candidate and status.
pub(crate) fn list(numbers: impl IntoIterator<Item = u32>) -> String {
    let mut text = "NIK,Kandidat,Status,Tanggal\n".to_owned();
    for number in numbers {
        text.push_str(&format!("{},dk,ms,2024-08-15\n", nik(number)));
    }
    text
}

/// A definition with further keys before its tables.
pub(crate) fn definition(id: &str, keys: &str) -> String {
    // As many buckets as the population allows, so that people are spread over them.
    let bits = if keys.contains("bucket_bits") { "" } else { "bucket_bits = 4\n" };
    format!(
        "id = \"{id}\"\npopulation = {POPULATION}\ncapacity = 1000\nleast_people_per_bucket = 100\n{keys}\n{bits}\n\
         [stretch]\nweak = true\n\n\
         [title]\nid = \"Daftar contoh\"\nen = \"Sample list\"\n\n\
         [coverage]\nid = \"Seluruh contoh\"\nen = \"All of the sample\"\n\n\
         [candidates.dk]\nid = \"Pasangan D-K\"\nen = \"Pair D-K\"\n\n\
         [candidates.pw]\nid = \"Pasangan P-W\"\nen = \"Pair P-W\"\n\n\
         [statuses.ms]\nid = \"Memenuhi syarat\"\nen = \"Eligible\"\n\n\
         [statuses.tms]\nid = \"Tidak memenuhi syarat\"\nen = \"Not eligible\"\n\n\
         [[guidance]]\nid = \"Ajukan tanggapan\"\nen = \"File an objection\"\nurl = \"https://example.org/tanggapan\"\n"
    )
}

impl TestHome {
    /// Keys and an empty store.
    pub(crate) fn new() -> Self {
        let home = Self { dir: tempfile::tempdir().unwrap(), passphrase_file: None };
        home.command("keygen").args(["--origin", ORIGIN]).done();
        home
    }

    /// The same, with keys that are encrypted under a passphrase. Each command takes a second longer for each key.
    pub(crate) fn with_passphrase(passphrase: &str) -> Self {
        let mut home = Self { dir: tempfile::tempdir().unwrap(), passphrase_file: None };
        home.passphrase_file = Some(home.write_private("passphrase", format!("{passphrase}\n")));
        home.command("keygen").args(["--origin", ORIGIN]).done();
        home
    }

    /// One dataset, into which nothing was imported.
    pub(crate) fn with_dataset() -> Self {
        let home = Self::new();
        // Nobody confirms for cover, so that who confirms is known.
        home.create_dataset(&definition(DATASET, "cover_percent = 0"));
        home
    }

    /// One dataset with people of these numbers, and nothing published.
    pub(crate) fn with_list(numbers: impl IntoIterator<Item = u32>) -> Self {
        let home = Self::with_dataset();
        home.import(list(numbers));
        home
    }

    /// One dataset with people of these numbers, as its first epoch.
    pub(crate) fn published(numbers: impl IntoIterator<Item = u32>) -> Self {
        let home = Self::with_list(numbers);
        home.publish();
        home
    }

    /// A copy, keys and all.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self { dir: tempfile::tempdir().unwrap(), passphrase_file: self.passphrase_file.clone() };
        // Keeps permissions, without which keys are refused.
        let copied = Command::new("cp").arg("-a").arg(self.path()).arg(copy.dir.path()).status().unwrap();
        assert!(copied.success());
        copy
    }

    /// The home.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// A place beside the home.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn public(&self) -> PathBuf {
        self.path().join("public")
    }

    pub(crate) fn oprf_keys(&self) -> PathBuf {
        self.path().join("keys/oprf")
    }

    pub(crate) fn policy(&self) -> PathBuf {
        self.public().join("policy")
    }

    pub(crate) fn epoch_dir(&self, epoch: u64) -> PathBuf {
        self.public().join("datasets").join(DATASET).join("epochs").join(epoch.to_string())
    }

    /// Writes a file beside the home.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.beside(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Writes a file beside the home that nobody else can read.
    pub(crate) fn write_private(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.write(name, content);
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// `ceknik NAME --home HOME`, for a name of one word or two.
    pub(crate) fn command(&self, name: &str) -> Ceknik {
        let command = ceknik(name.split(' ')).arg("--home").arg(self.path());
        match &self.passphrase_file {
            Some(file) => command.arg("--passphrase-file").arg(file),
            None => command,
        }
    }

    #[track_caller]
    pub(crate) fn create_dataset(&self, definition: &str) -> Ran {
        let file = self.write("definition.toml", definition);
        self.command("dataset create").arg("--weak-stretch").arg(file).done()
    }

    /// `ceknik import` of a list.
    pub(crate) fn import_command(&self, list: impl AsRef<[u8]>) -> Ceknik {
        let file = self.write("list.csv", list);
        self.command("import").arg(DATASET).arg(file)
    }

    #[track_caller]
    pub(crate) fn import(&self, list: impl AsRef<[u8]>) -> Ran {
        self.import_command(list).done()
    }

    #[track_caller]
    pub(crate) fn publish(&self) -> Ran {
        self.command("publish").arg(DATASET).done()
    }

    /// Whatever the machine's clock says.
    #[track_caller]
    pub(crate) fn publish_at(&self, time: &str) -> Ran {
        self.command("publish").args([DATASET, "--ahead-of-clock", "--now", time]).done()
    }
}
