//! Names the usual failures in one sentence with the next action.

/// What the last lines of a failed step tell, if they tell a usual thing.
pub fn of(output: &str) -> Option<&'static str> {
    const KNOWN: &[(&str, &str)] = &[
        (
            "No space left on device",
            "The disk is full. Free some space on the server, then retry.",
        ),
        (
            "Could not get lock",
            "Another program is installing packages on the server. Wait for it, then retry.",
        ),
        (
            "Temporary failure resolving",
            "The server cannot resolve names. Check its DNS settings, then retry.",
        ),
        (
            "Could not resolve",
            "The server cannot resolve names. Check its DNS settings, then retry.",
        ),
        (
            "Unable to locate package",
            "A package is missing from the server's package sources. Check /etc/apt/sources.list, then retry.",
        ),
        (
            "Address already in use",
            "Another program has the port. Stop it, then retry.",
        ),
        (
            "Failed to fetch",
            "The package mirror did not answer. Check the server's network, then retry.",
        ),
        (
            "dpkg was interrupted",
            "An earlier installation was cut off. Retry: it is mended first.",
        ),
    ];
    KNOWN
        .iter()
        .find(|(sign, _)| output.contains(sign))
        .map(|(_, sentence)| *sentence)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_full_disk_is_named() {
        let output = "dpkg: error: cannot write: No space left on device\n";
        assert!(super::of(output).is_some_and(|sentence| sentence.starts_with("The disk is full")));
        assert_eq!(super::of("all is well"), None);
    }
}
