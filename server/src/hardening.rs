//! What the process gives up at its start, because its memory holds keys.

use anyhow::{Context, Result};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

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
