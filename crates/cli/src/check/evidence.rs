//! `check --evidence`: files that show answers to others.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use ceknik_client::Report;
use ceknik_core::evidence::{evidence_sha256, qr_content};
use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};
use tempfile::NamedTempFile;

use crate::failure::Failure;
use crate::verify::words::grouped;

/// How the name of a file begins that is being written.
const UNFINISHED_PREFIX: &str = ".unfinished-";

/// Where evidence goes.
pub(super) struct EvidenceDir {
    path: PathBuf,
}

/// A file that was written.
#[derive(Clone)]
pub(super) struct Written {
    pub(super) path: PathBuf,
    sha256: [u8; 32],
}

fn failed(action: &str, path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let message = format!("--evidence: cannot {action} {}", path.display());
    move |error| Failure::new(format!("{message}: {error}"))
}

impl EvidenceDir {
    /// The directory, which is created for its owner alone where it is not there. Says what a file will tell.
    pub(super) fn prepare(path: &Path) -> Result<Self, Failure> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("create the directory", path))?;
        // Found out now, and not when the service has evaluated.
        unfinished(path)?;
        eprintln!(
            "Setiap berkas bukti dapat menunjukkan pemiliknya kepada siapa pun yang dapat menebak NIK-nya, dan apa yang tercatat \
             tentangnya: perlihatkan hanya kepada orang yang boleh melihat KTP Anda. Untuk membuatnya layanan ditanya tentang \
             setiap NIK, dan melihat bahwa bukti diminta. / Each evidence file names its owner to whoever can guess the NIK, with \
             what is recorded: show it to those alone who may see your identity card. To make it, the service is asked about every \
             NIK, and sees that evidence is wanted."
        );
        Ok(Self { path: path.to_owned() })
    }

    /// Writes the evidence of every outcome that has some. Equal NIKs share a file.
    pub(super) fn write(&self, report: &Report) -> Result<Vec<Option<Written>>, Failure> {
        let list = report.list.as_ref().map(|list| (list.manifest().dataset.to_string(), list.manifest().epoch));
        let mut files: Vec<Option<Written>> = Vec::new();
        for outcome in &report.outcomes {
            let (Some(evidence), Some((dataset, epoch))) = (&outcome.evidence, &list) else {
                files.push(None);
                continue;
            };
            let bytes = evidence.to_bytes();
            let sha256 = evidence_sha256(&bytes);
            let same = files.iter().flatten().find(|written| written.sha256 == sha256).cloned();
            files.push(Some(match same {
                Some(written) => written,
                None => Written { path: self.write_file(&format!("evidence-{dataset}-{epoch}"), &bytes)?, sha256 },
            }));
        }
        Ok(files)
    }

    /// Writes a file under the first name with a number that is free: nothing of a NIK is in it, and nothing is replaced.
    fn write_file(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
        let mut file = unfinished(&self.path)?;
        let shown = self.path.join(format!("{name}-….json"));
        file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(failed("write", &shown))?;
        for number in 1u32.. {
            let path = self.path.join(format!("{name}-{number}.json"));
            match file.persist_noclobber(&path) {
                Ok(_) => {
                    File::open(&self.path)
                        .and_then(|dir| dir.sync_all())
                        .map_err(failed("bring to the disk", &path))?;
                    return Ok(path);
                }
                Err(error) if error.error.kind() == ErrorKind::AlreadyExists => file = error.file,
                Err(error) => return Err(failed("create", &path)(error.error)),
            }
        }
        Err(Failure::new(format!("--evidence: no name is free in {}", self.path.display())))
    }
}

/// A file of mode 0600, which is gone with whoever drops it.
fn unfinished(dir: &Path) -> Result<NamedTempFile, Failure> {
    NamedTempFile::with_prefix_in(UNFINISHED_PREFIX, dir).map_err(failed("create a file in", dir))
}

/// Below an answer: which file shows it, with the code that ties a printed sheet to it.
pub(super) fn print(written: Option<&Written>) {
    let Some(written) = written else {
        println!(
            "   bukti / evidence: tidak ada, karena tidak ada jawaban pasti / none, as there is no confirmed answer"
        );
        return;
    };
    let length = fs::metadata(&written.path).map_or(0, |metadata| metadata.len());
    println!("   bukti / evidence: {} ({length} bytes)", written.path.display());
    println!("   SHA-256: {}", grouped(&written.sha256));
    println!("{}", qr(&written.sha256, io::stdout().is_terminal()));
}

/// The code for a terminal, which has light letters on dark, or for paper.
fn qr(sha256: &[u8; 32], on_dark: bool) -> String {
    let content = qr_content(sha256);
    let Ok(code) = QrCode::with_error_correction_level(&content, EcLevel::M) else { return content };
    let (dark, light) = if on_dark { (Dense1x2::Light, Dense1x2::Dark) } else { (Dense1x2::Dark, Dense1x2::Light) };
    code.render::<Dense1x2>().dark_color(dark).light_color(light).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_small_and_drawn_for_dark_and_light() {
        // Of letters, which take more room than digits: as much as any hash may take.
        let (terminal, paper) = (qr(&[0xab; 32], true), qr(&[0xab; 32], false));
        let lines: Vec<_> = paper.lines().collect();
        // Version 4: 33 modules, and a margin of four on each side; two modules to a line.
        assert!(lines.len() == 21 && lines.iter().all(|line| line.chars().count() == 41), "{paper}");
        assert!(lines[0].chars().all(|c| c == ' '), "{paper}");
        assert!(terminal.lines().next().unwrap().chars().all(|c| c == '█'), "{terminal}");
    }

    #[test]
    fn nothing_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let evidence = EvidenceDir::prepare(&dir.path().join("a/b")).unwrap();
        let paths: Vec<_> = (0..3).map(|n| evidence.write_file("evidence-x-1", &[n]).unwrap()).collect();
        for (n, path) in paths.iter().enumerate() {
            assert_eq!(path.file_name().unwrap().to_str().unwrap(), format!("evidence-x-1-{}.json", n + 1));
            assert_eq!(fs::read(path).unwrap(), [n as u8]);
        }
        assert_eq!(fs::read_dir(dir.path().join("a/b")).unwrap().count(), 3, "nothing unfinished is left");
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let refused = EvidenceDir::prepare(&file).err().unwrap();
        let told = format!("--evidence: cannot create the directory {}: ", file.display());
        assert!(refused.message().starts_with(&told), "{}", refused.message());
    }
}
