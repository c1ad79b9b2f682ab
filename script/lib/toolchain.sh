# shellcheck shell=bash
# Finds one Rust toolchain that builds both the server and the WebAssembly, or makes one.

# sea-orm 2 asks for it.
RUST_MINIMUM=1.94
# What rustup is asked for when its default is older.
RUST_WANTED=1.96.0
WASM=wasm32-unknown-unknown

# BROKEFORGE_TOOLCHAIN=debian keeps rustup out of it: for machines that may download from Debian only.
ensure_toolchain() {
    if [[ ${BROKEFORGE_TOOLCHAIN:-} == debian ]]; then
        [[ -x $TOOLCHAIN_BIN/cargo ]] && toolchain_works && return
        say "using Debian's Rust"
        try_debian_toolchain ||
            die "Debian has no Rust $RUST_MINIMUM or newer here, or it could not be installed" \
                "unset BROKEFORGE_TOOLCHAIN to let rustup be used"
    else
        toolchain_works && return
        say "looking for Rust $RUST_MINIMUM or newer with $WASM"
        rm -rf "$BROKEFORGE_CACHE/toolchain"
        try_installed_debian_toolchain || try_rustup_target || try_rustup_toolchain || try_debian_toolchain ||
            die "no Rust $RUST_MINIMUM or newer with the $WASM target, and none could be installed" \
                "install rustup, then: rustup toolchain install $RUST_WANTED --target $WASM"
    fi
    printf '    using %s\n' "$(cargo --version)" >&2
}

toolchain_works() { rust_is_new_enough && has_wasm_target && has_rust_components; }

rust_is_new_enough() {
    local tool version
    for tool in cargo rustc; do
        version=$("$tool" --version 2>/dev/null | cut -d ' ' -f 2) || return 1
        [[ $(printf '%s\n' "$RUST_MINIMUM" "$version" | sort -V | head -n 1) == "$RUST_MINIMUM" ]] || return 1
    done
}

# A library of our own making is of no use to a compiler that was upgraded since.
has_wasm_target() {
    local libdir
    libdir=$(rustc --print target-libdir --target $WASM 2>/dev/null) || return 1
    compgen -G "$libdir/libstd-*.rlib" >/dev/null || return 1
    [[ ! -e $libdir/built-by || $(<"$libdir/built-by") == "$(rustc --version)" ]]
}

has_rust_components() { cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1; }

# What is there already comes before any download.
try_installed_debian_toolchain() {
    [[ -x /usr/bin/cargo && -x /usr/bin/rustc && -x /usr/bin/rust-lld ]] || return 1
    link_debian_toolchain
    toolchain_works && return
    unlink_debian_toolchain
    return 1
}

# Four minutes: a refusal comes at once, a slow line gets its time, a dead one does not hold us for ever.
try_rustup_target() {
    command -v rustup >/dev/null && rust_is_new_enough || return 1
    progress "rustup target add $WASM" "$BROKEFORGE_CACHE/log/rustup.log" \
        timeout 240 rustup target add "$WASM" || return 1
    toolchain_works
}

# Beside the caller's own toolchains, which stay as they are.
try_rustup_toolchain() {
    command -v rustup >/dev/null || return 1
    progress "rustup toolchain install $RUST_WANTED" "$BROKEFORGE_CACHE/log/rustup.log" \
        timeout 600 rustup toolchain install "$RUST_WANTED" --profile minimal \
        --component clippy,rustfmt --target "$WASM" || return 1
    mkdir -p "$BROKEFORGE_CACHE/toolchain"
    printf '%s\n' "$RUST_WANTED" >"$TOOLCHAIN_NAME"
    use_toolchain
    toolchain_works && return
    rm -f "$TOOLCHAIN_NAME"
    unset RUSTUP_TOOLCHAIN
    return 1
}

# Debian's compiler for browsers is new, but its standard library for wasm32 is not packaged: build it once.
try_debian_toolchain() {
    is_debian || return 1
    if ! rust_web_is_new_enough; then
        return 1
    fi
    apt_install rustc-web cargo-web rust-web-src rust-web-llvm rust-web-clippy rustfmt-web gcc libc6-dev
    # rust-web-llvm links rust-lld to one version of lld without depending on it.
    apt_install "$(readlink /usr/bin/rust-lld)"
    link_debian_toolchain
    has_wasm_target || build_wasm_standard_library
    toolchain_works
}

# A machine's package lists may be months old, or not there: with what they say, only a yes is believed.
rust_web_is_new_enough() {
    candidate_is_new_enough && return
    can_be_root || return 1
    progress "refreshing the package lists" "$BROKEFORGE_CACHE/log/apt.log" apt_update || return 1
    candidate_is_new_enough
}

candidate_is_new_enough() {
    local candidate
    candidate=$(apt-cache policy rustc-web 2>/dev/null | sed -n 's/^  Candidate: //p')
    [[ -n $candidate && $candidate != '(none)' ]] && dpkg --compare-versions "$candidate" ge "$RUST_MINIMUM"
}

link_debian_toolchain() {
    mkdir -p "$TOOLCHAIN_BIN"
    local tool
    for tool in cargo rustc rustdoc rustfmt cargo-fmt cargo-clippy clippy-driver rust-lld; do
        ln -sfn "/usr/bin/$tool" "$TOOLCHAIN_BIN/$tool"
    done
    use_toolchain
    hash -r
}

unlink_debian_toolchain() {
    rm -rf "$TOOLCHAIN_BIN"
    PATH=${PATH#"$TOOLCHAIN_BIN:"}
    hash -r
}

build_wasm_standard_library() {
    local crate=$BROKEFORGE_CACHE/wasm-std libdir
    libdir=$(rustc --print target-libdir --target $WASM)
    can_be_root || die "cannot write $libdir" "run script/setup once with sudo"
    rm -rf "$crate"
    mkdir -p "$crate/src"
    printf '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n' >"$crate/Cargo.toml"
    : >"$crate/src/lib.rs"
    (
        cd "$crate"
        # -Zbuild-std is unstable: the variable lets this one stable compiler do it.
        CARGO_TARGET_DIR=$crate/target RUSTC_BOOTSTRAP=1 progress \
            "building the standard library for $WASM (about a minute, once)" "$BROKEFORGE_CACHE/log/wasm-std.log" \
            cargo build --release --target $WASM -Zbuild-std=std,panic_abort,panic_unwind,proc_macro
    ) || die "the standard library for $WASM did not build" "see $BROKEFORGE_CACHE/log/wasm-std.log"

    # Whole or not at all: a half-copied folder would look like a finished one.
    as_root mkdir -p "$(dirname "$libdir")"
    as_root rm -rf "$libdir.new"
    as_root mkdir "$libdir.new"
    rm -f "$crate/target/$WASM/release/deps"/libempty-*
    as_root cp "$crate/target/$WASM/release/deps"/lib*.rlib "$libdir.new/"
    rustc --version | as_root tee "$libdir.new/built-by" >/dev/null
    as_root rm -rf "$libdir"
    as_root mv "$libdir.new" "$libdir"
    rm -rf "$crate"
}
