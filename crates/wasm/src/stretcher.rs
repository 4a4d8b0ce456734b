//! The slow hash, where it blocks nobody.

use ceknik_client::{StretchJob, StretchWorker};
use ceknik_core::{StretchError, Stretched};
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

/// How a result begins: what follows is the stretch, or the memory in KiB and the passes.
const DONE: u8 = 0;
const NO_MEMORY: u8 = 1;
const REFUSED: u8 = 2;

/// Does the jobs of a lookup one after another in the same memory ([`StretchWorker`]), in a worker with an instance of the
/// module of its own. WebAssembly gives no memory back: whoever is done with it ends the worker.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Stretcher(StretchWorker);

#[wasm_bindgen]
impl Stretcher {
    /// One that has no memory yet.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Does a job, and gives the result for [`Lookup::stretched`](crate::Lookup::stretched); none for what is no job. The
    /// cost is never lowered: where its memory cannot be had, the result says so.
    pub fn run(&mut self, job: Vec<u8>) -> Option<Vec<u8>> {
        let job = Zeroizing::new(job);
        let job = StretchJob::from_bytes(&job)?;
        Some(write_result(&job, &self.0.run(&job)))
    }
}

fn write_result(job: &StretchJob, result: &Result<Stretched, StretchError>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(33);
    match result {
        Ok(stretched) => {
            bytes.push(DONE);
            bytes.extend_from_slice(stretched.expose_bytes());
        }
        Err(error) => {
            bytes.push(if matches!(error, StretchError::Memory { .. }) { NO_MEMORY } else { REFUSED });
            bytes.extend_from_slice(&job.cost().memory_kib.to_be_bytes());
            bytes.extend_from_slice(&job.cost().passes.to_be_bytes());
        }
    }
    bytes
}

/// The result from its bytes. What is none is the failure of whoever drives, and reads as a refusal.
pub(crate) fn read_result(bytes: &[u8]) -> Result<Stretched, StretchError> {
    let figures = || {
        let (memory_kib, passes) = bytes.get(1..)?.split_first_chunk()?;
        Some((u32::from_be_bytes(*memory_kib), u32::from_be_bytes(passes.try_into().ok()?)))
    };
    match bytes.split_first() {
        Some((&DONE, stretched)) if let Ok(stretched) = stretched.try_into() => Ok(Stretched::from_bytes(stretched)),
        Some((&NO_MEMORY, _)) if let Some((memory_kib, _)) = figures() => Err(StretchError::Memory { memory_kib }),
        _ => {
            let (memory_kib, passes) = figures().unwrap_or_default();
            Err(StretchError::Cost { memory_kib, passes, wants: "what this device's WebAssembly computes" })
        }
    }
}

#[cfg(test)]
mod tests {
    use ceknik_core::{Nik, StretchCost};

    use super::*;

    /// A job as a lookup writes it.
    fn job(cost: StretchCost) -> StretchJob {
        let mut bytes = vec![0, 0, 0, 7];
        bytes.extend(b"3171011708900001");
        bytes.extend([cost.memory_kib.to_be_bytes(), cost.passes.to_be_bytes()].concat());
        bytes.push(u8::from(cost.weak));
        bytes.extend([9; 32]);
        StretchJob::from_bytes(&bytes).unwrap()
    }

    #[test]
    fn a_result_is_that_of_the_job() {
        let weak = job(StretchCost::WEAK);
        let result = Stretcher::new().run(weak.expose_bytes().to_vec()).unwrap();
        let nik = Nik::parse("3171011708900001").unwrap();
        let alone = ceknik_core::Stretcher::new(StretchCost::WEAK, [9; 32]).unwrap().stretch(&nik).unwrap();
        assert_eq!(read_result(&result), Ok(alone));
        assert_eq!(Stretcher::new().run(vec![0; 61]), None);
    }

    #[test]
    fn failures_keep_their_kind_and_figures() {
        let default = job(StretchCost::default());
        let memory = Err(StretchError::Memory { memory_kib: 19_456 });
        assert_eq!(read_result(&write_result(&default, &memory)), memory);
        let strong = job(StretchCost { memory_kib: 19_456, passes: 1, weak: false });
        let refused = Stretcher::new().run(strong.expose_bytes().to_vec()).unwrap();
        let wants = "what this device's WebAssembly computes";
        assert_eq!(read_result(&refused), Err(StretchError::Cost { memory_kib: 19_456, passes: 1, wants }));
        for no_result in [&[][..], &[0; 32], &[0; 34], &[1; 8], &[1; 10], &[3; 9]] {
            assert!(matches!(read_result(no_result), Err(StretchError::Cost { .. })), "{no_result:?}");
        }
    }
}
