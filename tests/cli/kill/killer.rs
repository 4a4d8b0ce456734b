//! Starting processes, killing them at chosen and at random moments, and telling where that hit them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::child::{Hold, Line, TASK, Task};

/// A process that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a phase is held up that is to be hit at its beginning: far longer than a kill takes on a busy machine.
const HOLD: Duration = Duration::from_secs(2);
/// Of which so much may pass before the kill.
const SCATTER: Duration = Duration::from_millis(60);
const SIGKILL: i32 = 9;

/// When to kill.
#[derive(Clone, Debug)]
pub(crate) enum Moment {
    /// While a phase is held up at its nth beginning.
    AtBeginning { phase: &'static str, nth: u64 },
    /// So long after the nth beginning of a phase, which is not held up.
    After { phase: &'static str, nth: u64, wait: Duration },
    /// So long after the first beginning of a phase, whatever goes on then.
    Anywhere { wait: Duration },
}

/// What became of a process.
pub(crate) struct Death {
    /// The phase that it died in; none when it was not at work, or had done all of it.
    pub(crate) phase: Option<String>,
}

/// How often each phase began in a run that nobody killed, and how long it took.
pub(crate) struct Course {
    pub(crate) beginnings: BTreeMap<String, u64>,
    pub(crate) took: Duration,
}

struct Process {
    child: Child,
    lines: Receiver<Line>,
    said: Vec<Line>,
}

impl Process {
    fn start(task: &Task) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "the_process_that_is_killed", "--nocapture", "--test-threads=1"]);
        command.env(TASK, serde_json::to_string(task).unwrap());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok).filter_map(|line| Line::parse(&line)) {
                // Nobody listens any more once the test has failed.
                let _ = sender.send(line);
            }
        });
        Self { child, lines, said: Vec::new() }
    }

    /// Reads on until a line, or the end; whether the line came.
    fn wait_for(&mut self, wanted: impl Fn(&Line) -> bool) -> bool {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    let found = wanted(&line);
                    self.said.push(line);
                    if found {
                        return true;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => panic!("it hangs after {:?}", self.said.last()),
            }
        }
    }

    fn kill(mut self, hold: Option<&Hold>) -> Death {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        // What it had said before it died lies in the pipe.
        self.wait_for(|_| false);
        let killed = status.signal() == Some(SIGKILL);
        assert!(killed || status.success(), "it failed by itself: {status}");
        if !killed || self.said.contains(&Line::Over) {
            return Death { phase: None };
        }
        let held = hold.filter(|hold| {
            let begins = Line::Begins { phase: hold.phase.clone(), nth: hold.nth };
            self.said.contains(&begins) && !self.said.contains(&Line::GoesOn)
        });
        let last = self.said.iter().rev().find_map(|line| match line {
            Line::Begins { phase, .. } => Some(phase.clone()),
            _ => None,
        });
        Death { phase: held.map(|hold| hold.phase.clone()).or(last) }
    }
}

/// Does a task in a process of its own, and kills it. `scatter` is from 0 to 1: where within a hold.
pub(crate) fn kill(mut task: Task, moment: &Moment, scatter: f64) -> Death {
    if let Moment::AtBeginning { phase, nth } = *moment {
        let milliseconds = HOLD.as_millis() as u64;
        task.hold = Some(Hold { phase: phase.to_owned(), nth, milliseconds, panics: false });
    }
    let mut process = Process::start(&task);
    let begins = |wanted: &str, wanted_nth: u64| {
        let wanted = wanted.to_owned();
        move |line: &Line| *line == Line::Begins { phase: wanted.clone(), nth: wanted_nth }
    };
    let wait = match *moment {
        Moment::AtBeginning { phase, nth } => {
            process.wait_for(begins(phase, nth));
            SCATTER.mul_f64(scatter)
        }
        Moment::After { phase, nth, wait } => {
            process.wait_for(begins(phase, nth));
            wait
        }
        Moment::Anywhere { wait } => {
            process.wait_for(|line| matches!(line, Line::Begins { .. }));
            wait
        }
    };
    sleep_exactly(wait);
    process.kill(task.hold.as_ref())
}

/// Does a task in a process of its own, to the end.
pub(crate) fn let_live(task: &Task) -> Course {
    let mut process = Process::start(task);
    process.wait_for(|line| matches!(line, Line::Begins { .. }));
    let begun = Instant::now();
    assert!(process.wait_for(|line| *line == Line::Over));
    let took = begun.elapsed();
    assert!(process.child.wait().unwrap().success());
    let mut beginnings = BTreeMap::new();
    for line in process.said {
        if let Line::Begins { phase, .. } = line {
            *beginnings.entry(phase).or_default() += 1;
        }
    }
    Course { beginnings, took }
}

/// Runs a command and kills it after a time. Whether it was killed, and had not ended before.
pub(crate) fn kill_command(mut command: Command, wait: Duration) -> bool {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    sleep_exactly(wait);
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(status.success() || status.signal() == Some(SIGKILL), "it failed by itself: {status}");
    !status.success()
}

/// The system's sleep is too coarse for phases of some microseconds.
fn sleep_exactly(time: Duration) {
    let until = Instant::now() + time;
    thread::sleep(time.saturating_sub(Duration::from_millis(1)));
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}

/// Where kills landed.
pub(crate) struct Tally {
    title: &'static str,
    landed: Vec<(String, u32)>,
    outside: u32,
}

impl Tally {
    pub(crate) fn new(title: &'static str, phases: impl IntoIterator<Item = &'static str>) -> Self {
        Self { title, landed: phases.into_iter().map(|phase| (phase.to_owned(), 0)).collect(), outside: 0 }
    }

    pub(crate) fn count(&mut self, phase: Option<&str>) {
        let Some(phase) = phase else {
            self.outside += 1;
            return;
        };
        match self.landed.iter_mut().find(|(known, _)| known == phase) {
            Some((_, count)) => *count += 1,
            None => self.landed.push((phase.to_owned(), 1)),
        }
    }

    pub(crate) fn inside(&self) -> u32 {
        self.landed.iter().map(|(_, count)| count).sum()
    }

    pub(crate) fn all(&self) -> u32 {
        self.inside() + self.outside
    }

    pub(crate) fn of(&self, phase: &str) -> u32 {
        self.landed.iter().find(|(known, _)| known == phase).map_or(0, |(_, count)| *count)
    }

    /// To standard error, past the harness, which shows what tests print only when they fail.
    pub(crate) fn print(&self) {
        let mut table = format!("{}: {} of {} kills landed inside work\n", self.title, self.inside(), self.all());
        for (phase, count) in &self.landed {
            table.push_str(&format!("  {count:>4}  {phase}\n"));
        }
        table.push_str(&format!("  {:>4}  (before or after)\n", self.outside));
        std::io::stderr().write_all(table.as_bytes()).unwrap();
    }
}
