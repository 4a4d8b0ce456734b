//! The slow hash as a job that may be done elsewhere: on another thread, in a worker.

use ceknik_core::{Nik, StretchCost, StretchError, Stretched, Stretcher};

use crate::exchange::Ticket;

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
}
