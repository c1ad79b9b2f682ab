//! The signs by which output tells its cause. Every script speaks in the C locale, so the words are
//! always these. What lies deepest is asked first: a full disk also makes packages missing.

use wire::diagnosis::{Cause, Diagnosis};

use super::found;

/// The cause that the output names, if it names a usual one.
pub(super) fn read(output: &str) -> Option<Diagnosis> {
    let signs = [
        disk_full,
        read_only,
        lock_held,
        no_permission,
        wrong_clock,
        untrusted_source,
        unresolved_name,
        unreachable_mirror,
        missing_on_mirror,
        missing_package,
        port_in_use,
        interrupted,
        killed,
    ];
    signs.into_iter().find_map(|sign| sign(output))
}

fn disk_full(output: &str) -> Option<Diagnosis> {
    const NO_SPACE: &str = "No space left on device";
    let place = if let Some((_, rest)) = line_with(output, "You don't have enough free space in ") {
        Some(rest.trim_end_matches(['.', '/']))
    } else {
        let (before, _) = line_with(output, NO_SPACE)?;
        last_path(before)
    };
    let sentence = match place {
        Some(place) => format!("The disk is full: no space is left for {place}."),
        None => "The disk of the server is full.".to_owned(),
    };
    let action = "Free some space on the server (df -h shows where), then retry.";
    Some(found(Cause::DiskFull, sentence, action))
}

fn read_only(output: &str) -> Option<Diagnosis> {
    let (before, _) = line_with(output, "Read-only file system")?;
    let sentence = match last_path(before) {
        Some(place) => format!("The file system that holds {place} is read-only."),
        None => "A file system of the server is read-only.".to_owned(),
    };
    let action = "The kernel does that after errors of the disk: look at dmesg, make it writable again, then retry.";
    Some(found(Cause::ReadOnlyFileSystem, sentence, action))
}

fn lock_held(output: &str) -> Option<Diagnosis> {
    let holder = if let Some((_, rest)) = line_with(output, "It is held by process ") {
        let (pid, name) = rest.split_once(' ').unwrap_or((rest, ""));
        let name = name.trim_matches(['(', ')']);
        described(name, pid)
    } else if let Some((_, rest)) = line_with(output, "lock was locked by ") {
        let (name, pid) = rest.split_once(" process with pid ")?;
        described(name.rsplit('/').next().unwrap_or(name), pid)
    } else {
        line_with(output, "Could not get lock ")?;
        "another program".to_owned()
    };
    let sentence = format!("The package lock is held by {holder}.");
    let action = "Wait until it has ended, or stop it, then retry.";
    Some(found(Cause::AptLockHeld, sentence, action))
}

fn described(name: &str, pid: &str) -> String {
    let pid: String = pid.chars().take_while(char::is_ascii_digit).collect();
    match name {
        "" | "another" => format!("process {pid}"),
        name => format!("{name} (process {pid})"),
    }
}

fn no_permission(output: &str) -> Option<Diagnosis> {
    let is_not_root = [
        "are you root?",
        "requires superuser privilege",
        "sudo: a password is required",
        "is not in the sudoers file",
    ]
    .iter()
    .any(|sign| output.contains(sign));
    if is_not_root {
        let action = "Log in as root, or allow sudo without a password, then retry.";
        let sentence = "The panel's login is not root there and may not become it.";
        return Some(found(Cause::PermissionDenied, sentence, action));
    }
    let (before, _) = line_with(output, ": Permission denied")?;
    let sentence = match last_path(before) {
        Some(place) => format!("Permission denied for {place}."),
        None => "The server denied permission.".to_owned(),
    };
    let action = "Look at its owner, mode and attributes (ls -l, lsattr), then retry.";
    Some(found(Cause::PermissionDenied, sentence, action))
}

fn wrong_clock(output: &str) -> Option<Diagnosis> {
    let about = |before: &str| {
        let file = before.rsplit("Release file for ").next().unwrap_or(before);
        file.trim().to_owned()
    };
    if let Some((before, rest)) = line_with(output, " is not valid yet (invalid for another ") {
        let by = rest.split(')').next().unwrap_or(rest);
        let sentence = format!(
            "The server's clock is behind: to it, {} comes from the future, by {by}.",
            about(before)
        );
        let action = "Set the clock (timedatectl set-ntp true), then retry.";
        return Some(found(Cause::ClockWrong, sentence, action));
    }
    let (before, rest) = line_with(output, " is expired (invalid since ")?;
    let since = rest.split(')').next().unwrap_or(rest);
    let sentence = format!(
        "By the server's clock, {} expired {since} ago.",
        about(before)
    );
    let action = "Set the clock if it is ahead (date shows it); if not, this mirror is out of date: take another in /etc/apt, then retry.";
    Some(found(Cause::ClockWrong, sentence, action))
}

fn untrusted_source(output: &str) -> Option<Diagnosis> {
    let says_any = |signs: &[&str]| signs.iter().any(|sign| output.contains(sign));
    let reason = if says_any(&["EXPKEYSIG", "KEYEXPIRED", "key expired", "expired on"]) {
        "its key has expired"
    } else if says_any(&["NO_PUBKEY", "Missing key "]) {
        "its key is not on the server"
    } else if says_any(&["BADSIG", "Message has been manipulated"]) {
        "its signature is wrong"
    } else if says_any(&[" is not signed.", " is no longer signed."]) {
        "it is not signed"
    } else if says_any(&["signatures were invalid", "sqv returned an error"]) {
        "its signature is not accepted"
    } else {
        return None;
    };
    let source = match line_with(output, "The repository '") {
        Some((_, rest)) => rest.split('\'').next(),
        None => ["GPG error: ", "verification failed: "]
            .iter()
            .find_map(|sign| line_with(output, sign))
            .and_then(|(_, rest)| rest.split(": ").next()),
    };
    let sentence = match source {
        Some(source) => format!("The package source {source} cannot be trusted: {reason}."),
        None => format!("A package source cannot be trusted: {reason}."),
    };
    let action =
        "Renew its key in /etc/apt/keyrings, or take the source out of /etc/apt, then retry.";
    Some(found(Cause::SourceNotTrusted, sentence, action))
}

fn unresolved_name(output: &str) -> Option<Diagnosis> {
    let name = [
        "Temporary failure resolving '",
        "Could not resolve '",
        "Something wicked happened resolving '",
        "Could not resolve host: ",
    ]
    .iter()
    .find_map(|sign| line_with(output, sign))
    .map(|(_, rest)| rest.split(['\'', ' ']).next().unwrap_or(rest))?;
    let sentence = format!("The server cannot resolve the name {name}.");
    let action = "Check its DNS (/etc/resolv.conf) and the name in /etc/apt, then retry.";
    Some(found(Cause::NameNotResolved, sentence, action))
}

fn unreachable_mirror(output: &str) -> Option<Diagnosis> {
    let signs = [
        "Could not connect to ",
        "Cannot initiate the connection to ",
        "Unable to connect to ",
        "Connection timed out",
        "Connection failed",
        "connection timed out",
        "Could not handshake",
    ];
    // The words that say most come first; apt tells the reason only once for each host.
    let (line, at) = signs.iter().find_map(|sign| {
        let mut lines = output.lines();
        lines.find_map(|line| Some((line, line.find(sign)?)))
    })?;
    let reason = &line[at..];
    let action = "Check the server's network, its firewall and the mirror in /etc/apt, then retry.";
    let sentence = match mirror(output) {
        Some(mirror) => format!(
            "The package mirror {mirror} does not answer: {}.",
            reason.trim().trim_end_matches(['.', ':'])
        ),
        None => format!("A server does not answer: {}.", reason.trim()),
    };
    Some(found(Cause::MirrorUnreachable, sentence, action))
}

fn missing_on_mirror(output: &str) -> Option<Diagnosis> {
    if let Some((_, rest)) = line_with(output, "The repository '")
        && let Some((source, _)) = rest.split_once("' does not have a Release file")
    {
        let sentence = format!("The package source {source} does not exist on its mirror.");
        let action = "Correct it in /etc/apt, then retry.";
        return Some(found(Cause::MirrorUnreachable, sentence, action));
    }
    let line = output
        .lines()
        .find(|line| line.contains("Failed to fetch "))?;
    let (_, rest) = line.split_once("Failed to fetch ")?;
    let (url, reason) = rest.split_once("  ").unwrap_or((rest, "it did not arrive"));
    if reason.starts_with("404") {
        let file = url.rsplit('/').next().unwrap_or(url);
        let sentence = format!("The package mirror does not have {file} any more.");
        let action = "Retry: the package lists are fetched anew first.";
        return Some(found(Cause::PackageNotFound, sentence, action));
    }
    let sentence = format!("{url} could not be fetched: {}.", reason.trim());
    let action = "Check the server's network and the mirror in /etc/apt, then retry.";
    Some(found(Cause::MirrorUnreachable, sentence, action))
}

fn missing_package(output: &str) -> Option<Diagnosis> {
    let package = if let Some((_, rest)) = line_with(output, "Unable to locate package ") {
        rest
    } else {
        let (_, rest) = line_with(output, "Package '")?;
        rest.split_once("' has no installation candidate")?.0
    };
    let sentence = format!("The package sources of the server do not offer {package}.");
    let action = "Mend /etc/apt/sources.list, then retry.";
    Some(found(Cause::PackageNotFound, sentence, action))
}

fn port_in_use(output: &str) -> Option<Diagnosis> {
    let (before, _) = line_with(output, "Address already in use")?;
    let port = before
        .split(|character: char| character.is_whitespace())
        .filter_map(|word| word.trim_end_matches(':').rsplit_once(':'))
        .filter_map(|(_, port)| port.parse::<u16>().ok())
        .next_back();
    let sentence = match port {
        Some(port) => format!("Port {port} is taken by another program."),
        None => "A port is taken by another program.".to_owned(),
    };
    let action =
        "ss -ltnp on the server shows by which. Stop it or move it to another port, then retry.";
    Some(found(Cause::PortInUse, sentence, action))
}

fn interrupted(output: &str) -> Option<Diagnosis> {
    line_with(output, "dpkg was interrupted")?;
    let sentence = "An earlier installation was cut off half-way.";
    let action = "Retry: it is mended first.";
    Some(found(Cause::DpkgInterrupted, sentence, action))
}

fn killed(output: &str) -> Option<Diagnosis> {
    let signs = [
        "killed by signal (Killed)",
        "received signal 9",
        "Out of memory",
        "Cannot allocate memory",
    ];
    let what = if output.contains("/dpkg exited unexpectedly") {
        "dpkg was"
    } else if signs.iter().any(|sign| output.contains(sign)) {
        "A program was"
    } else {
        return None;
    };
    let sentence =
        format!("{what} killed while it worked, as the kernel does when memory runs out.");
    let action = "Look at free -m and dmesg on the server, add memory or swap if that was it, then retry: what is half-done is mended first.";
    Some(found(Cause::OutOfMemory, sentence, action))
}

/// The host of the first thing that could not be fetched.
fn mirror(output: &str) -> Option<&str> {
    let (_, url) = line_with(output, "://")?;
    Some(url.split(['/', ' ', '\'']).next().unwrap_or(url))
}

/// What stands before and behind the sign, in the first line that holds it.
fn line_with<'a>(output: &'a str, sign: &str) -> Option<(&'a str, &'a str)> {
    let (before, rest) = output.lines().find_map(|line| line.split_once(sign))?;
    Some((before, rest.trim()))
}

/// The last path in a line, quoted or not.
fn last_path(line: &str) -> Option<&str> {
    line.split([' ', '\'', '"', '`'])
        .rfind(|word| word.starts_with('/') && word.len() > 1)
        .map(|word| word.trim_end_matches([':', ',', '.', '/']))
}
