//! For tests: lets the process "die" after any number of file operations, and records them.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};

use super::Operation;

#[derive(Default)]
struct Plan {
    /// Operations still allowed. None: all.
    left: Option<usize>,
    done: Vec<(Operation, PathBuf)>,
}

thread_local! {
    static PLAN: RefCell<Plan> = RefCell::default();
}

/// Called before each operation. Once one failed, all later ones do: a dead process does not clean up.
pub(super) fn step(operation: Operation, path: &Path) -> io::Result<()> {
    PLAN.with_borrow_mut(|plan| {
        match &mut plan.left {
            Some(0) => return Err(io::Error::other("injected crash")),
            Some(left) => *left -= 1,
            None => {}
        }
        plan.done.push((operation, path.to_owned()));
        Ok(())
    })
}

/// Runs something that dies after `operations` operations of this thread.
pub(crate) fn crash_after<T>(operations: usize, run: impl FnOnce() -> T) -> T {
    PLAN.set(Plan { left: Some(operations), done: Vec::new() });
    let result = run();
    PLAN.take();
    result
}

/// Runs something and gives the operations that it did.
pub(crate) fn recorded<T>(run: impl FnOnce() -> T) -> (T, Vec<(Operation, PathBuf)>) {
    PLAN.take();
    let result = run();
    (result, PLAN.take().done)
}

/// Checks a record against loss of power: when `last` gets its name, every file named before it, and every directory, is
/// on the disk already, and so is its own content.
pub(crate) fn assert_durable_before(done: &[(Operation, PathBuf)], last: &Path) {
    let at = done.iter().position(|(op, path)| *op == Operation::Rename && path == last);
    let at = at.unwrap_or_else(|| panic!("{} was not renamed into place", last.display()));
    let synced_later = |from: usize, to: usize, operation: Operation, path: &Path| {
        done[from..to].iter().any(|(op, p)| *op == operation && p == path)
    };
    for (i, (operation, path)) in done[..at].iter().enumerate() {
        let parent = path.parent().unwrap();
        match operation {
            Operation::Write => assert!(synced_later(i, at, Operation::SyncFile, path), "{}", path.display()),
            Operation::Rename | Operation::CreateDir => {
                assert!(synced_later(i, at, Operation::SyncDir, parent), "{}", path.display());
            }
            _ => {}
        }
    }
    assert!(synced_later(at, done.len(), Operation::SyncDir, last.parent().unwrap()));
}
