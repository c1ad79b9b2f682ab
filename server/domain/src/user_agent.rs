//! What a browser says of itself, in words of ours: nothing it sends is repeated but a number.

/// `Firefox 128 on Linux`, `curl`, `an unknown browser`.
pub fn in_words(user_agent: &str) -> String {
    let browser = browser(user_agent);
    match (browser, system(user_agent)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser,
        (None, Some(system)) => format!("Unknown browser on {system}"),
        (None, None) => "Unknown browser".to_owned(),
    }
}

/// The first that fits: Edge and Opera also call themselves Chrome, and Chrome calls itself Safari.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome (headless)"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
    ("curl/", "curl"),
    ("Wget/", "Wget"),
];

/// Phones first: Android also says Linux, and an iPhone says "like Mac OS X".
const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("FreeBSD", "FreeBSD"),
    ("Linux", "Linux"),
];

fn browser(user_agent: &str) -> Option<String> {
    BROWSERS.iter().find_map(|(mark, name)| {
        let (_, rest) = user_agent.split_once(mark)?;
        // Safari's number stands after "Version/", and "Safari/" must be there too.
        if *mark == "Version/" && !user_agent.contains("Safari/") {
            return None;
        }
        let version: String = rest
            .chars()
            .take_while(char::is_ascii_digit)
            .take(4)
            .collect();
        Some(if version.is_empty() {
            (*name).to_owned()
        } else {
            format!("{name} {version}")
        })
    })
}

fn system(user_agent: &str) -> Option<&'static str> {
    SYSTEMS
        .iter()
        .find(|(mark, _)| user_agent.contains(mark))
        .map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn the_usual_browsers_are_named() {
        for (user_agent, words) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
                "Firefox 128 on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/140.0.0.0 Safari/537.36",
                "Chrome 140 on Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
                "Edge 140 on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like \
                 Gecko) Version/17.4 Safari/605.1.15",
                "Safari 17 on macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, \
                 like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
                "Safari 17 on iPhone",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, \
                 like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1",
                "Chrome 140 on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/140.0.0.0 Mobile Safari/537.36",
                "Chrome 140 on Android",
            ),
            ("curl/8.5.0", "curl 8"),
            ("", "Unknown browser"),
            ("something else", "Unknown browser"),
        ] {
            assert_eq!(in_words(user_agent), words, "{user_agent}");
        }
    }

    #[test]
    fn nothing_hostile_comes_through() {
        for user_agent in [
            "<script>alert(1)</script> Firefox/<img src=x> Linux",
            "Firefox/\u{1b}[31m128 \u{202e}Linux",
            "Firefox/99999999999999999999999999999999",
            "Version/1 Windows",
        ] {
            let words = in_words(user_agent);
            assert!(
                words
                    .chars()
                    .all(|character| character.is_ascii_alphanumeric() || " ()".contains(character)),
                "{words:?}"
            );
            assert!(words.len() < 48, "{words}");
        }
    }
}
