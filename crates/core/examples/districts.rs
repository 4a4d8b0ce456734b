//! Writes `data/districts.bin`, the table of district codes that the crate embeds, from `data/district_codes.csv`.
//!
//! The file is the length in bytes of the first layer (LEB128), then two layers: the known codes, and of these the ones
//! that are current no more. A layer is its runs of consecutive codes, ascending: of each, the gap from the end of the
//! run before (from 0 at first) and the number of codes, both LEB128.

use std::error::Error;
use std::path::Path;

/// The table's bytes for a list of lines `code,name,current` under a header, ascending by code.
pub fn encode(csv: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let (mut known, mut former) = (Vec::new(), Vec::new());
    for line in csv.lines().skip(1) {
        // Names hold no comma; the generator would rather stop than guess.
        let [code, _, current] = line.split(',').collect::<Vec<_>>()[..] else {
            return Err(format!("not code,name,current: {line}").into());
        };
        let code: u32 = code.parse()?;
        if known.last().is_some_and(|last| *last >= code) {
            return Err(format!("not ascending: {line}").into());
        }
        known.push(code);
        if current == "0" {
            former.push(code);
        }
    }
    let known = layer(&known);
    let mut table = Vec::new();
    varint(known.len() as u32, &mut table);
    table.extend(known);
    table.extend(layer(&former));
    Ok(table)
}

fn layer(codes: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut end = 0;
    for run in codes.chunk_by(|a, b| a + 1 == *b) {
        varint(run[0] - end, &mut bytes);
        varint(run.len() as u32, &mut bytes);
        end = run[0] + run.len() as u32;
    }
    bytes
}

fn varint(mut value: u32, bytes: &mut Vec<u8>) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn main() -> Result<(), Box<dyn Error>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let table = encode(&std::fs::read_to_string(data.join("district_codes.csv"))?)?;
    std::fs::write(data.join("districts.bin"), &table)?;
    println!("{} bytes", table.len());
    Ok(())
}
