use proptest::prelude::*;
use serde_json::Value as Theirs;

use super::*;

fn tree(json: &Json) -> Theirs {
    match &json.value {
        Value::Null => Theirs::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::Number(number) => serde_json::from_str(number).unwrap(),
        Value::Text(text) => text.as_str().into(),
        Value::Array(elements) => elements.iter().map(tree).collect(),
        Value::Object(members) => members.iter().map(|(name, json)| (name.clone(), tree(json))).collect(),
    }
}

fn refused(text: &str) -> (usize, usize, String) {
    let error = Json::parse(text.as_bytes()).unwrap_err();
    (error.place().line, error.place().column, error.reason().to_owned())
}

/// What Serde says of it, taken apart.
fn refused_by_serde(text: &str) -> (usize, usize, String) {
    let error = serde_json::from_str::<Theirs>(text).unwrap_err();
    let (line, column) = (error.line(), error.column());
    let told = error.to_string();
    (line, column, told.rsplit_once(" at line ").unwrap().0.to_owned())
}

#[test]
fn what_is_wrong_is_told_as_serde_tells_it() {
    for text in [
        "",
        " \n ",
        "{",
        "{\n",
        "[",
        "[1",
        "[1,",
        "[1 2]",
        "[,]",
        "[1,]",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1,}",
        "{\"a\":1,",
        "{,}",
        "{1:2}",
        "{\"a\":1}\n{}",
        "1 x",
        "x",
        "-",
        "-x",
        "01",
        "-01",
        "1.",
        "1.x",
        "1.\n",
        "1e",
        "1e+",
        "1ex",
        "+1",
        ".5",
        "nul",
        "nulx",
        "tru\n",
        "falsy",
        "\"",
        "\"abc",
        "\"a\nb\"",
        "\"\u{1}\"",
        "\"\\",
        "\"\\x\"",
        "\"\\u12",
        "\"\\uD800\"",
        "\"\\uDC00x",
        "\u{feff}{}",
        "'a'",
        "[NaN]",
    ] {
        let ours = refused(text);
        let theirs = refused_by_serde(text);
        // Within an escape of four digits, Serde counts all four.
        if text.contains("\\u") {
            assert_eq!(ours.0, theirs.0, "{text:?}");
        } else {
            assert_eq!(ours, theirs, "{text:?}");
        }
    }
}

#[test]
fn a_name_stands_once() {
    let twice = "a name stands twice in one object";
    assert_eq!(refused(r#"{"a":1,"b":2,"a":3}"#), (1, 18, twice.to_owned()));
    assert_eq!(refused("[{\"a\":\n{\"b\":[],\"\\u0062\":{}}}]"), (2, 19, twice.to_owned()));
    assert!(Json::parse(r#"{"a":{"a":[{"a":1},{"a":1}]},"A":0,"":0}"#.as_bytes()).is_ok());
}

#[test]
fn depth_is_bounded() {
    for (depth, taken) in [(127, true), (128, false)] {
        assert_eq!(Json::parse(format!("{}{}", "[".repeat(depth), "]".repeat(depth)).as_bytes()).is_ok(), taken);
        let objects = format!("{}0{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert_eq!(Json::parse(objects.as_bytes()).is_ok(), taken);
    }
    assert_eq!(refused(&"[".repeat(100_000)), refused_by_serde(&"[".repeat(100_000)));
}

#[test]
fn values_are_bounded() {
    let list = |values: Vec<String>, [begin, end]: [char; 2]| format!("{begin}{}{end}", values.join(","));
    let object = |members: usize| list((0..members).map(|member| format!("\"{member}\":0")).collect(), ['{', '}']);
    let array = |elements: usize| list(vec!["0".to_owned(); elements], ['[', ']']);
    // Each of the arrays is a value, too.
    let nested = |elements: usize| list(vec![array(elements); 128], ['[', ']']);
    for (most, beyond) in [(object(16_383), object(16_384)), (array(16_383), array(16_384)), (nested(126), nested(127))]
    {
        assert!(Json::parse(most.as_bytes()).is_ok());
        assert_eq!(Json::parse(beyond.as_bytes()).unwrap_err().reason(), "more values than any document has");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_where_they_stand() {
    let error = Json::parse(b"{\n \"a\":\"\xff\"}").unwrap_err();
    assert_eq!((error.place(), error.reason()), (Place { line: 2, column: 7 }, "invalid unicode code point"));
    assert!(Json::parse(b"\"\xed\xa0\x80\"").is_err());
    for (bytes, column, told) in [
        (&b"\xd0{"[..], 1, "invalid unicode code point"),
        (b"{} \xff", 4, "invalid unicode code point"),
        (b"{\"a\" \xff", 6, "invalid unicode code point"),
        (b"x\xff", 1, "expected value"),
        (b"{} x\xff", 4, "trailing characters"),
    ] {
        let error = Json::parse(bytes).unwrap_err();
        assert_eq!((error.place().column, error.reason()), (column, told));
    }
}

#[test]
fn members_are_taken_by_name() {
    let json = Json::parse(br#"{"b":[1,"x",null],"a":true}"#).unwrap();
    let mut object = json.object().unwrap();
    assert!(object.take("a").unwrap().truth().unwrap());
    assert!(object.optional("c").is_none());
    assert_eq!(object.take("a").unwrap_err().to_string(), "missing field `a` at line 1 column 27");
    let left = json.object().unwrap();
    assert_eq!(left.end().unwrap_err().to_string(), "unknown field `b` at line 1 column 17");
    let elements = object.take("b").unwrap().elements().unwrap();
    object.end().unwrap();
    assert_eq!(elements[0].whole(1), Ok(1));
    assert_eq!(elements[1].text(), Ok("x"));
    assert!(elements[2].nullable().is_none() && elements[0].nullable().is_some());
}

#[test]
fn what_is_expected_is_told() {
    let json = Json::parse(br#"[[], "1", 256, 1.5, -1]"#).unwrap();
    let [array, text, number, fraction, negative] = json.elements().unwrap() else { panic!() };
    let told = |error: JsonError| error.reason().to_owned();
    assert_eq!(told(array.object().unwrap_err()), "an array stands where none belongs");
    assert_eq!(told(text.object().unwrap_err()), "invalid value: expected an object");
    assert_eq!(told(text.whole8().unwrap_err()), "invalid value: expected a whole number from 0 to 255");
    assert_eq!(told(number.whole8().unwrap_err()), "invalid value: expected a whole number from 0 to 255");
    assert_eq!(told(fraction.whole32().unwrap_err()), "invalid value: expected a whole number from 0 to 4294967295");
    assert_eq!(told(text.decimal().unwrap_err()), "invalid value: expected a number");
    assert_eq!(negative.decimal(), Ok(-1.0));
    assert_eq!(told(number.text().unwrap_err()), "invalid value: expected a string");
    assert_eq!(told(number.truth().unwrap_err()), "invalid value: expected a boolean");
    assert_eq!(told(number.elements().unwrap_err()), "invalid value: expected an array");
    assert_eq!(json.unexpected("less").to_string(), "invalid value: expected less at line 1 column 23");
    assert_eq!(format!("{json:?}"), "Json(REDACTED)");
}

#[test]
fn whole_numbers_are_digits() {
    let whole = |text: &str| Json::parse(text.as_bytes()).unwrap().whole(u64::MAX).ok();
    assert_eq!(whole("18446744073709551615"), Some(u64::MAX));
    for text in ["18446744073709551616", "1.0", "1e0", "-0", "-1", "\"1\"", "null"] {
        assert_eq!(whole(text), None, "{text}");
    }
}

#[test]
fn decimals_are_read_in_any_spelling() {
    let decimal = |text: &str| Json::parse(text.as_bytes()).unwrap().decimal().unwrap();
    for text in
        ["11.1", "11.10", "1.11e1", "111E-1", "0.00000000000000000000111e+22", "11.1000000000000000000000000000000001"]
    {
        assert_eq!(decimal(text), 11.1, "{text}");
    }
    assert_eq!(decimal("17200000000.0"), 1.72e10);
    assert_eq!(decimal("-11.1"), -11.1);
    assert_eq!((decimal("0.000e5"), decimal("0.001"), decimal("1e-999999999999999999999")), (0.0, 0.0, 0.0));
    assert_eq!((decimal("1e16"), decimal("-1e300")), (f64::INFINITY, f64::NEG_INFINITY));
    // Halfway between two doubles, and beside it.
    let half = "4503599627370497.5";
    assert_eq!(decimal(half), 4_503_599_627_370_498.0);
    assert_eq!(decimal("4503599627370496.5"), 4_503_599_627_370_496.0);
    assert_eq!(decimal(&format!("4503599627370496.5{}1", "0".repeat(900))), 4_503_599_627_370_497.0);
    assert!(Json::parse(b"\"1\"").unwrap().decimal().is_err());
}

#[test]
fn what_no_double_holds_is_refused() {
    for beyond in ["1e999", "-1e309", "1.7976931348623159e308", "0.1e310", &"9".repeat(310), "[1e99999999999999999999]"]
    {
        assert_eq!(Json::parse(beyond.as_bytes()).unwrap_err().reason(), "number out of range", "{beyond}");
    }
    for held in ["1.7976931348623157e308", "1e-999", "0e999", "1e308", "0.0000001e315", &"1".repeat(309)] {
        assert!(Json::parse(held.as_bytes()).is_ok(), "{held}");
    }
}

fn values() -> impl Strategy<Value = Theirs> {
    let text = "[a-c\"\\\\/\u{0}-\u{1f}é\u{10ffff}]{0,5}";
    let leaf = prop_oneof![
        Just(Theirs::Null),
        any::<bool>().prop_map(Theirs::from),
        any::<u64>().prop_map(Theirs::from),
        any::<i64>().prop_map(Theirs::from),
        any::<f64>().prop_map(Theirs::from),
        text.prop_map(Theirs::from),
    ];
    leaf.prop_recursive(4, 30, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Theirs::from),
            prop::collection::btree_map(text, inner, 0..5).prop_map(|map| Theirs::Object(map.into_iter().collect())),
        ]
    })
}

/// JSON in some spelling, or nearly.
fn spellings() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[\\[\\]{}:,]",
        2 => prop_oneof![Just("\"a\"".to_owned()), Just("\"b\"".to_owned()), Just("\"\\u0061\"".to_owned())],
        2 => "-?[0-9]{1,3}(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
        1 => "(true|false|null|tru)",
        1 => "[ \t\r\n]{1,2}",
        1 => "\"(\\\\[\"\\\\/bfnrtux]|\\\\u[dD0][89abcd0][0-9a-f]{2}|[a-zé\n]){0,4}\"?",
    ];
    prop::collection::vec(part, 0..9).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn what_serde_writes_is_read_as_the_same(value in values(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        // Serde reads some doubles as their neighbours.
        let value: Theirs = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(tree(&Json::parse(text.as_bytes()).unwrap()), value);
    }

    /// Both take the same texts, and where both refuse one they say the same of it.
    #[test]
    fn what_serde_refuses_is_refused(
        text in prop_oneof![spellings(), values().prop_map(|value| value.to_string())],
        cut: prop::sample::Index,
    ) {
        let mut end = cut.index(text.len() + 1);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        for text in [&text[..], &text[..end]] {
            match (Json::parse(text.as_bytes()), serde_json::from_str::<Theirs>(text)) {
                (Ok(ours), Ok(theirs)) => prop_assert_eq!(tree(&ours), theirs),
                (Err(ours), Ok(_)) => prop_assert_eq!(ours.reason(), "a name stands twice in one object"),
                (Err(ours), Err(_)) => {
                    let theirs = refused_by_serde(text);
                    let twice = ours.reason() == "a name stands twice in one object";
                    let same = ours.reason() == theirs.2;
                    prop_assert!(twice || text.contains("\\u") || same, "{} {:?} {:?}", text, ours, theirs);
                }
                (Ok(_), Err(_)) => prop_assert!(false, "{} was taken", text),
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        if Json::parse(&bytes).is_ok() {
            prop_assert!(serde_json::from_slice::<Theirs>(&bytes).is_ok());
        }
    }

    #[test]
    fn decimals_are_the_nearest_doubles(number in "[0-9]{1,17}(\\.[0-9]{1,40})?", power in -20i32..20) {
        let number = number.trim_start_matches('0');
        let number = if number.starts_with(|c: char| c.is_ascii_digit()) { number.to_owned() } else { format!("0{number}") };
        let text = format!("{number}e{power}");
        let nearest: f64 = text.parse().unwrap();
        let read = Json::parse(text.as_bytes()).unwrap().decimal().unwrap();
        if (0.01..1e16).contains(&nearest) {
            prop_assert_eq!(read, nearest, "{}", text);
        } else {
            prop_assert!(read == 0.0 || read == nearest || read.is_infinite(), "{}", text);
        }
    }

    /// The doubles around a factor, spelt to their last digit, and what lies a little above them.
    #[test]
    fn neighbours_are_told_apart(more in 0u64..1 << 39, noise in 64u64..1 << 39, beyond: bool) {
        let factor = crate::deniability::odds_factor(noise + more, noise);
        for double in [factor.next_down(), factor, factor.next_up()] {
            let text = format!("{double:.60}{}", if beyond { "1" } else { "" });
            prop_assert_eq!(Json::parse(text.as_bytes()).unwrap().decimal(), Ok(double));
        }
    }

    #[test]
    fn three_digits_are_read_as_they_were_written(more in 0u64..1 << 39, noise in 64u64..1 << 39) {
        let factor = crate::deniability::odds_factor(noise + more, noise);
        let text = serde_json::to_string(&factor).unwrap();
        prop_assert_eq!(Json::parse(text.as_bytes()).unwrap().decimal(), Ok(factor));
    }

    #[test]
    fn what_is_written_is_what_serde_writes(value in values()) {
        let mut json = JsonWriter::default();
        if write(&mut json, &value) {
            prop_assert_eq!(json.finish(), serde_json::to_string(&value).unwrap());
        }
    }
}

/// Whether there is nothing in it that is not written here.
fn write(json: &mut JsonWriter, value: &Theirs) -> bool {
    match value {
        Theirs::Null => json.null(),
        Theirs::Bool(truth) => json.truth(*truth),
        Theirs::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => json.number(number),
            (None, Some(number)) => json.signed(number),
            (None, None) => return false,
        },
        Theirs::String(text) => json.text(text),
        Theirs::Array(elements) => {
            json.open('[');
            if !elements.iter().all(|element| write(json, element)) {
                return false;
            }
            json.close(']');
        }
        Theirs::Object(members) => {
            json.open('{');
            for (name, value) in members {
                json.name(name);
                if !write(json, value) {
                    return false;
                }
            }
            json.close('}');
        }
    }
    true
}
