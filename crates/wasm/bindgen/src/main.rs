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
    Ok(())
}
