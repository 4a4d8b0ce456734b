//! ceknikd
fn main() {}
