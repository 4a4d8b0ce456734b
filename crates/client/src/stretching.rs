//! The slow hash as a job that may be done elsewhere: on another thread, in a worker.

use ceknik_core::{Nik, StretchCost, StretchError, Stretched, Stretcher};
use zeroize::Zeroizing;

use crate::exchange::Ticket;

/// Bytes of a job on its way to a worker: ticket, 16 digits, memory, passes, whether weak, salt.
const JOB_BYTES: usize = 4 + 16 + 4 + 4 + 1 + 32;

/// A NIK to be stretched. It holds the NIK, and prints without it.
#[derive(Clone, Debug)]
pub struct StretchJob {
    ticket: Ticket,
    nik: Nik,
    cost: StretchCost,
    salt: [u8; 32],
}

impl StretchJob {
    pub(crate) fn new(ticket: Ticket, nik: Nik, cost: StretchCost, salt: [u8; 32]) -> Self {
        Self { ticket, nik, cost, salt }
    }

    /// To be handed back with the result.
    pub fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// The NIK.
    pub fn nik(&self) -> &Nik {
        &self.nik
    }

    /// The cost, within the bounds of core.
    pub fn cost(&self) -> StretchCost {
        self.cost
    }

    /// The salt.
    pub fn salt(&self) -> &[u8; 32] {
        &self.salt
    }

    /// The job as bytes, for a worker that shares no memory. They hold the NIK: whoever calls this answers for where they go.
    pub fn expose_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(JOB_BYTES));
        bytes.extend_from_slice(&self.ticket.number().to_be_bytes());
        bytes.extend_from_slice(self.nik.expose_digits());
        bytes.extend_from_slice(&self.cost.memory_kib.to_be_bytes());
        bytes.extend_from_slice(&self.cost.passes.to_be_bytes());
        bytes.push(u8::from(self.cost.weak));
        bytes.extend_from_slice(&self.salt);
        bytes
    }

    /// The job from [`StretchJob::expose_bytes`]; none from anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (ticket, rest) = bytes.split_first_chunk()?;
        let (digits, rest) = rest.split_first_chunk::<16>()?;
        let (memory_kib, rest) = rest.split_first_chunk()?;
        let (passes, rest) = rest.split_first_chunk()?;
        let (&weak, rest) = rest.split_first()?;
        if weak > 1 || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        Some(Self {
            ticket: Ticket::from_number(u32::from_be_bytes(*ticket)),
            nik: Nik::parse(core::str::from_utf8(digits).ok()?).ok()?,
            cost: StretchCost {
                memory_kib: u32::from_be_bytes(*memory_kib),
                passes: u32::from_be_bytes(*passes),
                weak: weak == 1,
            },
            salt: rest.try_into().ok()?,
        })
    }
}

/// Does stretch jobs one after another in the same memory, which is wiped at the end.
#[derive(Default)]
pub struct StretchWorker {
    stretcher: Option<(StretchCost, [u8; 32], Stretcher)>,
}

impl core::fmt::Debug for StretchWorker {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("StretchWorker")
    }
}

impl StretchWorker {
    /// A worker that has no memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Does a job: some 20 milliseconds on a computer, half a second on a slow phone.
    ///
    /// # Errors
    /// [`StretchError::Memory`] when the memory cannot be had. The cost is never lowered.
    pub fn run(&mut self, job: &StretchJob) -> Result<Stretched, StretchError> {
        let fits = |(cost, salt, _): &(StretchCost, [u8; 32], Stretcher)| *cost == job.cost && *salt == job.salt;
        if !self.stretcher.as_ref().is_some_and(fits) {
            // The old memory goes before the new is asked for.
            self.stretcher = None;
        }
        let stretcher = match &mut self.stretcher {
            Some((_, _, stretcher)) => stretcher,
            none => &mut none.insert((job.cost, job.salt, Stretcher::new(job.cost, job.salt)?)).2,
        };
        stretcher.stretch(&job.nik)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_follows_the_salt_of_the_job() {
        let nik = Nik::parse("3171011708900001").unwrap();
        let job = |salt: u8| StretchJob::new(Ticket::from_number(0), nik.clone(), StretchCost::WEAK, [salt; 32]);
        let alone = |salt: u8| Stretcher::new(StretchCost::WEAK, [salt; 32]).unwrap().stretch(&nik).unwrap();
        let mut worker = StretchWorker::new();
        for salt in [1, 1, 2, 1] {
            assert_eq!(worker.run(&job(salt)).unwrap(), alone(salt));
        }
        assert!(!format!("{:?}", job(1)).contains("3171011708900001"));
    }

    #[test]
    fn a_job_goes_to_a_worker_as_bytes() {
        let nik = Nik::parse("3171011708900001").unwrap();
        for cost in [StretchCost::WEAK, StretchCost::default()] {
            let job = StretchJob::new(Ticket::from_number(7), nik.clone(), cost, [9; 32]);
            let bytes = job.expose_bytes();
            let read = StretchJob::from_bytes(&bytes).unwrap();
            assert_eq!((read.ticket, &read.nik, read.cost, read.salt), (job.ticket, &job.nik, job.cost, job.salt));
            for length in 0..bytes.len() {
                assert!(StretchJob::from_bytes(&bytes[..length]).is_none(), "{length} bytes");
            }
            assert!(StretchJob::from_bytes(&[&bytes[..], &[0]].concat()).is_none(), "one byte more");
            for (at, byte) in [(4, b'a'), (4, b' '), (19, 0), (28, 2)] {
                let mut altered = bytes.to_vec();
                altered[at] = byte;
                assert!(StretchJob::from_bytes(&altered).is_none(), "byte {at}");
            }
        }
    }
}
