//! Why a step failed, named: what happened, and what to do next.

use serde::{Deserialize, Serialize};

/// What a failed step's output tells, or the connection to its server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    pub kind: Cause,
    /// What happened, with the thing's name: `The disk is full: no space left in /var/cache/apt/archives.`
    pub sentence: String,
    /// What to do before a retry; empty where the sentence says it.
    pub action: String,
}

impl Diagnosis {
    /// Both in one, for places with a single line.
    pub fn in_words(&self) -> String {
        if self.action.is_empty() {
            self.sentence.clone()
        } else {
            format!("{} {}", self.sentence, self.action)
        }
    }
}

/// The usual causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    AptLockHeld,
    DiskFull,
    ReadOnlyFileSystem,
    OutOfMemory,
    NameNotResolved,
    MirrorUnreachable,
    ClockWrong,
    SourceNotTrusted,
    PackageNotFound,
    DpkgInterrupted,
    PortInUse,
    PermissionDenied,
    NoRoute,
    /// Nothing listens there.
    ConnectionRefused,
    NoAnswer,
    KeyRefused,
    HostKeyChanged,
    /// None of the usual ones: the step's own sentence, or only how it ended.
    Other,
}

impl Cause {
    pub const ALL: [Self; 18] = [
        Self::AptLockHeld,
        Self::DiskFull,
        Self::ReadOnlyFileSystem,
        Self::OutOfMemory,
        Self::NameNotResolved,
        Self::MirrorUnreachable,
        Self::ClockWrong,
        Self::SourceNotTrusted,
        Self::PackageNotFound,
        Self::DpkgInterrupted,
        Self::PortInUse,
        Self::PermissionDenied,
        Self::NoRoute,
        Self::ConnectionRefused,
        Self::NoAnswer,
        Self::KeyRefused,
        Self::HostKeyChanged,
        Self::Other,
    ];

    /// The word in scripts and on the page.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AptLockHeld => "apt_lock_held",
            Self::DiskFull => "disk_full",
            Self::ReadOnlyFileSystem => "read_only_file_system",
            Self::OutOfMemory => "out_of_memory",
            Self::NameNotResolved => "name_not_resolved",
            Self::MirrorUnreachable => "mirror_unreachable",
            Self::ClockWrong => "clock_wrong",
            Self::SourceNotTrusted => "source_not_trusted",
            Self::PackageNotFound => "package_not_found",
            Self::DpkgInterrupted => "dpkg_interrupted",
            Self::PortInUse => "port_in_use",
            Self::PermissionDenied => "permission_denied",
            Self::NoRoute => "no_route",
            Self::ConnectionRefused => "connection_refused",
            Self::NoAnswer => "no_answer",
            Self::KeyRefused => "key_refused",
            Self::HostKeyChanged => "host_key_changed",
            Self::Other => "other",
        }
    }

    /// The cause of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == word)
    }
}
