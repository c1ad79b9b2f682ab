use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use anyhow::{Context, Result, anyhow, ensure};
use wasm_bindgen_cli_support::{Bindgen, Output};

use crate::site::{NAME, PLACEHOLDER};

/// Browsers abort what is under way when the network changes, say from one Wi-Fi to another. A page whose program was
/// cut off by that would stay dead.
const FETCH_AGAIN: &str = include_str!("fetch_again.js");

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

/// What a browser loads. Names and contents hold `PLACEHOLDER` where the hash of all of it will be.
pub struct Bound {
    /// Path below `pkg/`, content.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// The module as cargo left it.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading {}", path.display()))
}

/// What makes files smaller without changing what they do.
pub struct Tools {
    pub wasm_opt: PathBuf,
    pub esbuild: PathBuf,
}

/// Splits the module where the app says so, generates the loader for browsers, and shrinks all of it if there are tools.
pub fn bind(wasm: &[u8], tools: Option<&Tools>) -> Result<Bound> {
    let scratch = tempfile::tempdir()?;
    let main = scratch.path().join("main.wasm");
    let link = format!("__wasm_split.{PLACEHOLDER}.js");
    let split = split(wasm, scratch.path(), &main, &link)?;

    let mut output = Bindgen::new()
        .input_bytes(NAME, read(&main)?)
        .web(true)?
        .typescript(false)
        .remove_producers_section(true)
        // The other modules share memory and tables with the first.
        .keep_lld_exports(true)
        .generate_output()
        .context("wasm-bindgen")?;
    drop_unused_exports(&mut output);
    let loader = shorten_imports(&mut output);
    let mut modules = split.modules;
    modules.insert(
        format!("{NAME}.{PLACEHOLDER}.wasm"),
        output.wasm_mut().emit_wasm(),
    );
    if let Some(tools) = tools {
        modules = shrink_all(modules, &tools.wasm_opt)?;
    }

    let mut files = modules;
    files.insert(
        format!("{NAME}.{PLACEHOLDER}.js"),
        fetching_again(&loader, "= fetch(module_or_path)")?.into_bytes(),
    );
    files.insert(link, split.link);
    files.insert(
        format!("__wasm_split_manifest.{PLACEHOLDER}.json"),
        split.manifest,
    );
    for (module, texts) in output.snippets() {
        for (number, text) in texts.iter().enumerate() {
            files.insert(
                format!("snippets/{module}/inline{number}.js"),
                text.as_bytes().to_vec(),
            );
        }
    }
    for (path, text) in output.local_modules() {
        files.insert(format!("snippets/{path}"), text.as_bytes().to_vec());
    }
    if let Some(tools) = tools {
        let is_script = |path: &str| {
            Path::new(path)
                .extension()
                .is_some_and(|ending| ending == "js")
        };
        for (_, script) in files.iter_mut().filter(|(path, _)| is_script(path)) {
            *script = minify(script, "js", &tools.esbuild)?;
        }
    }
    Ok(Bound { files })
}

struct Split {
    modules: BTreeMap<String, Vec<u8>>,
    /// The JavaScript that fetches them.
    link: Vec<u8>,
    /// Which modules each group of pages needs, for the server to name them in a document.
    manifest: Vec<u8>,
}

fn split(wasm: &[u8], scratch: &Path, main: &Path, link: &str) -> Result<Split> {
    let (folder, link_path, main_module) = (
        scratch.join("split"),
        format!("./{link}"),
        format!("./{NAME}.{PLACEHOLDER}.js"),
    );
    let mut options = wasm_split_cli_support::Options::new(wasm);
    options.output_dir = &folder;
    options.main_out_path = main;
    options.link_name = &link_path;
    options.main_module = &main_module;
    let made = wasm_split_cli_support::transform(options)
        .map_err(|error| anyhow!("splitting: {error:#}"))?;

    let mut link = String::from_utf8(read(&folder.join(link))?)?;
    let mut modules = BTreeMap::new();
    for path in made.split_modules {
        let stem = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .context("a module without a name")?;
        let (before, after) = (
            format!("\"./{stem}.wasm\""),
            format!("{stem}.{PLACEHOLDER}.wasm"),
        );
        if !link.contains(&before) {
            continue; // Empty: nothing would fetch it.
        }
        link = link.replace(&before, &format!("\"./{after}\""));
        modules.insert(after, read(&path)?);
    }
    let needed: BTreeMap<_, Vec<_>> = made
        .prefetch_map
        .iter()
        .map(|(group, stems)| {
            (
                group,
                stems
                    .iter()
                    .map(|stem| format!("{stem}.{PLACEHOLDER}"))
                    .collect(),
            )
        })
        .collect();
    Ok(Split {
        modules,
        link: fetching_again(&link, "= fetch(new URL(")?.into_bytes(),
        manifest: serde_json::to_vec(&needed)?,
    })
}

/// The framework's HTTP client exports what turns a stream of ours into one of JavaScript, used or not. A program that
/// does not make these objects cannot be asked for what they do.
fn drop_unused_exports(output: &mut Output) {
    const CLASSES: &str = "intounderlying";
    let module = output.wasm_mut();
    if module
        .imports
        .iter()
        .any(|import| import.name.contains(CLASSES))
    {
        return;
    }
    let unused: Vec<_> = module
        .exports
        .iter()
        .filter(|export| export.name.contains(CLASSES))
        .map(|export| export.name.clone())
        .collect();
    for name in unused {
        let _ = module.exports.remove(&name);
    }
}

/// The names of what the program takes from the browser, such as `__wbg_readyState_039bc047141a5f6d`, stand in it and in
/// its loader and are no use to anybody: 6 kB of a first visit, compressed.
fn shorten_imports(output: &mut Output) -> String {
    let mut loader = output.js().to_owned();
    for (number, import) in output.wasm_mut().imports.iter_mut().enumerate() {
        let key = format!("\n{}:", import.name);
        if loader.matches(&key).count() == 1 {
            import.name = format!("i{number}");
            loader = loader.replace(&key, &format!("\n{}:", import.name));
        }
    }
    loader
}

fn fetching_again(script: &str, call: &str) -> Result<String> {
    ensure!(
        script.contains(call),
        "the loader has no `{call}` any more: was the tool that makes it upgraded?"
    );
    let again = call.replace("fetch(", "fetchAgain(");
    Ok(format!("{}\n{FETCH_AGAIN}", script.replace(call, &again)))
}

/// The modules are many and a machine has more than one core.
fn shrink_all(
    modules: BTreeMap<String, Vec<u8>>,
    wasm_opt: &Path,
) -> Result<BTreeMap<String, Vec<u8>>> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let left = Mutex::new(modules.into_iter());
    let next = || left.lock().ok().and_then(|mut left| left.next());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers)
            .map(|_| {
                scope.spawn(|| {
                    let mut small = BTreeMap::new();
                    while let Some((name, wasm)) = next() {
                        small.insert(name, shrink(&wasm, wasm_opt)?);
                    }
                    Ok(small)
                })
            })
            .collect();
        let mut all = BTreeMap::new();
        for worker in workers {
            let small: Result<BTreeMap<_, _>> = worker
                .join()
                .map_err(|_| anyhow!("a worker of wasm-opt panicked"))?;
            all.extend(small?);
        }
        Ok(all)
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
        // Browsers do not read which features a program says it uses.
        .args(["-Oz", "--converge", "--strip-target-features"])
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

/// Shortens a script, or a style sheet, by the ending of its name.
pub fn minify(text: &[u8], ending: &str, esbuild: &Path) -> Result<Vec<u8>> {
    let scratch = tempfile::tempdir()?;
    let before = scratch.path().join(format!("before.{ending}"));
    fs::write(&before, text)?;
    // The loader names one of its own imports several times over, which is no fault.
    let ran = Command::new(esbuild)
        .args(["--minify", "--log-level=error"])
        .arg(&before)
        .output()
        .with_context(|| format!("starting {}", esbuild.display()))?;
    ensure!(
        ran.status.success(),
        "{} ended with {}: {}",
        esbuild.display(),
        ran.status,
        String::from_utf8_lossy(&ran.stderr)
    );
    Ok(ran.stdout)
}
