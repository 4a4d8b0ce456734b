//! ceknik
fn main() {}
