use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// Later sheets may override earlier ones, so the order is part of the design.
const ORDER: [&str; 10] = [
    "tokens",
    "base",
    "shell",
    "page",
    "floating",
    "forms",
    "lists",
    "status",
    "operation",
    "charts",
];

/// All sheets of the folder as one: first those with a fixed place, then the others by name.
pub fn concatenate(folder: &Path) -> Result<String> {
    let mut sheets = sheets_in(folder)?;
    sheets.sort_by_key(|sheet| (place(sheet), sheet.clone()));

    let mut css = String::new();
    for sheet in sheets {
        let text =
            fs::read_to_string(&sheet).with_context(|| format!("reading {}", sheet.display()))?;
        css.push_str(text.trim_end());
        css.push('\n');
    }
    Ok(css)
}

fn sheets_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut sheets = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "css") {
            sheets.push(path);
        }
    }
    Ok(sheets)
}

fn place(sheet: &Path) -> usize {
    ORDER
        .iter()
        .position(|name| {
            sheet
                .file_stem()
                .is_some_and(|stem| stem.eq_ignore_ascii_case(name))
        })
        .unwrap_or(ORDER.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sheets_come_in_their_order_and_others_last() -> Result<()> {
        let folder = tempfile::tempdir()?;
        for name in ["zebra.css", "base.css", "ant.css", "tokens.css", "notes.md"] {
            fs::write(folder.path().join(name), format!("/* {name} */\n\n"))?;
        }
        assert_eq!(
            concatenate(folder.path())?,
            "/* tokens.css */\n/* base.css */\n/* ant.css */\n/* zebra.css */\n"
        );
        Ok(())
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = concatenate(Path::new("/nowhere/style")).expect_err("no such folder");
        assert!(format!("{error:#}").contains("/nowhere/style"), "{error:#}");
    }
}
