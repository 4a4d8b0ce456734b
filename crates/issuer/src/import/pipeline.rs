//! Work spread over threads, its results in order.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The results of [`ordered`], in the order of their jobs.
pub(crate) struct Results<R> {
    /// One channel for each job, in order, through which its one result comes.
    order: Receiver<Receiver<R>>,
    /// The job at the head, while its result is not there yet.
    head: Option<Receiver<R>>,
}

/// What comes next.
pub(crate) enum Next<R> {
    /// A result.
    Result(R),
    /// None until the given moment.
    NotYet,
    /// There are no more jobs.
    End,
    /// A worker died over this job.
    Lost,
}

impl<R> Results<R> {
    /// Waits for the next result.
    pub(crate) fn next(&mut self) -> Next<R> {
        let Some(head) = self.head.take().or_else(|| self.order.recv().ok()) else { return Next::End };
        head.recv().map_or(Next::Lost, Next::Result)
    }

    /// Waits for the next result until `deadline`.
    pub(crate) fn next_until(&mut self, deadline: Instant) -> Next<R> {
        let left = || deadline.saturating_duration_since(Instant::now());
        let head = match self.head.take() {
            Some(head) => head,
            None => match self.order.recv_timeout(left()) {
                Ok(head) => head,
                Err(RecvTimeoutError::Timeout) => return Next::NotYet,
                Err(RecvTimeoutError::Disconnected) => return Next::End,
            },
        };
        match head.recv_timeout(left().max(Duration::from_nanos(1))) {
            Ok(result) => Next::Result(result),
            Err(RecvTimeoutError::Timeout) => {
                self.head = Some(head);
                Next::NotYet
            }
            Err(RecvTimeoutError::Disconnected) => Next::Lost,
        }
    }
}

/// Does `jobs` on as many threads as there are `workers`, while `consume` takes their results in order on this thread.
/// At most `depth` jobs are under way at once, so that memory is bounded and a consumer that pauses for less than `depth`
/// jobs' time leaves no worker idle. When `consume` returns, jobs that were not begun are dropped.
pub(crate) fn ordered<J, R, W, T>(
    jobs: impl Iterator<Item = J> + Send,
    workers: Vec<W>,
    depth: usize,
    consume: impl FnOnce(&mut Results<R>) -> T,
) -> T
where
    J: Send,
    R: Send,
    W: FnMut(J) -> R + Send,
{
    let stop = AtomicBool::new(false);
    let (order_sender, order) = mpsc::sync_channel(depth);
    // Bounded by the other: a job enters after its place in the order.
    let (job_sender, job_receiver) = mpsc::channel::<(J, SyncSender<R>)>();
    let job_receiver = Mutex::new(job_receiver);
    std::thread::scope(|scope| {
        let mut threads = vec![];
        threads.push(scope.spawn(|| {
            let (order_sender, job_sender) = (order_sender, job_sender);
            for job in jobs {
                let (result_sender, result) = mpsc::sync_channel(1);
                if order_sender.send(result).is_err() || job_sender.send((job, result_sender)).is_err() {
                    break;
                }
            }
        }));
        for mut work in workers {
            threads.push(scope.spawn({
                let (stop, job_receiver) = (&stop, &job_receiver);
                move || {
                    loop {
                        let job = job_receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
                        let Ok((job, result)) = job else { break };
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        // Nobody waits for it any more when the consumer has gone.
                        let _ = result.send(work(job));
                    }
                }
            }));
        }
        let mut results = Results { order, head: None };
        let consumed = consume(&mut results);
        stop.store(true, Ordering::Relaxed);
        drop(results);
        // A worker that panicked was told to the consumer as a lost result.
        threads.into_iter().for_each(|thread| drop(thread.join()));
        consumed
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Slow for some jobs, so that results come out of order.
    fn uneven(job: u64) -> u64 {
        if job.is_multiple_of(7) {
            std::thread::sleep(Duration::from_millis(2));
        }
        job * job
    }

    #[test]
    fn results_are_in_order() {
        let got = ordered(0..500u64, vec![uneven; 4], 16, |results| {
            let mut got = vec![];
            while let Next::Result(result) = results.next() {
                got.push(result);
            }
            got
        });
        assert_eq!(got, (0..500).map(|job| job * job).collect::<Vec<_>>());
    }

    #[test]
    fn waiting_ends_in_time_and_loses_nothing() {
        let slow = |job: u64| {
            std::thread::sleep(Duration::from_millis(50));
            job
        };
        ordered(0..4u64, vec![slow], 16, |results| {
            let mut waited = 0;
            let mut got = vec![];
            loop {
                match results.next_until(Instant::now() + Duration::from_millis(5)) {
                    Next::Result(result) => got.push(result),
                    Next::NotYet => waited += 1,
                    Next::End => break,
                    Next::Lost => panic!(),
                }
            }
            assert_eq!(got, [0, 1, 2, 3]);
            assert!(waited >= 4, "{waited}");
        });
    }

    #[test]
    fn only_so_many_jobs_are_under_way() {
        let fed = AtomicUsize::new(0);
        let jobs = (0..1000u64).inspect(|_| {
            fed.fetch_add(1, Ordering::SeqCst);
        });
        ordered(jobs, vec![uneven; 2], 10, |results| {
            std::thread::sleep(Duration::from_millis(100));
            // The depth, one that waits to enter, one at the head of the line.
            assert!(fed.load(Ordering::SeqCst) <= 12, "{}", fed.load(Ordering::SeqCst));
            assert!(matches!(results.next(), Next::Result(0)));
        });
        // The rest was dropped when the consumer went.
        assert!(fed.load(Ordering::SeqCst) <= 14);
    }

    #[test]
    fn a_worker_that_dies_is_told() {
        let work = |job: u64| if job == 3 { panic!("of this test") } else { job };
        let ends = ordered(0..10u64, vec![work], 16, |results| {
            loop {
                match results.next() {
                    Next::Result(_) => {}
                    Next::Lost => break "lost",
                    _ => break "other",
                }
            }
        });
        assert_eq!(ends, "lost");
    }
}
