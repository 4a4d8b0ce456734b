use ceknik_core::{Nik, StretchCost, Stretcher};

use super::read::{array, error, file, list, small, text};

#[test]
fn stretches() {
    for case in list(&file("stretch.json")["cases"]) {
        // Whether it is marked weak changes no byte.
        let cost = StretchCost { memory_kib: small(&case["memory_kib"]), passes: small(&case["passes"]), weak: true };
        let mut stretcher = Stretcher::new(cost, array(&case["salt"])).unwrap();
        let h = stretcher.stretch(&Nik::parse(text(&case["nik"])).unwrap()).unwrap();
        assert_eq!(h.expose_bytes(), &array::<32>(&case["h"]));
        assert_eq!(h.filter_item().expose_bytes(), &array::<24>(&case["filter_item"]));
        assert_eq!(h.oprf_input().expose_bytes(), &array::<32>(&case["oprf_input"]));
    }
}

#[test]
fn bounds() {
    for case in list(&file("stretch.json")["costs"]) {
        let cost = StretchCost {
            memory_kib: small(&case["memory_kib"]),
            passes: small(&case["passes"]),
            weak: case["weak"].as_bool().unwrap(),
        };
        assert_eq!(cost.check().is_err().then_some("stretch_cost"), error(case), "{case}");
    }
}
