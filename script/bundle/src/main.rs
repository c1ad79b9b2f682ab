//! Turns the compiled WebAssembly and the style sheets into the files a browser loads.
//!
//! ```text
//! SITE/hash.txt                  which hashes are current: lines `js: H`, `wasm: H`, `css: H`, as Leptos reads them
//! SITE/pkg/brokeforge.H.js       the loader
//! SITE/pkg/brokeforge.H.wasm     the frame and the first page
//! SITE/pkg/*.H.wasm              each group of other pages, and what some of the groups share
//! SITE/pkg/__wasm_split.H.js     fetches those when one of their pages is opened
//! SITE/pkg/__wasm_split_manifest.H.json     which a group needs, for the server to name them at once
//! SITE/pkg/brokeforge.H.css
//! SITE/pkg/snippets/             JavaScript of crates, if any
//! ```
//!
//! A name holds the hash of its content, or of all the code, so each file may be cached for ever.

mod site;
mod styles;
mod webassembly;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use crate::webassembly::{Tools, minify};

#[derive(Parser)]
#[command(about)]
struct Arguments {
    /// The `frontend.wasm` that cargo built.
    #[arg(long)]
    wasm: PathBuf,
    /// The folder with the style sheets.
    #[arg(long)]
    styles: PathBuf,
    /// The folder to fill.
    #[arg(long)]
    site: PathBuf,
    /// Shrinks the WebAssembly with this `wasm-opt`.
    #[arg(long, requires = "esbuild")]
    wasm_opt: Option<PathBuf>,
    /// Shrinks the JavaScript with this `esbuild`.
    #[arg(long, requires = "wasm_opt")]
    esbuild: Option<PathBuf>,
    /// Writes a brotli-compressed twin beside each file.
    #[arg(long)]
    compress: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let wasm = webassembly::read(&arguments.wasm)?;

    let tools = arguments
        .wasm_opt
        .zip(arguments.esbuild)
        .map(|(wasm_opt, esbuild)| Tools { wasm_opt, esbuild });
    let mut css = styles::concatenate(&arguments.styles)?;
    if let Some(tools) = &tools {
        css = String::from_utf8(minify(css.as_bytes(), "css", &tools.esbuild)?)?;
    }
    let recipe = site::Recipe {
        optimized: tools.is_some(),
        compressed: arguments.compress,
    };
    let site = site::Site::at(&arguments.site);
    if site.is_made_from(recipe, &wasm, &css) {
        return Ok(());
    }
    let bound = webassembly::bind(&wasm, tools.as_ref())?;
    site.write(recipe, &wasm, &css, &bound)
}
