//! The record store, table by table.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::searcher::{Hit, Place, Searcher};

/// A copy of a store and of what its write-ahead log holds, to be opened elsewhere: opening changes both.
pub(crate) fn copy(store: &Path, to: &Path) -> Connection {
    for end in ["", "-wal"] {
        let name = format!("{}{end}", store.display());
        if Path::new(&name).exists() {
            fs::copy(&name, to.join(format!("copy.sqlite{end}"))).unwrap();
        }
    }
    Connection::open(to.join("copy.sqlite")).unwrap()
}

/// Searches every column of every table but the locators of the records.
pub(crate) fn search(store: &Connection, searcher: &Searcher, hits: &mut BTreeSet<Hit>) {
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table'";
    let mut names = store.prepare(names).unwrap();
    let names: Vec<String> = names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(names.iter().any(|name| name == "record") && names.len() > 8, "{names:?}");
    for name in names {
        let mut rows = store.prepare(&format!("SELECT * FROM \"{name}\"")).unwrap();
        let columns: Vec<String> = rows.column_names().map(str::to_owned).collect();
        let place = Place::Table(name.clone());
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for (number, column) in columns.iter().enumerate() {
                match row.get_ref(number).unwrap() {
                    ValueRef::Blob(bytes) if !(name == "record" && column == "locator") => {
                        searcher.search(&place, bytes, hits);
                    }
                    ValueRef::Text(bytes) => searcher.search(&place, bytes, hits),
                    ValueRef::Integer(number) => searcher.search(&place, number.to_string().as_bytes(), hits),
                    ValueRef::Real(number) => searcher.search(&place, format!("{number:e}").as_bytes(), hits),
                    ValueRef::Null | ValueRef::Blob(_) => {}
                }
            }
        }
    }
}
