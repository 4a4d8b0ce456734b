//! The district codes of today.

use ceknik_core::{District, DistrictStanding, Nik};

use crate::Vectors;
use crate::fixed::Made;
use crate::json::{Json, object};

/// Of no district of today: below all others, just before one, in a province that there is not, a former one, one of a
/// citizen abroad, above all others.
const NOT_CURRENT: [&str; 6] = ["000000", "110100", "200101", "910101", "998401", "999999"];

/// Runs of codes that follow one another.
fn ranges(codes: &[u32]) -> Vec<Json> {
    let runs = codes.chunk_by(|a, b| a + 1 == *b);
    runs.map(|run| Json::from(format!("{:06}-{:06}", run[0], run[0] + run.len() as u32 - 1))).collect()
}

pub(crate) fn vectors() -> Made<Vectors> {
    let codes: Vec<u32> = District::current().map(District::expose_code).collect();
    for code in NOT_CURRENT {
        let district = Nik::parse(&format!("{code}0101900001"))?.district();
        if district.standing() == DistrictStanding::Current {
            return Err(format!("{code} is a district's").into());
        }
    }
    Ok(Vectors {
        file: "districts.json",
        about: "The district codes of today, which decide `warn_region`: those of Kepmendagri 300.2.2-2430/2025. Part of the specification: every reader of this version has these.",
        spec: "Step 1, Identifier",
        members: &[
            (
                "current",
                "ranges of codes, ascending: the first code and the last one, both of six digits and both included",
            ),
            ("count", "how many codes that are"),
            ("not_current", "some codes that are none of them"),
        ],
        body: object! {
            "current": ranges(&codes),
            "count": codes.len(),
            "not_current": NOT_CURRENT.map(Json::from).to_vec(),
        },
    })
}
