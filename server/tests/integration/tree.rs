use std::process::Command;

/// The browser must not load what only a server can use.
#[test]
fn the_wasm_tree_holds_no_server_crate() {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "-p",
            "frontend",
            "--target",
            "wasm32-unknown-unknown",
            "-e",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tree = String::from_utf8_lossy(&output.stdout);
    let crates: Vec<_> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(
        crates.contains(&"wire") && crates.contains(&"leptos"),
        "{tree}"
    );
    for server_only in [
        "sea-orm",
        "sqlx",
        "sqlx-core",
        "tokio-rustls",
        "russh",
        "domain",
        "provisioner",
        "ssh",
        "axum",
        "argon2",
    ] {
        assert!(
            !crates.contains(&server_only),
            "{server_only} is in the browser's tree"
        );
    }
}
