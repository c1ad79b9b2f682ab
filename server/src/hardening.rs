//! What the process asks of the kernel at its start: a closed memory, because it holds keys, and room for sockets.

use anyhow::{Context, Result};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};

/// No core file of this process, ever, and no look into its memory by programs of the same user.
///
/// The limit alone is not enough: the kernel does not apply it where cores are piped to a collector
/// such as apport or systemd-coredump (core(5)).
///
/// # Errors
/// When the kernel refuses it.
pub fn keep_memory_private() -> Result<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).context("cannot forbid core files")?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .context("cannot close the process's memory to others")
}

/// As many open files as this user may have: each socket of a page is one, and most systems begin with 1,024.
///
/// # Errors
/// When the kernel refuses it.
pub fn allow_many_files() -> Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, most).context("cannot raise the limit of open files")
}
