use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use brotlic::{
    BlockSize, BrotliEncoderOptions, CompressorWriter, IntoInnerError, Quality, WindowSize,
};
use sha2::{Digest, Sha256};

use crate::webassembly::Bound;

/// The first part of every file name, known to the server as Leptos' output name.
pub const NAME: &str = "brokeforge";

/// Stands for the hash in names and contents until all contents are there. As long as a hash, so that replacing it moves
/// nothing in a module.
pub const PLACEHOLDER: &str = "________________";

/// How the files were made: others must be made anew.
#[derive(Clone, Copy)]
pub struct Recipe {
    pub optimized: bool,
    pub compressed: bool,
}

/// The folder that the server gives browsers.
pub struct Site {
    root: PathBuf,
}

impl Site {
    pub fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Whether the last run had the very same input: binding a large module again costs seconds.
    pub fn is_made_from(&self, recipe: Recipe, wasm: &[u8], css: &str) -> bool {
        let stamp = fs::read_to_string(self.stamp_file());
        self.hash_file().exists() && stamp.is_ok_and(|stamp| stamp == stamp_of(recipe, wasm, css))
    }

    /// Writes the files, then the list of their hashes, then removes what the list no longer names: a server that
    /// renders a page in between finds whole files under the names it read. Loader and modules name each other, so they
    /// share one hash, of all of them.
    pub fn write(&self, recipe: Recipe, wasm: &[u8], css: &str, bound: &Bound) -> Result<()> {
        let mut hashes = String::new();
        let mut current = BTreeSet::new();
        let code = hash_of_all(&bound.files);
        for (name, content) in &bound.files {
            let name = name.replace(PLACEHOLDER, &code);
            self.put(&name, &with_hash(content, &code), recipe, &mut current)?;
        }
        let style = short_hash(&[css.as_bytes()]);
        self.put(
            &format!("{NAME}.{style}.css"),
            css.as_bytes(),
            recipe,
            &mut current,
        )?;
        for (kind, hash) in [
            ("js", &code),
            ("wasm", &code),
            ("split", &code),
            ("manifest", &code),
            ("css", &style),
        ] {
            hashes.extend([kind, ": ", hash, "\n"]);
        }
        replace(&self.hash_file(), hashes.as_bytes())?;
        remove_others(&self.pkg(), &current)?;
        replace(&self.stamp_file(), stamp_of(recipe, wasm, css).as_bytes())
    }

    fn put(
        &self,
        name: &str,
        content: &[u8],
        recipe: Recipe,
        current: &mut BTreeSet<PathBuf>,
    ) -> Result<()> {
        let path = self.pkg().join(name);
        replace(&path, content)?;
        if recipe.compressed {
            let twin = with_suffix(&path, ".br");
            replace(&twin, &brotli_of(content)?)?;
            current.insert(twin);
        }
        current.insert(path);
        Ok(())
    }

    fn pkg(&self) -> PathBuf {
        self.root.join("pkg")
    }

    fn hash_file(&self) -> PathBuf {
        self.root.join("hash.txt")
    }

    fn stamp_file(&self) -> PathBuf {
        self.root.join("made-from.txt")
    }
}

fn stamp_of(recipe: Recipe, wasm: &[u8], css: &str) -> String {
    let Recipe {
        optimized,
        compressed,
    } = recipe;
    let input = short_hash(&[wasm, css.as_bytes()]);
    let bundler = bundler();
    format!("{bundler} optimized={optimized} compressed={compressed} {input}\n")
}

/// What this program does, by its own text: its build time would change when cargo relinks it for no reason of ours.
fn bundler() -> String {
    short_hash(&[
        include_bytes!("fetch_again.js"),
        include_bytes!("site.rs"),
        include_bytes!("webassembly.rs"),
    ])
}

fn hash_of_all(files: &BTreeMap<String, Vec<u8>>) -> String {
    let parts: Vec<&[u8]> = files
        .iter()
        .flat_map(|(name, content)| [name.as_bytes(), content])
        .collect();
    short_hash(&parts)
}

fn with_hash(content: &[u8], hash: &str) -> Vec<u8> {
    let mut content = content.to_vec();
    let placeholder = PLACEHOLDER.as_bytes();
    let mut at = 0;
    while let Some(found) = content[at..]
        .windows(placeholder.len())
        .position(|window| window == placeholder)
    {
        at += found;
        content[at..at + placeholder.len()].copy_from_slice(hash.as_bytes());
        at += placeholder.len();
    }
    content
}

fn short_hash(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut hash = hex::encode(hasher.finalize());
    hash.truncate(16);
    hash
}

fn brotli_of(content: &[u8]) -> Result<Vec<u8>> {
    let encoder = BrotliEncoderOptions::new()
        .quality(Quality::best())
        .window_size(WindowSize::new(22)?)
        // In 2^n bytes. What the library takes by itself costs the page's program 60 bytes.
        .block_size(BlockSize::new(17)?)
        .size_hint(u32::try_from(content.len())?)
        .build()?;
    let mut compressor = CompressorWriter::with_encoder(encoder, Vec::new());
    compressor.write_all(content)?;
    Ok(compressor
        .into_inner()
        .map_err(IntoInnerError::into_error)?)
}

fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let put = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let unfinished = with_suffix(path, ".new");
        fs::write(&unfinished, content)?;
        fs::rename(&unfinished, path)
    };
    put().with_context(|| format!("writing {}", path.display()))
}

fn remove_others(folder: &Path, current: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(&path, current)?;
        } else if !current.contains(&path) {
            fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
        }
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().map(OsStr::to_owned).unwrap_or_default();
    name.push(suffix);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use brotlic::DecompressorReader;

    use super::*;

    const DEVELOPMENT: Recipe = Recipe {
        optimized: false,
        compressed: false,
    };
    const RELEASE: Recipe = Recipe {
        optimized: true,
        compressed: true,
    };

    fn bound(js: &str) -> Bound {
        Bound {
            files: [
                (format!("{NAME}.{PLACEHOLDER}.js"), js.as_bytes().to_vec()),
                (format!("__wasm_split.{PLACEHOLDER}.js"), b"2".to_vec()),
                (
                    format!("__wasm_split_manifest.{PLACEHOLDER}.json"),
                    b"{}".to_vec(),
                ),
                (
                    format!("{NAME}.{PLACEHOLDER}.wasm"),
                    format!("\0asm ./a.{PLACEHOLDER}.js").into_bytes(),
                ),
                ("snippets/one/inline0.js".to_owned(), b"1".to_vec()),
            ]
            .into(),
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .expect("the folder is there")
            .map(|entry| {
                let name = entry.expect("readable").file_name();
                name.to_string_lossy().into_owned()
            })
            .collect();
        names.sort();
        names
    }

    #[test]
    fn every_name_holds_the_hash_that_the_list_tells() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let site = Site::at(folder.path());
        site.write(DEVELOPMENT, b"w", "c", &bound("j"))?;

        let list = fs::read_to_string(folder.path().join("hash.txt"))?;
        let mut expected = vec!["snippets".to_owned()];
        for line in list.lines() {
            let (kind, hash) = line.split_once(": ").expect("kind: hash");
            match kind {
                "js" | "wasm" | "css" => expected.push(format!("{NAME}.{hash}.{kind}")),
                "split" => expected.push(format!("__wasm_split.{hash}.js")),
                "manifest" => expected.push(format!("__wasm_split_manifest.{hash}.json")),
                other => panic!("an unknown kind {other}"),
            }
        }
        expected.sort();
        assert_eq!(names(&folder.path().join("pkg")), expected);
        Ok(())
    }

    #[test]
    fn files_name_each_other_by_the_hash_and_not_by_its_placeholder() -> Result<()> {
        let folder = tempfile::tempdir()?;
        Site::at(folder.path()).write(DEVELOPMENT, b"w", "c", &bound("j"))?;
        let pkg = folder.path().join("pkg");
        let names = names(&pkg);
        let wasm = names
            .iter()
            .find(|name| name.split('.').next_back() == Some("wasm"))
            .expect("a module");
        let code = wasm.split('.').nth(1).expect("a hash");
        assert_eq!(
            fs::read_to_string(pkg.join(wasm))?,
            format!("\0asm ./a.{code}.js")
        );
        assert!(
            names.iter().all(|name| !name.contains(PLACEHOLDER)),
            "{names:?}"
        );
        Ok(())
    }

    #[test]
    fn a_second_run_removes_what_is_no_longer_named() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let site = Site::at(folder.path());
        site.write(DEVELOPMENT, b"w", "c", &bound("before"))?;
        let before = names(&folder.path().join("pkg"));
        site.write(DEVELOPMENT, b"w", "c", &bound("after"))?;
        let after = names(&folder.path().join("pkg"));
        assert_eq!(before.len(), after.len());
        assert_ne!(before, after);
        Ok(())
    }

    #[test]
    fn the_same_input_is_recognized_until_input_or_recipe_changes() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let site = Site::at(folder.path());
        assert!(!site.is_made_from(DEVELOPMENT, b"w", "c"));
        site.write(DEVELOPMENT, b"w", "c", &bound("j"))?;
        assert!(site.is_made_from(DEVELOPMENT, b"w", "c"));
        assert!(!site.is_made_from(DEVELOPMENT, b"w", "d"));
        assert!(!site.is_made_from(RELEASE, b"w", "c"));
        Ok(())
    }

    #[test]
    fn a_compressed_twin_holds_the_same_bytes() -> Result<()> {
        let folder = tempfile::tempdir()?;
        Site::at(folder.path()).write(RELEASE, b"w", "color: red;", &bound("j"))?;
        let pkg = folder.path().join("pkg");
        let twin = names(&pkg)
            .into_iter()
            .find(|name| name.ends_with(".css.br"))
            .expect("a twin");
        let mut plain = Vec::new();
        DecompressorReader::new(&fs::read(pkg.join(twin))?[..]).read_to_end(&mut plain)?;
        assert_eq!(plain, b"color: red;");
        Ok(())
    }
}
