//! Encodings: what is read, and what is not.

use ceknik_core::encoding::base64url;

use crate::Vectors;
use crate::fixed::{bytes, text};
use crate::json::{Json, object};

pub(crate) fn vectors() -> Vectors {
    let long: [u8; 32] = bytes("base64url");
    let good = [vec![], vec![0xff], vec![0xff, 0xef], vec![0, 0, 0], long.to_vec()];
    let read = good.iter().map(|bytes| object! { "text": base64url(bytes), "bytes": text(bytes) });
    // Of two bytes each, to be refused: padding, the other alphabet, bits left over, too long, too short, white space.
    let refused = ["_-9", "_-8=", "/+8", "_-8A", "_-", " _-8", "_-8\n", ""];
    let times = [
        ("1970-01-01T00:00:00Z", 0u64),
        ("2024-02-29T23:59:59Z", 1_709_251_199),
        ("2026-11-22T08:00:00Z", 1_795_334_400),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
    ];
    let no_times = [
        "2026-11-22T08:00:00+00:00",
        "2026-11-22 08:00:00Z",
        "2026-11-22t08:00:00z",
        "2026-11-22T08:00:00.0Z",
        "2026-11-22T08:00Z",
        "2023-02-29T00:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T08:00:60Z",
        "2026-13-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "+026-11-22T08:00:00Z",
        " 2026-11-22T08:00:00Z",
        "",
    ];
    let ids = ["a", "0", "jakarta-2024", "9-", &"a".repeat(63)];
    let no_ids = ["", "-a", "A", "a_b", "a b", "ä", "a.b", &"a".repeat(64)];
    let list = |items: &[&str]| Json::from(items.to_vec());
    Vectors {
        file: "conventions.json",
        about: "Encodings of bytes, times, days and ids: what is read, and what is refused.",
        spec: "Conventions",
        members: &[
            ("base64url", "texts that are encodings, and what they encode; in it `text` and `bytes`"),
            ("base64url_refused_as_2_bytes", "texts that are no encoding of two bytes"),
            ("time", "texts that are times; in it `text`, and `unix`, the seconds since 1970"),
            ("time_refused", "texts that are none"),
            ("day", "texts that are days"),
            ("day_refused", "texts that are none"),
            ("id", "texts that are ids"),
            ("id_refused", "texts that are none"),
            ("text", "as it is read"),
            ("bytes", "what it encodes"),
            ("unix", "seconds since 1970"),
        ],
        body: object! {
            "base64url": read.collect::<Vec<_>>(),
            "base64url_refused_as_2_bytes": list(&refused),
            "time": times.map(|(text, unix)| object! { "text": text, "unix": unix }).to_vec(),
            "time_refused": list(&no_times),
            "day": list(&["2024-08-15", "2024-02-29", "0001-01-01"]),
            "day_refused": list(&["2023-02-29", "2024-8-15", "2024-08-15 ", "15-08-2024", "2024-08-32", ""]),
            "id": list(&ids),
            "id_refused": list(&no_ids),
        },
    }
}
