//! Writes the JavaScript around the WebAssembly module of ceknik-wasm: `ceknik-bindgen MODULE.wasm DIR`.
//!
//! What `wasm-bindgen --target web` does, as a program whose dependencies the repository locks: the command of that name
//! brings its own choice of them along, and a third of them is for downloading.

use std::path::Path;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, directory] = arguments.as_slice() else {
        eprintln!("usage: ceknik-bindgen MODULE.wasm DIR");
        return ExitCode::from(2);
    };
    match write(Path::new(module), Path::new(directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ceknik-bindgen: {module}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn write(module: &Path, directory: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(module)
        .out_name("raw")
        .typescript(true)
        .remove_name_section(true)
        .remove_producers_section(true);
    // The package says itself where the module is, so that bundlers find one address and not two.
    bindgen.web(true)?.omit_default_module_path(true);
    bindgen.generate(directory)?;
    let written = directory.join("raw_bg.wasm");
    let module = without_sections_of_tools(&std::fs::read(&written)?).ok_or("the module is not of its form")?;
    std::fs::write(&written, module)?;
    Ok(())
}

/// The module without custom sections: which features it wants is said there to other tools, and every browser finds it out
/// without.
fn without_sections_of_tools(module: &[u8]) -> Option<Vec<u8>> {
    const HEADER_BYTES: usize = 8;
    let (header, mut rest) = module.split_at_checked(HEADER_BYTES)?;
    let mut written = header.to_vec();
    while let [kind, after @ ..] = rest {
        // A length of 32 bits in LEB128.
        let digits = 1 + after.iter().position(|byte| byte & 0x80 == 0).filter(|digits| *digits < 5)?;
        let bytes = after[..digits].iter().rev().fold(0, |bytes, digit| bytes << 7 | usize::from(digit & 0x7f));
        let (section, next) = rest.split_at_checked(1 + digits + bytes)?;
        if *kind != 0 {
            written.extend_from_slice(section);
        }
        rest = next;
    }
    Some(written)
}
