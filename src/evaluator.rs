//! Blind evaluation on threads of its own, beside the asynchronous runtime.
//!
//! The queue is bounded: whoever finds it full is turned away at once, before anything is charged. A job whose caller has
//! gone is dropped unworked. Each job is evaluated and proved by itself.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{io, thread};

use ceknik_core::oprf::{BatchEvaluation, BlindedElement, EvaluatedElement, OprfSecretKey, Proof};
use rand::rngs::OsRng;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::limit::Used;

/// The queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueFull;

/// The evaluation did not take place: the service stops, or a worker failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Abandoned;

/// What a caller gets back.
#[derive(Debug)]
pub(crate) struct Evaluation {
    /// Blinded and evaluated elements, in the order that the proof is over.
    pub(crate) batch: Vec<(BlindedElement, EvaluatedElement)>,
    /// Where in the batch the caller's elements begin.
    pub(crate) first: usize,
    /// Over the whole batch.
    pub(crate) proof: Proof,
}

/// A place in the queue.
#[derive(Debug)]
pub(crate) struct Admission {
    _place: OwnedSemaphorePermit,
}

struct Job {
    key: Arc<OprfSecretKey>,
    blinded: Vec<BlindedElement>,
    reply: oneshot::Sender<Evaluation>,
    /// Given back when the job is done or dropped.
    _admission: Admission,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    ready: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job) {
        let mut waiting = self.waiting();
        if !waiting.closed {
            waiting.jobs.push_back(job);
            self.ready.notify_one();
        }
    }

    /// The next job whose caller still waits. None once the queue is closed.
    fn pop(&self) -> Option<Job> {
        let mut waiting = self.waiting();
        loop {
            if waiting.closed {
                return None;
            }
            match waiting.jobs.pop_front() {
                Some(job) if job.reply.is_closed() => {}
                Some(job) => return Some(job),
                None => waiting = self.ready.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn close(&self) {
        let mut waiting = self.waiting();
        waiting.closed = true;
        waiting.jobs.clear();
        self.ready.notify_all();
    }
}

/// The threads and their queue. They end when it is dropped.
pub(crate) struct Evaluator {
    queue: Arc<Queue>,
    places: Arc<Semaphore>,
    most: usize,
}

impl Drop for Evaluator {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Evaluator {
    /// Starts `threads` threads, before which `queue` jobs may wait.
    pub(crate) fn start(threads: NonZeroUsize, queue: usize) -> io::Result<Self> {
        let most = queue.saturating_add(threads.get()).min(Semaphore::MAX_PERMITS);
        let evaluator = Self { queue: Arc::default(), places: Arc::new(Semaphore::new(most)), most };
        for number in 0..threads.get() {
            let queue = Arc::clone(&evaluator.queue);
            thread::Builder::new().name(format!("evaluate-{number}")).spawn(move || work(&queue))?;
        }
        Ok(evaluator)
    }

    /// How many of the places are taken.
    pub(crate) fn used(&self) -> Option<Used> {
        Used::of_places(self.places.available_permits(), self.most)
    }

    /// Takes a place in the queue, or is told at once that there is none.
    pub(crate) fn admit(&self) -> Result<Admission, QueueFull> {
        Arc::clone(&self.places).try_acquire_owned().map(|place| Admission { _place: place }).map_err(|_| QueueFull)
    }

    /// Evaluates elements with one proof over all of them.
    pub(crate) async fn evaluate(
        &self,
        admission: Admission,
        key: Arc<OprfSecretKey>,
        blinded: Vec<BlindedElement>,
    ) -> Result<Evaluation, Abandoned> {
        let (reply, answer) = oneshot::channel();
        self.queue.push(Job { key, blinded, reply, _admission: admission });
        answer.await.map_err(|_| Abandoned)
    }
}

fn work(queue: &Queue) {
    while let Some(Job { key, blinded, reply, _admission }) = queue.pop() {
        // 1 to 16 elements were admitted, which is what the key holder's side accepts: there is no error to report. Without
        // a reply the caller learns that it was abandoned.
        // Nor does a panic, of the system's generator say, cost a thread.
        let evaluation = catch_unwind(AssertUnwindSafe(|| key.evaluate_batch(&blinded, &mut OsRng)));
        let Ok(Ok(BatchEvaluation { evaluated, proof })) = evaluation else { continue };
        let batch = blinded.into_iter().zip(evaluated).collect();
        // Who has gone meanwhile does not need it.
        let _ = reply.send(Evaluation { batch, first: 0, proof });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ceknik_core::oprf::verify_batch;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn key() -> Arc<OprfSecretKey> {
        Arc::new(OprfSecretKey::generate(&mut ChaCha20Rng::seed_from_u64(1)))
    }

    fn elements(count: usize) -> Vec<BlindedElement> {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        (0..count).map(|_| BlindedElement::random(&mut rng)).collect()
    }

    fn one_thread(queue: usize) -> Evaluator {
        Evaluator::start(NonZeroUsize::MIN, queue).unwrap()
    }

    #[tokio::test]
    async fn answers_verify_and_keep_the_order() {
        let (evaluator, key) = (one_thread(4), key());
        for count in [1, 4, 16] {
            let asked = elements(count);
            let admission = evaluator.admit().unwrap();
            let evaluation = evaluator.evaluate(admission, Arc::clone(&key), asked.clone()).await.unwrap();
            assert_eq!(evaluation.first, 0);
            assert_eq!(evaluation.batch.iter().map(|(blinded, _)| *blinded).collect::<Vec<_>>(), asked);
            verify_batch(key.public_key(), evaluation.batch, &evaluation.proof).unwrap();
        }
    }

    #[tokio::test]
    async fn a_full_queue_turns_away_and_a_finished_job_makes_room() {
        let evaluator = one_thread(1);
        let (first, second) = (evaluator.admit().unwrap(), evaluator.admit().unwrap());
        assert_eq!(evaluator.admit().unwrap_err(), QueueFull);
        evaluator.evaluate(first, key(), elements(1)).await.unwrap();
        drop(second);
        tokio::time::timeout(Duration::from_secs(5), async {
            while evaluator.admit().is_err() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
    }

    #[test]
    fn jobs_of_callers_who_left_are_not_worked() {
        let queue = Queue::default();
        let places = Arc::new(Semaphore::new(2));
        let job = || {
            let (reply, answer) = oneshot::channel();
            let admission = Admission { _place: Arc::clone(&places).try_acquire_owned().unwrap() };
            queue.push(Job { key: key(), blinded: elements(1), reply, _admission: admission });
            answer
        };
        let (gone, mut waits) = (job(), job());
        drop(gone);
        let next = queue.pop().unwrap();
        assert_eq!(places.available_permits(), 1);
        drop(next);
        assert!(waits.try_recv().is_err());
        assert_eq!(places.available_permits(), 2);
    }

    #[tokio::test]
    async fn a_closed_queue_abandons() {
        let evaluator = one_thread(4);
        evaluator.queue.close();
        let admission = evaluator.admit().unwrap();
        assert_eq!(evaluator.evaluate(admission, key(), elements(1)).await.unwrap_err(), Abandoned);
    }
}
