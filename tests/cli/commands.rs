//! What each command does and says, by itself: options, output for people and for machines, exit codes.

#![allow(clippy::unwrap_used, reason = "a failure is to be seen where it happens")]

mod support;

#[path = "commands/check.rs"]
mod check;
#[path = "commands/import.rs"]
mod import;
#[path = "commands/keygen.rs"]
mod keygen;
#[path = "commands/publish.rs"]
mod publish;
#[path = "commands/surface.rs"]
mod surface;
#[path = "commands/terminal.rs"]
mod terminal;
#[path = "commands/trust.rs"]
mod trust;
#[path = "commands/withdraw.rs"]
mod withdraw;
