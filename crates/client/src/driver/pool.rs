//! Threads for the stretch: as many as there are cores, as far as their memory goes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

use super::{Tick, tell};
use crate::lookup::Event;
use crate::stretching::{StretchJob, StretchWorker};

/// Most memory of all threads together, in KiB, as long as one has enough: 1 GiB.
const MOST_MEMORY_KIB: usize = 1 << 20;

pub(super) struct StretchPool {
    jobs: Arc<Mutex<Jobs>>,
    sender: UnboundedSender<Tick>,
    cores: usize,
}

#[derive(Default)]
struct Jobs {
    queue: VecDeque<StretchJob>,
    workers: usize,
}

impl StretchPool {
    pub(super) fn new(sender: UnboundedSender<Tick>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { jobs: Arc::default(), sender, cores }
    }

    pub(super) fn push(&self, job: StretchJob, tasks: &mut JoinSet<()>) {
        let memory = usize::try_from(job.cost().memory_kib).unwrap_or(usize::MAX).max(1);
        let most = self.cores.min(MOST_MEMORY_KIB / memory).max(1);
        let mut jobs = lock(&self.jobs);
        jobs.queue.push_back(job);
        if jobs.workers < most {
            jobs.workers += 1;
            let (jobs, sender) = (self.jobs.clone(), self.sender.clone());
            tasks.spawn_blocking(move || work(&jobs, &sender));
        }
    }
}

fn work(jobs: &Mutex<Jobs>, sender: &UnboundedSender<Tick>) {
    let mut worker = StretchWorker::new();
    loop {
        let mut guard = lock(jobs);
        let Some(job) = guard.queue.pop_front() else {
            // Under the same lock: a job pushed from here on finds one worker less.
            guard.workers -= 1;
            return;
        };
        drop(guard);
        let result = worker.run(&job);
        tell(sender, Event::Stretched { ticket: job.ticket(), result });
    }
}

fn lock(jobs: &Mutex<Jobs>) -> MutexGuard<'_, Jobs> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for StretchPool {
    fn drop(&mut self) {
        // The lookup is over or was given up: nobody waits for the rest.
        lock(&self.jobs).queue.clear();
    }
}
