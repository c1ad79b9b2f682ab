use std::{collections::BTreeMap, fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use wasm_bindgen_cli_support::Bindgen;

/// What rustc emits for wasm32-unknown-unknown by default, and no more: with `--all-features` wasm-opt may emit types
/// that browsers do not load yet.
const FEATURES: [&str; 8] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-call-indirect-overlong",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// What wasm-bindgen makes of one module.
pub struct Bound {
    pub js: Vec<u8>,
    pub wasm: Vec<u8>,
    /// Path below `snippets/`, content.
    pub snippets: BTreeMap<String, String>,
}

/// The module as cargo left it.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading {}", path.display()))
}

/// Generates the loader for browsers, and shrinks the module if there is a `wasm-opt`.
pub fn bind(wasm: &[u8], wasm_opt: Option<&Path>) -> Result<Bound> {
    let mut output = Bindgen::new()
        .input_bytes(crate::site::NAME, wasm.to_vec())
        .web(true)?
        .typescript(false)
        .remove_producers_section(true)
        .generate_output()
        .context("wasm-bindgen")?;

    let mut snippets = BTreeMap::new();
    for (module, texts) in output.snippets() {
        for (number, text) in texts.iter().enumerate() {
            snippets.insert(format!("{module}/inline{number}.js"), text.clone());
        }
    }
    for (path, text) in output.local_modules() {
        snippets.insert(path.clone(), text.clone());
    }
    let wasm = output.wasm_mut().emit_wasm();
    Ok(Bound {
        js: output.js().as_bytes().to_vec(),
        wasm: match wasm_opt {
            Some(program) => shrink(&wasm, program)?,
            None => wasm,
        },
        snippets,
    })
}

fn shrink(wasm: &[u8], wasm_opt: &Path) -> Result<Vec<u8>> {
    let scratch = tempfile::tempdir()?;
    let (before, after) = (
        scratch.path().join("before.wasm"),
        scratch.path().join("after.wasm"),
    );
    fs::write(&before, wasm)?;
    let status = Command::new(wasm_opt)
        .arg("-Oz")
        .args(FEATURES)
        .arg(&before)
        .arg("-o")
        .arg(&after)
        .status()
        .with_context(|| format!("starting {}", wasm_opt.display()))?;
    ensure!(
        status.success(),
        "{} ended with {status}",
        wasm_opt.display()
    );
    read(&after)
}
