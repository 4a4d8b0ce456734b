//! Blind evaluation on threads of its own, beside the asynchronous runtime.
//!
//! The queue is bounded: whoever finds it full is turned away at once, before anything is charged. A job whose caller has
//! gone is dropped unworked.
//!
//! A thread that becomes free takes what waits together: the oldest job, and behind it as many as fit into one batch, which
//! is evaluated under one proof. A proof costs the same for one element and for sixteen, and its callers see each other's
//! blinded elements, which tell nothing. Nothing is waited for: while threads are idle, every job is worked by itself. Nor does a
//! job go into a stranger's batch that asked to be alone, or for another key.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::{fmt, io, thread};

use ceknik_core::oprf::{BatchEvaluation, BlindedElement, EvaluatedElement, OprfSecretKey, Proof, SERVER_BATCH_MOST};
use prometheus_client::metrics::counter::Counter;
use rand::rngs::OsRng;
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::limit::Used;

/// How far back in the queue a thread looks for jobs to work with the oldest, while it holds the queue.
const MOST_LOOKED_AT: usize = 64;

/// The queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueFull;

/// The evaluation did not take place: the service stops, or a worker failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Abandoned;

/// What was evaluated under one proof.
pub(crate) struct Batch {
    /// Blinded and evaluated elements, in the order that the proof is over.
    pub(crate) pairs: Vec<(BlindedElement, EvaluatedElement)>,
    /// Over all of them.
    pub(crate) proof: Proof,
    /// The pairs as an answer has them: written by the caller who comes first, the same for all.
    pub(crate) written: OnceLock<Box<RawValue>>,
}

/// Blinded elements are never to be logged, and `written` would print them.
impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("elements", &self.pairs.len()).finish_non_exhaustive()
    }
}

/// What a caller gets back.
#[derive(Debug)]
pub(crate) struct Evaluation {
    /// The caller's elements, and maybe strangers'.
    pub(crate) batch: Arc<Batch>,
    /// Where in the batch the caller's elements begin.
    pub(crate) first: usize,
}

/// What a caller wants evaluated.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// By which key.
    pub(crate) key: Arc<OprfSecretKey>,
    /// 1 to 16 elements.
    pub(crate) blinded: Vec<BlindedElement>,
    /// Whether no stranger's element may be in the batch.
    pub(crate) alone: bool,
}

/// A place in the queue.
#[derive(Debug)]
pub(crate) struct Admission {
    _place: OwnedSemaphorePermit,
}

struct Job {
    wanted: Wanted,
    reply: oneshot::Sender<Evaluation>,
    /// Given back when the job is done or dropped.
    _admission: Admission,
}

impl Job {
    fn may_share_with(&self, other: &Self) -> bool {
        !self.wanted.alone && !other.wanted.alone && self.wanted.key.public_key() == other.wanted.key.public_key()
    }
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

impl Waiting {
    /// Takes out those who go with the first. The others keep their order, so that the oldest is the next thread's first.
    fn gather(&mut self, first: Job, most: usize) -> Vec<Job> {
        let mut room = most.saturating_sub(first.wanted.blinded.len());
        let mut together = vec![first];
        let mut place = 0;
        let end = self.jobs.len().min(MOST_LOOKED_AT);
        for _ in 0..end {
            let Some(job) = self.jobs.get(place) else { break };
            if room == 0 {
                break;
            }
            if job.wanted.blinded.len() > room || !job.may_share_with(&together[0]) || job.reply.is_closed() {
                place += 1;
            } else if let Some(job) = self.jobs.remove(place) {
                room -= job.wanted.blinded.len();
                together.push(job);
            }
        }
        together
    }
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

    /// The oldest job whose caller still waits, and those that are worked with it: at most `most` elements together, but for
    /// a job that has more by itself. Without any it waits for one. None once the queue is closed.
    fn take(&self, most: usize) -> Option<Vec<Job>> {
        let mut waiting = self.waiting();
        loop {
            if waiting.closed {
                return None;
            }
            match waiting.jobs.pop_front() {
                Some(job) if job.reply.is_closed() => {}
                Some(job) => return Some(waiting.gather(job, most)),
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
    /// Starts `threads` threads, before which `queue` jobs may wait. Up to `shared` elements of several jobs are proved
    /// together, 16 at the most; 1 keeps every job by itself. `proofs` counts the proofs made.
    pub(crate) fn start(threads: NonZeroUsize, queue: usize, shared: usize, proofs: &Counter) -> io::Result<Self> {
        let most = queue.saturating_add(threads.get()).min(Semaphore::MAX_PERMITS);
        let evaluator = Self { queue: Arc::default(), places: Arc::new(Semaphore::new(most)), most };
        let shared = shared.min(SERVER_BATCH_MOST);
        for number in 0..threads.get() {
            let (queue, proofs) = (Arc::clone(&evaluator.queue), proofs.clone());
            thread::Builder::new().name(format!("evaluate-{number}")).spawn(move || work(&queue, shared, &proofs))?;
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

    /// Evaluates elements, under one proof with whoever's are worked with them.
    pub(crate) async fn evaluate(&self, admission: Admission, wanted: Wanted) -> Result<Evaluation, Abandoned> {
        let (reply, answer) = oneshot::channel();
        self.queue.push(Job { wanted, reply, _admission: admission });
        answer.await.map_err(|_| Abandoned)
    }
}

fn work(queue: &Queue, shared: usize, proofs: &Counter) {
    while let Some(jobs) = queue.take(shared) {
        let blinded: Vec<BlindedElement> = jobs.iter().flat_map(|job| &job.wanted.blinded).copied().collect();
        let Some(key) = jobs.first().map(|job| &job.wanted.key) else { continue };
        // 1 to 16 elements that were decoded, which is what the key holder's side accepts: there is no error to report, and no
        // caller spoils another's batch. Without a reply a caller learns that it was abandoned.
        // Nor does a panic, of the system's generator say, cost a thread.
        let evaluation = catch_unwind(AssertUnwindSafe(|| key.evaluate_batch(&blinded, &mut OsRng)));
        let Ok(Ok(BatchEvaluation { evaluated, proof })) = evaluation else { continue };
        proofs.inc();
        let pairs = blinded.into_iter().zip(evaluated).collect();
        let batch = Arc::new(Batch { pairs, proof, written: OnceLock::new() });
        let mut first = 0;
        for job in jobs {
            let elements = job.wanted.blinded.len();
            // Who has gone meanwhile does not need it.
            let _ = job.reply.send(Evaluation { batch: Arc::clone(&batch), first });
            first += elements;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ceknik_core::encoding::base64url;
    use ceknik_core::oprf::verify_batch;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn key(seed: u64) -> Arc<OprfSecretKey> {
        Arc::new(OprfSecretKey::generate(&mut ChaCha20Rng::seed_from_u64(seed)))
    }

    fn elements(count: usize, seed: u64) -> Vec<BlindedElement> {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        (0..count).map(|_| BlindedElement::random(&mut rng)).collect()
    }

    fn one_thread(queue: usize) -> Evaluator {
        Evaluator::start(NonZeroUsize::MIN, queue, SERVER_BATCH_MOST, &Counter::default()).unwrap()
    }

    fn wanted(key: &Arc<OprfSecretKey>, count: usize, seed: u64, alone: bool) -> Wanted {
        Wanted { key: Arc::clone(key), blinded: elements(count, seed), alone }
    }

    /// Jobs in a queue that nobody works yet, with those who wait for them.
    fn waiting(queue: &Queue, wanted: Vec<Wanted>) -> (Arc<Semaphore>, Vec<oneshot::Receiver<Evaluation>>) {
        let places = Arc::new(Semaphore::new(wanted.len()));
        let push = |wanted| {
            let (reply, answer) = oneshot::channel();
            let admission = Admission { _place: Arc::clone(&places).try_acquire_owned().unwrap() };
            queue.push(Job { wanted, reply, _admission: admission });
            answer
        };
        let answers = wanted.into_iter().map(push).collect();
        (places, answers)
    }

    fn sizes(jobs: Option<Vec<Job>>) -> Vec<usize> {
        jobs.unwrap().iter().map(|job| job.wanted.blinded.len()).collect()
    }

    #[tokio::test]
    async fn answers_verify_and_keep_the_order() {
        let (evaluator, key) = (one_thread(4), key(1));
        for count in [1, 4, 16] {
            let asked = elements(count, 2);
            let admission = evaluator.admit().unwrap();
            let evaluation = evaluator.evaluate(admission, wanted(&key, count, 2, false)).await.unwrap();
            assert_eq!(evaluation.first, 0);
            let pairs = evaluation.batch.pairs.clone();
            assert_eq!(pairs.iter().map(|(blinded, _)| *blinded).collect::<Vec<_>>(), asked);
            verify_batch(key.public_key(), pairs, &evaluation.batch.proof).unwrap();
        }
    }

    /// Callers of one moment share a proof, and each finds its own elements in their order from `first` on.
    #[test]
    fn who_waits_together_is_proved_together() {
        let (queue, key) = (Queue::default(), key(1));
        let asked = [(4, 10), (1, 11), (4, 12), (1, 13)];
        let (_places, answers) =
            waiting(&queue, asked.iter().map(|&(count, seed)| wanted(&key, count, seed, false)).collect());
        let worker = Arc::new(queue);
        let working = Arc::clone(&worker);
        let proofs = Counter::default();
        let counted = proofs.clone();
        let thread = thread::spawn(move || work(&working, SERVER_BATCH_MOST, &counted));
        let evaluations: Vec<Evaluation> = answers.into_iter().map(|answer| answer.blocking_recv().unwrap()).collect();
        worker.close();
        thread.join().unwrap();
        let batch = &evaluations[0].batch;
        assert_eq!((batch.pairs.len(), proofs.get()), (10, 1));
        verify_batch(key.public_key(), batch.pairs.clone(), &batch.proof).unwrap();
        for ((count, seed), evaluation) in asked.into_iter().zip(&evaluations) {
            assert!(Arc::ptr_eq(&evaluation.batch, batch));
            let own = &batch.pairs[evaluation.first..evaluation.first + count];
            assert_eq!(own.iter().map(|(blinded, _)| *blinded).collect::<Vec<_>>(), elements(count, seed));
        }
    }

    #[test]
    fn debug_shows_no_element() {
        let (evaluation, element) = (key(1).evaluate_batch(&elements(1, 2), &mut OsRng).unwrap(), elements(1, 2)[0]);
        let shown = base64url(&element.to_bytes());
        let pairs = vec![(element, evaluation.evaluated[0])];
        let batch = Batch { pairs, proof: evaluation.proof, written: OnceLock::new() };
        batch.written.set(RawValue::from_string(format!("[\"{shown}\"]")).unwrap()).unwrap();
        let text = format!("{:?} {:?}", Evaluation { batch: Arc::new(batch), first: 0 }, wanted(&key(1), 1, 2, false));
        assert!(text.contains("elements: 1") && !text.contains(&shown), "{text}");
    }

    #[test]
    fn a_batch_is_full_at_sixteen_and_the_oldest_is_always_next() {
        let (queue, key) = (Queue::default(), key(1));
        let counts = [4, 16, 4, 4, 1, 4, 1];
        let (_places, _answers) =
            waiting(&queue, (1..).zip(counts).map(|(seed, count)| wanted(&key, count, seed, false)).collect());
        assert_eq!(sizes(queue.take(16)), [4, 4, 4, 1, 1]);
        assert_eq!(sizes(queue.take(16)), [16]);
        assert_eq!(sizes(queue.take(16)), [4]);
    }

    #[test]
    fn one_element_at_most_keeps_every_job_by_itself() {
        let (queue, key) = (Queue::default(), key(1));
        let (_places, _answers) = waiting(&queue, [1, 1, 4].map(|count| wanted(&key, count, 1, false)).into());
        assert_eq!([1, 1, 1].map(|most| sizes(queue.take(most))), [vec![1], vec![1], vec![4]]);
    }

    #[test]
    fn whoever_wants_to_be_alone_is_and_keys_are_not_mixed() {
        let (queue, one, other) = (Queue::default(), key(1), key(2));
        let jobs = vec![
            wanted(&one, 1, 1, true),
            wanted(&one, 2, 2, false),
            wanted(&other, 3, 3, false),
            wanted(&one, 4, 4, true),
            wanted(&one, 5, 5, false),
            wanted(&other, 6, 6, false),
        ];
        let (_places, _answers) = waiting(&queue, jobs);
        let taken = [(); 4].map(|()| sizes(queue.take(16)));
        assert_eq!(taken, [vec![1], vec![2, 5], vec![3, 6], vec![4]]);
    }

    #[tokio::test]
    async fn a_full_queue_turns_away_and_a_finished_job_makes_room() {
        let evaluator = one_thread(1);
        let (first, second) = (evaluator.admit().unwrap(), evaluator.admit().unwrap());
        assert_eq!(evaluator.admit().unwrap_err(), QueueFull);
        evaluator.evaluate(first, wanted(&key(1), 1, 2, false)).await.unwrap();
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
        let (queue, key) = (Queue::default(), key(1));
        let (places, mut answers) =
            waiting(&queue, (0..4).map(|seed| wanted(&key, 1 + seed as usize, seed, false)).collect());
        // The first, and one who would have been worked with another.
        drop((answers.remove(2), answers.remove(0)));
        let taken = queue.take(16).unwrap();
        assert_eq!(taken.iter().map(|job| job.wanted.blinded.len()).collect::<Vec<_>>(), [2, 4]);
        assert_eq!(places.available_permits(), 1);
        drop(taken);
        assert!(answers.iter_mut().all(|answer| answer.try_recv().is_err()));
        assert_eq!(places.available_permits(), 3);
    }

    #[tokio::test]
    async fn a_closed_queue_abandons() {
        let evaluator = one_thread(4);
        evaluator.queue.close();
        let admission = evaluator.admit().unwrap();
        assert_eq!(evaluator.evaluate(admission, wanted(&key(1), 1, 2, false)).await.unwrap_err(), Abandoned);
    }
}
