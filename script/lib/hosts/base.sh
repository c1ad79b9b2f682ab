# shellcheck shell=bash
# The base: one plain Debian tree per release that every host lies over, read-only.

# ensure_base RELEASE: builds the base unless it is there; prints its folder.
ensure_base() {
    local release=$1 base lock
    base=$(base_folder "$release")
    if [[ ! -d $base ]]; then
        mkdir -p "$STORE/base"
        exec {lock}>"$STORE/base/.lock"
        flock "$lock"
        [[ -d $base ]] || build_base "$release" "$base" >&2
        exec {lock}>&-
    fi
    echo "$base"
}

# Named by its recipe, so that a changed recipe makes a new one.
base_folder() { echo "$STORE/base/$1-$(sha256sum <"$HOSTS_LIB/bootstrap" | cut -c 1-10)"; }

build_base() {
    local release=$1 base=$2 part
    # What an interrupted build left; not into mounts that it may have left too.
    rm -rf --one-file-system "$STORE"/base/.part-*
    part=$(mktemp -d "$STORE/base/.part-XXXXXX")
    progress "building the Debian $release base for hosts (about a minute)" "$BROKEFORGE_CACHE/log/hosts-base-$release.log" \
        "$HOSTS_LIB/bootstrap" "$release" "$part" "$STORE" ||
        { rm -rf --one-file-system "$part"; die "the Debian $release base could not be built" "see $BROKEFORGE_CACHE/log/hosts-base-$release.log"; }
    mv -T "$part/root" "$base"
    rm -rf "$part"
}
