//! `ceknikd`, the online service: reads its settings, raises the limit of open files, and runs until it is told to stop.

use std::process::ExitCode;

use ceknikd::{Config, Settings, init_logging, run};
use clap::Parser;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The settings are not acceptable.
const BAD_SETTINGS: u8 = 2;

fn main() -> ExitCode {
    let config = match Settings::parse().with_file().and_then(Settings::validate) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("ceknikd: {error}");
            return BAD_SETTINGS.into();
        }
    };
    let served = init_logging(config.log_level, std::io::stderr).map_err(|error| error.to_string()).and_then(|()| {
        raise_open_files(&config);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        runtime.map_err(|error| format!("the runtime: {error}"))?.block_on(serve(config))
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(reason = error, "the service does not run");
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: Config) -> Result<(), String> {
    let no_signal = |error: std::io::Error| format!("the signals: {error}");
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signal)?;
    let listen = config.listen;
    let listener = TcpListener::bind(listen).await.map_err(|error| format!("--listen {listen}: {error}"))?;
    let shutdown = async move {
        either(&mut terminate, &mut interrupt).await;
    };
    run(listener, config, shutdown).await.map_err(|error| error.to_string())
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Each connection is an open file, and there are more of those than most systems allow unasked.
fn raise_open_files(config: &Config) {
    let wanted = config.server.connections as u64 + 512;
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    limit.current = Some(limit.maximum.map_or(wanted, |maximum| maximum.min(wanted)));
    if setrlimit(Resource::Nofile, limit).is_err() || limit.current < Some(wanted) {
        tracing::warn!(wanted, allowed = limit.current, "fewer files may be open than --connections asks for");
    }
}
