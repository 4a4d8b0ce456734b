//! A published list, the service on it, and people who ask through a proxy.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use ceknik_client::Reason;
use ceknik_core::time::Timestamp;
use tempfile::TempDir;

use crate::support::command::{Ceknik, Ran, ceknik};
use crate::support::home::{DATASET, TestHome, nik};
use crate::support::http::Request;
use crate::support::proxy::{Delivery, Proxy, Upstream};
use crate::support::service::Ceknikd;

/// People on the list: the first numbers.
pub(crate) const LISTED: std::ops::Range<u32> = 0..200;
/// The first number of those who are not on it.
const OUTSIDERS: u32 = 1000;

/// What the client keeps between two visits.
pub(crate) struct Device(TempDir);

impl Device {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.0.path().join("cache")
    }
}

/// A home with a list, its service, and three to look up: one who is listed, one who is not although the filter hits, one
/// whom the filter misses.
pub(crate) struct World {
    pub(crate) home: TestHome,
    pub(crate) service: Ceknikd,
    pub(crate) niks: [String; 3],
}

/// The true answers.
const TRUTH: [&str; 3] = ["listed", "not_listed", "not_listed"];

/// What `ceknik check --json` said of the three.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) answers: [String; 3],
    pub(crate) reasons: [Option<String>; 3],
    pub(crate) warnings: [Vec<String>; 3],
    pub(crate) code: i32,
}

impl Said {
    /// Whether all three were answered, truly.
    pub(crate) fn all(&self) -> bool {
        self.answers == TRUTH
    }

    /// The reason why the first one has no answer.
    #[track_caller]
    pub(crate) fn reason(&self) -> &str {
        assert_eq!(self.answers[0], "no_answer", "{self:?}");
        self.reasons[0].as_deref().unwrap()
    }
}

/// What a proxy does with a request.
type Behaviour = Box<dyn Fn(&Request, &Upstream) -> Delivery + Send + Sync>;

/// A lie, the reason that names the check which it fails, and what a person is told of it.
pub(crate) struct Lie {
    pub(crate) name: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) told: String,
    /// The reason why the truth is not believed afterwards, if the lie was one that the publisher's log key signed and the
    /// device remembers.
    pub(crate) leaves: Option<&'static str>,
    pub(crate) behaviour: Behaviour,
}

pub(crate) fn lie(
    name: &'static str,
    reason: &'static str,
    told: impl Into<String>,
    behaviour: impl Fn(&Request, &Upstream) -> Delivery + Send + Sync + 'static,
) -> Lie {
    Lie { name, reason, told: told.into(), leaves: None, behaviour: Box::new(behaviour) }
}

impl Lie {
    /// What stays of it.
    pub(crate) fn leaving(self, reason: &'static str) -> Self {
        Self { leaves: Some(reason), ..self }
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(TestHome::published(LISTED))
    }

    /// With a home that has published an epoch of [`LISTED`].
    pub(crate) fn of(home: TestHome) -> Self {
        // Lies are told of batches, and asked for at the same time: each caller's elements stand by themselves.
        let service = Ceknikd::start_on(&home.public(), &home.oprf_keys(), &["--shared-proof", "1"]);
        let niks = three(&home, &service);
        Self { home, service, niks }
    }

    pub(crate) fn proxy(&self) -> Proxy {
        Proxy::before(self.service.address())
    }

    /// `ceknik check` of the three.
    pub(crate) fn check(&self, url: &str, device: &Device, options: &[&str]) -> Ceknik {
        let niks = self.niks.join("\n");
        check(url, &device.cache()).args(options).stdin(niks)
    }

    /// Looks the three up. Whatever is said of them is true, and the exit code is that of the answers.
    #[track_caller]
    pub(crate) fn ask(&self, url: &str, device: &Device, options: &[&str]) -> Said {
        let ran = self.check(url, device, options).arg("--json").run();
        self.no_nik_in(&ran);
        let lines = ran.json_lines();
        let [first, second, third] = &lines[..] else { panic!("three answers are missing: {ran:?}") };
        let each = [first, second, third];
        let text = |name: &str| each.map(|line| line[name].as_str().map(str::to_owned));
        let said = Said {
            answers: text("answer").map(Option::unwrap),
            reasons: text("reason"),
            warnings: each.map(|line| {
                line["warnings"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect()
            }),
            code: ran.code(),
        };
        let mut code = 0;
        for (answer, truth) in said.answers.iter().zip(TRUTH) {
            code = code.max(match answer.as_str() {
                "no_answer" => 4,
                "maybe" => 3,
                answer => {
                    assert_eq!(answer, truth, "A WRONG ANSWER: {ran:?}");
                    0
                }
            });
        }
        assert_eq!(said.code, code, "{ran:?}");
        said
    }

    /// What a person is told of the first of the three: the lines under its number, without the notes, a reason in English.
    #[track_caller]
    pub(crate) fn told(&self, url: &str, device: &Device, options: &[&str]) -> String {
        let ran = self.check(url, device, options).run();
        self.no_nik_in(&ran);
        let mut lines = ran.stdout.lines().skip_while(|line| !line.starts_with("1. "));
        let first = in_english(lines.next().unwrap_or_else(|| panic!("{ran:?}")).trim_start_matches("1. "));
        let rest = lines.take_while(|line| line.starts_with("   ") && !line.contains("perhatian"));
        rest.fold(first, |told, line| told + "\n" + line)
    }

    fn no_nik_in(&self, ran: &Ran) {
        for nik in &self.niks {
            assert!(!ran.stdout.contains(nik) && !ran.stderr.contains(nik), "a NIK was repeated");
        }
    }

    /// Tells each lie to a device on which the address was visited `before`: as JSON to a machine and as text to a person.
    /// No answer, for that reason, in those words. Then the truth from the same address, which is believed: what fails a
    /// check leaves nothing behind.
    pub(crate) fn refutes(&self, before: impl Fn(&Proxy) -> Device + Sync, options: &[&str], lies: Vec<Lie>) {
        let before = &before;
        let tell = |lie: Lie| {
            let Lie { name, reason, told, leaves, behaviour } = lie;
            let proxy = self.proxy();
            let (machine, person) = (before(&proxy), before(&proxy));
            proxy.behave(behaviour);
            let (said, text) = thread::scope(|scope| {
                let text = scope.spawn(|| self.told(&proxy.url(), &person, options));
                (self.ask(&proxy.url(), &machine, options), text.join().unwrap())
            });
            assert_eq!(said.reason(), reason, "{name}: {said:?}");
            assert_eq!(text, format!("BELUM ADA JAWABAN / no answer: {told}"), "{name}");
            proxy.behave_honestly();
            let said = self.ask(&proxy.url(), &machine, options);
            match leaves {
                None => assert!(said.all(), "{name}: {said:?}"),
                Some(reason) => assert_eq!(said.reason(), reason, "{name}: {said:?}"),
            }
        };
        let tell = &tell;
        let failed = thread::scope(|scope| {
            let running: Vec<_> = lies.into_iter().map(|lie| scope.spawn(move || tell(lie))).collect();
            running.into_iter().filter_map(|thread| thread.join().err()).count()
        });
        assert_eq!(failed, 0, "lies that were taken otherwise than they should; see above");
    }
}

/// Without the Indonesian sentence of a reason, which stands before the English one.
fn in_english(line: &str) -> String {
    const NO_ANSWER: &str = "BELUM ADA JAWABAN / no answer: ";
    let Some(told) = line.strip_prefix(NO_ANSWER) else { return line.to_owned() };
    let english = Reason::ALL.iter().find_map(|reason| {
        let english = told.strip_prefix(reason.indonesian())?.strip_prefix(" / ")?;
        english.starts_with(&reason.to_string()).then_some(english)
    });
    format!("{NO_ANSWER}{}", english.unwrap_or_else(|| panic!("not in both languages: {line}")))
}

/// Somebody who was never there before.
pub(crate) fn stranger(_: &Proxy) -> Device {
    Device::new()
}

/// Somebody who was there, and was told the truth.
pub(crate) fn visited(world: &World, proxy: &Proxy) -> Device {
    let device = Device::new();
    proxy.behave_honestly();
    let said = world.ask(&proxy.url(), &device, &[]);
    assert!(said.all(), "{said:?}");
    device
}

/// Answers everything as another service does.
pub(crate) fn from_another(service: &Ceknikd) -> impl Fn(&Request, &Upstream) -> Delivery + Send + Sync + 'static {
    let address = service.address();
    move |request, _| request.send(address).unwrap().into()
}

/// The time so many seconds before now.
pub(crate) fn ago(seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    Timestamp::from_unix(now - seconds).unwrap().to_string()
}

/// `ceknik check` of the test's dataset, with nobody to look up yet.
pub(crate) fn check(url: &str, cache: &Path) -> Ceknik {
    ceknik(["check", "--accept-weak", "--dataset", DATASET, "--server", url, "--cache"]).arg(cache)
}

/// Finds the three with the client itself, without the service.
fn three(home: &TestHome, service: &Ceknikd) -> [String; 3] {
    let outsiders: Vec<String> = (OUTSIDERS..OUTSIDERS + 200).map(nik).collect();
    let device = Device::new();
    let asked = check(&service.url(), &device.cache()).args(["--json", "--local-only"]).arg("--policy");
    let lines = asked.arg(home.policy()).stdin(outsiders.join("\n")).run().json_lines();
    let local = |wanted: &str| {
        let place = lines.iter().position(|line| line["local"] == wanted);
        outsiders[place.unwrap_or_else(|| panic!("of 200 nobody is a {wanted}: {:?}", lines[0]))].clone()
    };
    [nik(LISTED.start), local("hit"), local("miss")]
}
