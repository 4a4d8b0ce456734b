//! The stretch, and what is derived from it.

use ceknik_core::{StretchCost, cost};

use crate::Vectors;
use crate::fixed::{Made, bytes, nik, stretch, text};
use crate::json::object;

pub(crate) fn vectors() -> Made<Vectors> {
    let full = StretchCost::default();
    let small = StretchCost { memory_kib: 64, passes: 3, weak: true };
    let mut cases = Vec::new();
    for (number, cost) in [(0, full), (1, full), (2, StretchCost::WEAK), (3, StretchCost::WEAK), (4, small)] {
        let salt: [u8; 32] = bytes(&format!("salt {number}"));
        let h = stretch(cost, salt, &nik(number))?;
        cases.push(object! {
            "nik": nik(number),
            "salt": text(salt),
            "memory_kib": cost.memory_kib,
            "passes": cost.passes,
            "h": text(h.expose_bytes()),
            "filter_item": text(h.filter_item().expose_bytes()),
            "oprf_input": text(h.oprf_input().expose_bytes()),
        });
    }
    let (memory, passes) = (cost::DEFAULT_MEMORY_KIB, cost::DEFAULT_PASSES);
    let bounds = [
        (memory, passes, false),
        (2 * memory, 1, false),
        (memory - 1, passes, false),
        (memory - 1, passes, true),
        (memory, 1, false),
        (2 * memory - 1, 1, false),
        (cost::MOST_MEMORY_KIB, cost::MOST_PASSES, false),
        (cost::MOST_MEMORY_KIB + 1, passes, false),
        (memory, cost::MOST_PASSES + 1, false),
        (cost::MOST_MEMORY_KIB + 1, passes, true),
        (8, 1, true),
        (8, 1, false),
        (7, 1, true),
        (8, 0, true),
    ];
    let costs = bounds.map(|(memory_kib, passes, weak)| {
        let refused = StretchCost { memory_kib, passes, weak }.check().is_err();
        object! {
            "memory_kib": memory_kib, "passes": passes, "weak": weak, "error": refused.then_some("stretch_cost"),
        }
    });
    Ok(Vectors {
        file: "stretch.json",
        about: "Argon2id of NIKs that nobody has, the filter item and the evaluation's input derived from it, and bounds of its cost.",
        spec: "Step 2, Stretch; the derivations of steps 3 and 4",
        members: &[
            ("cases", "NIKs and what is derived from them"),
            ("nik", "16 digits"),
            ("salt", "S"),
            ("memory_kib", "m"),
            ("passes", "t"),
            ("h", "the stretched NIK"),
            ("filter_item", "f of step 3"),
            ("oprf_input", "x of step 4"),
            ("costs", "costs that a manifest may name, or may not"),
            ("weak", "the manifest's `weak`"),
        ],
        body: object! { "cases": cases, "costs": costs.to_vec() },
    })
}
