//! Figures that chance gives one honest epoch in 1,000, by fixed keys: told as what they are, once.

use std::fs;

use serde_json::Value;

use crate::liar::{LIST, Liar, refilter, turn};
use crate::{Told, UNLIKELY, audit, publication};

const MEMBERS: u64 = 800;

/// How many cells more than there are would be just outside of 999 of 1,000.
fn just_outside(counted: &Value, expected: &Value) -> usize {
    let number = |value: &Value| value.as_u64().unwrap() as usize;
    number(&expected["high"]) + 1 - number(counted)
}

/// A first epoch with so many cells more than members and noise set. Of so many members some always fall on cells that are set,
/// so that a few more are no proof.
fn with_more(more: usize) -> Liar {
    let mut liar = Liar::with_nothing();
    liar.plan.members = MEMBERS;
    liar.publish(|draft| refilter(draft, |shards| turn(shards, more, true)));
    liar
}

/// Cells beyond those of a first epoch that are just outside. Keys are fixed, so that it is the same each time.
fn more_of_a_whole() -> usize {
    let told = with_more(0).told();
    let cells = told.at("/lists/0/epochs/0/audited/cells");
    just_outside(&cells["set"], &cells["expected"])
}

#[test]
fn an_unlikely_filter_is_told_once() {
    let more = more_of_a_whole();
    let mut liar = with_more(more - 1);
    liar.passes();
    liar = with_more(more);
    let told = liar.told();
    assert_eq!((told.code, told.at("/verdict"), told.codes()), (UNLIKELY, &"unlikely".into(), vec!["cells_unlikely"]));
    assert_eq!((told.at("/findings/0/weight"), told.at("/findings/0/told_before")), (&"chance".into(), &false.into()));
    let (_, epoch, detail) = told.findings()[0];
    assert!(
        detail.contains(" cells are set; expected are ") && detail.contains("999 of 1,000 filters have "),
        "{detail}"
    );
    assert_eq!(epoch, Some(1));
    // The next audit tells it again, and it is no standing reproach.
    let text = liar.audit().done().stdout;
    let line = "  cells_unlikely [jakarta-2024, epoch 1], mungkin kebetulan / may be chance: ";
    assert!(text.contains(line) && text.contains(" (sudah disampaikan / told before)\n"), "{text}");
    // A renewal has the same filter, and it is not judged anew.
    liar.publish(|draft| refilter(draft, |shards| turn(shards, more, true)));
    let told = liar.told();
    assert_eq!((told.code, told.codes()), (0, vec!["cells_unlikely"]));
    assert_eq!(told.at("/findings/0/told_before"), true);
    // Somebody who was never there is told, once.
    let page = liar.state().with_extension("html");
    let stranger = || audit(&liar.host.url(), &liar.policy()).arg("--no-probes");
    let told = Told::of(stranger().arg("--html").arg(&page));
    assert_eq!((told.code, told.codes()), (UNLIKELY, vec!["cells_unlikely"]));
    let page = fs::read_to_string(page).unwrap();
    for part in
        ["ANGKA YANG JARANG TERJADI", "UNLIKELY FIGURES", "mungkin kebetulan <span lang=\"en\">/ may be chance</span>"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!(stranger().run().stdout.starts_with("ANGKA YANG JARANG TERJADI / UNLIKELY FIGURES\n"));
}

/// What an audit that was broken off has found is told by the next.
#[test]
fn what_was_found_and_not_told_is_new() {
    let mut liar = with_more(more_of_a_whole());
    let missing = liar.state().with_extension("csv");
    let broken_off = |liar: &Liar| liar.audit().arg("--list").arg(&missing).refused();
    broken_off(&liar);
    assert!(liar.state().join("lists").join(LIST).join("state.json").exists());
    assert_eq!(liar.told().code, UNLIKELY);
    assert_eq!(liar.told().code, 0);
    // So is an epoch.
    liar.publish(|draft| refilter(draft, |shards| turn(shards, more_of_a_whole(), true)));
    broken_off(&liar);
    for new in [true, false] {
        let told = liar.told();
        assert_eq!([0, 1].map(|epoch| told.at(&format!("/lists/0/epochs/{epoch}/new")) == true), [false, new]);
    }
    liar.publish(|draft| refilter(draft, |shards| turn(shards, more_of_a_whole(), true)));
    let text = liar.audit().done().stdout;
    assert!(text.contains(", baru / new: 120 catatan / records"), "{text}");
    assert_eq!(text.matches(", baru / new: ").count(), 1, "{text}");
}

/// The same of the cells that are newly set.
#[test]
fn unlikely_growth() {
    let grown = |more: usize| {
        let mut liar = Liar::new();
        liar.passes();
        liar.plan.members = 230;
        liar.publish(|draft| refilter(draft, |shards| turn(shards, more, true)));
        liar.told()
    };
    let growth = grown(0);
    let growth = growth.at("/lists/0/epochs/1/audited/cells/growth");
    let told = grown(just_outside(&growth["newly_set"], &growth["expected"]));
    assert_eq!((told.code, told.codes()), (UNLIKELY, vec!["new_cells_unlikely"]));
    assert_eq!(told.at("/lists/0/epochs/0/new"), false);
    assert_eq!(told.at("/lists/0/epochs/1/new"), true);
}

/// And of those that are none of the raw list's.
#[test]
fn unlikely_beside_the_list() {
    let compared = |more: usize| {
        let liar = with_more(more);
        let raw = liar.state().with_extension("csv");
        let rows = (0..MEMBERS).map(|place| {
            let nik = publication::nik(place);
            format!("{},dk,ms,2024-08-15\n", std::str::from_utf8(nik.expose_digits()).unwrap())
        });
        fs::write(&raw, "NIK,Kandidat,Status,Tanggal\n".to_owned() + &rows.collect::<String>()).unwrap();
        Told::of(liar.audit().arg("--list").arg(raw))
    };
    let honest = compared(0);
    assert_eq!((honest.code, honest.codes()), (0, vec![]));
    let list = honest.at("/lists/0/list");
    let told = compared(just_outside(&list["remaining"], &list["expected"]));
    // The whole filter has them as well.
    assert_eq!((told.code, told.codes()), (UNLIKELY, vec!["cells_unlikely", "list_cells_unlikely"]));
}
