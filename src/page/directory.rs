//! Reading the page's directory: bounded, and strict about what may be in it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Most bytes of all files: they stay in memory. A hundred times what the page's build allows a first visit.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
/// Most files and directories.
const MOST_ENTRIES: usize = 500;

/// Why a directory is not served as a page.
#[derive(Debug, Error)]
pub enum PageError {
    /// Something in it cannot be read, or the directory itself.
    #[error("--page {}: {source}", path.display())]
    Unreadable {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It has no front page.
    #[error("--page {}: there is no index.html: give the directory that the page's build wrote", dir.display())]
    NoIndex {
        /// As configured.
        dir: PathBuf,
    },
    /// Too much in it.
    #[error(
        "--page {}: holds more than {MOST_ENTRIES} files and directories: give the one that the page's build wrote",
        dir.display()
    )]
    TooMany {
        /// As configured.
        dir: PathBuf,
    },
    /// Too long altogether.
    #[error(
        "--page {}: holds more than {} MiB, which are kept in memory: give the directory that the page's build wrote",
        dir.display(),
        MOST_BYTES >> 20
    )]
    TooLong {
        /// As configured.
        dir: PathBuf,
    },
    /// A hidden file.
    #[error("--page {}: {name}: what begins with a dot is not for everybody: take it out of the directory", dir.display())]
    Hidden {
        /// As configured.
        dir: PathBuf,
        /// Relative to it.
        name: String,
    },
    /// A name that addresses would write in more than one way.
    #[error(
        "--page {}: {name:?}: names are made of letters A to Z, digits, dots, hyphens and underscores: rename it, and what refers to it",
        dir.display()
    )]
    Name {
        /// As configured.
        dir: PathBuf,
        /// Relative to it.
        name: String,
    },
    /// A link to elsewhere.
    #[error("--page {}: {name}: leads out of the directory: put there what it leads to", dir.display())]
    Outside {
        /// As configured.
        dir: PathBuf,
        /// Relative to it.
        name: String,
    },
    /// A pipe, a socket, a device.
    #[error("--page {}: {name}: is neither a file nor a directory: take it out", dir.display())]
    NoFile {
        /// As configured.
        dir: PathBuf,
        /// Relative to it.
        name: String,
    },
    /// It would stand in the way of the service's own paths.
    #[error("--page {}: {name}: the service itself answers at /{name}: rename it, and what refers to it", dir.display())]
    OfTheService {
        /// As configured.
        dir: PathBuf,
        /// Relative to it.
        name: String,
    },
    /// The page would ask a service that nobody could name.
    #[error(
        "--page {}: config.json: must be an object whose `server` is empty or an address such as https://cek.example.org, in lower case",
        dir.display()
    )]
    Config {
        /// As configured.
        dir: PathBuf,
    },
}

/// All files below a directory, by their names relative to it.
pub(super) fn read(dir: &Path) -> Result<BTreeMap<String, Vec<u8>>, PageError> {
    let root = dir.canonicalize().map_err(|source| PageError::Unreadable { path: dir.to_owned(), source })?;
    let mut reading = Reading { dir, root, files: BTreeMap::new(), entries: 0, left: MOST_BYTES };
    reading.below("")?;
    Ok(reading.files)
}

struct Reading<'a> {
    dir: &'a Path,
    /// The same without links on the way.
    root: PathBuf,
    files: BTreeMap<String, Vec<u8>>,
    entries: usize,
    /// Bytes that may still come.
    left: u64,
}

impl Reading<'_> {
    /// `prefix` is empty or ends with a slash. A link that leads to a directory around it ends with the number of entries.
    fn below(&mut self, prefix: &str) -> Result<(), PageError> {
        let path = self.root.join(prefix);
        let unreadable = |source| PageError::Unreadable { path: path.clone(), source };
        for entry in fs::read_dir(&path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            self.entries += 1;
            if self.entries > MOST_ENTRIES {
                return Err(PageError::TooMany { dir: self.dir.to_owned() });
            }
            self.entry(prefix, &entry.file_name().to_string_lossy(), entry.path())?;
        }
        Ok(())
    }

    fn entry(&mut self, prefix: &str, segment: &str, path: PathBuf) -> Result<(), PageError> {
        let (dir, name) = (self.dir.to_owned(), format!("{prefix}{segment}"));
        if segment.starts_with('.') {
            return Err(PageError::Hidden { dir, name });
        }
        // These are what a path has in no other spelling, so that a request's path is compared as it stands.
        if !segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
            return Err(PageError::Name { dir, name });
        }
        let unreadable = |source| PageError::Unreadable { path: path.clone(), source };
        if !path.canonicalize().map_err(unreadable)?.starts_with(&self.root) {
            return Err(PageError::Outside { dir, name });
        }
        let metadata = fs::metadata(&path).map_err(unreadable)?;
        if metadata.is_dir() {
            return self.below(&format!("{name}/"));
        }
        if !metadata.is_file() {
            return Err(PageError::NoFile { dir, name });
        }
        let mut bytes = Vec::new();
        let file = File::open(&path).map_err(unreadable)?;
        file.take(self.left + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or(PageError::TooLong { dir })?;
        self.files.insert(name, bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use tempfile::TempDir;

    use super::*;

    fn directory(files: &[&str]) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        dir
    }

    /// The message without the directory.
    fn refusal(dir: &TempDir) -> String {
        let message = read(dir.path()).unwrap_err().to_string();
        let prefix = format!("--page {}", dir.path().display());
        message.strip_prefix(&prefix).unwrap_or_else(|| panic!("{message}")).to_owned()
    }

    #[test]
    fn files_are_read_by_their_names() {
        let dir = directory(&["index.html", "assets/a-B_9.js", "a/b/c.txt"]);
        symlink("../a/b/c.txt", dir.path().join("assets/link.txt")).unwrap();
        symlink("a/b", dir.path().join("d")).unwrap();
        // The directory itself may be reached over links, as where releases are switched by one.
        let switched = tempfile::tempdir().unwrap();
        symlink(dir.path(), switched.path().join("current")).unwrap();
        for path in [dir.path(), &switched.path().join("current")] {
            let files = read(path).unwrap();
            let names: Vec<&str> = files.keys().map(String::as_str).collect();
            assert_eq!(names, ["a/b/c.txt", "assets/a-B_9.js", "assets/link.txt", "d/c.txt", "index.html"]);
            assert_eq!((&*files["d/c.txt"], &*files["assets/link.txt"]), (&b"a/b/c.txt"[..], &b"a/b/c.txt"[..]));
        }
    }

    #[test]
    fn names_are_letters_digits_and_three_signs() {
        let alphabet =
            "names are made of letters A to Z, digits, dots, hyphens and underscores: rename it, and what refers to it";
        for name in ["a b.js", "ü.js", "a%2fb.js", "a+b", "a~", "a\nb", "{a}", "*a", "a:b", "a\\b"] {
            assert_eq!(refusal(&directory(&[name])), format!(": {name:?}: {alphabet}"));
        }
        assert_eq!(refusal(&directory(&["x/a b/c"])), format!(": \"x/a b\": {alphabet}"));
        let hidden = "what begins with a dot is not for everybody: take it out of the directory";
        assert_eq!(refusal(&directory(&["index.html", ".env"])), format!(": .env: {hidden}"));
        assert_eq!(refusal(&directory(&["a/.git/config"])), format!(": a/.git: {hidden}"));
    }

    #[test]
    fn links_and_pipes_lead_nowhere_else() {
        let secret = directory(&["secret", "index.html"]);
        let out = "leads out of the directory: put there what it leads to";
        let dir = directory(&["index.html"]);
        symlink(secret.path().join("secret"), dir.path().join("a.txt")).unwrap();
        assert_eq!(refusal(&dir), format!(": a.txt: {out}"));
        let dir = directory(&["a/index.html"]);
        symlink("../..", dir.path().join("a/up")).unwrap();
        assert_eq!(refusal(&dir), format!(": a/up: {out}"));
        // Beside it, with a name that begins alike.
        let beside = directory(&["page/index.html", "page-2/secret"]);
        symlink("../page-2/secret", beside.path().join("page/a")).unwrap();
        assert!(matches!(read(&beside.path().join("page")), Err(PageError::Outside { name, .. }) if name == "a"));
        let dir = directory(&[]);
        symlink("nowhere", dir.path().join("a")).unwrap();
        assert_eq!(refusal(&dir), "/a: No such file or directory (os error 2)");
        let dir = directory(&[]);
        let _socket = UnixListener::bind(dir.path().join("a.sock")).unwrap();
        assert_eq!(refusal(&dir), ": a.sock: is neither a file nor a directory: take it out");
        let dir = directory(&["b"]);
        symlink(".", dir.path().join("a")).unwrap();
        let message = refusal(&dir);
        // The system itself ends such a path after some forty links.
        assert!(message.ends_with(": Too many levels of symbolic links (os error 40)"), "{message}");
        assert!(read(&dir.path().join("b")).is_err() && read(&dir.path().join("none")).is_err());
    }

    #[test]
    fn no_more_is_read_than_a_page_has() {
        let dir = directory(&[]);
        for number in 0..500 {
            fs::write(dir.path().join(number.to_string()), "x").unwrap();
        }
        assert_eq!(read(dir.path()).unwrap().len(), 500);
        fs::create_dir(dir.path().join("one-more")).unwrap();
        let message = ": holds more than 500 files and directories: give the one that the page's build wrote";
        assert_eq!(refusal(&dir), message);

        let dir = directory(&[]);
        fs::write(dir.path().join("a"), vec![0; 10 << 20]).unwrap();
        fs::write(dir.path().join("b"), vec![0; 6 << 20]).unwrap();
        assert_eq!(read(dir.path()).unwrap().len(), 2);
        fs::write(dir.path().join("c"), "x").unwrap();
        let message =
            ": holds more than 16 MiB, which are kept in memory: give the directory that the page's build wrote";
        assert_eq!(refusal(&dir), message);
    }
}
