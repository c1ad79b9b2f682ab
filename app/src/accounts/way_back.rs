//! Where signing in leads: to the page that asked for it. What stands in an address was written by anybody, so only
//! paths of the panel's own pages are followed.

use std::fmt;

/// The name of the parameter in the address of the sign-in page.
const PARAMETER: &str = "to";

/// A path of this panel, with its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayBack(String);

impl WayBack {
    /// From the query of the sign-in page's address, as it stands there.
    pub fn of_query(query: &str) -> Self {
        query
            .trim_start_matches('?')
            .split('&')
            .find_map(|pair| pair.strip_prefix(PARAMETER)?.strip_prefix('='))
            .and_then(unescape)
            .and_then(|path| Self::parse(&path))
            .unwrap_or_default()
    }

    /// From the place where somebody is.
    pub fn to(path: &str, query: &str) -> Self {
        let query = query.trim_start_matches('?');
        let mark = if query.is_empty() { "" } else { "?" };
        Self::parse(&format!("{path}{mark}{query}")).unwrap_or_default()
    }

    /// The sign-in page that leads here.
    pub fn sign_in(&self) -> String {
        if *self == Self::default() {
            return "/sign-in".to_owned();
        }
        format!("/sign-in?{PARAMETER}={}", escape(&self.0))
    }

    /// A path begins with one slash. Browsers read `//host`, `/\host` and either with a tab or a line end in between as
    /// another site, so none of them stands anywhere in it.
    fn parse(path: &str) -> Option<Self> {
        let is_visible = path.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
        let is_own = path.starts_with('/') && !path.contains("//") && !path.contains('\\');
        // Whoever is signed in has no business at the doors.
        let is_door = ["/sign-in", "/setup", "/invitation"]
            .iter()
            .any(|door| path.starts_with(door));
        (is_visible && is_own && !is_door).then(|| Self(path.to_owned()))
    }
}

impl Default for WayBack {
    fn default() -> Self {
        Self("/servers".to_owned())
    }
}

impl fmt::Display for WayBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What may stand in a query as it is, beside letters and digits.
const PLAIN: &[u8] = b"/-_.~";

fn escape(text: &str) -> String {
    use fmt::Write as _;
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// Once, and only once: what is still escaped after that is part of the path.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = rest.get(2..)?;
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::WayBack;

    #[test]
    fn a_page_of_the_panel_is_found_again_with_its_query() {
        for (path, query) in [
            ("/servers/5/firewall", ""),
            ("/servers", "?q=web%201%26%C3%BC&page=2"),
            ("/operations", "state=failed"),
            ("/", ""),
        ] {
            let back = WayBack::to(path, query);
            let address = back.sign_in();
            let query = address.split_once('?').map_or("", |(_, query)| query);
            assert_eq!(WayBack::of_query(query), back, "{address}");
        }
        assert_eq!(
            WayBack::to("/operations", "state=failed").sign_in(),
            "/sign-in?to=/operations%3Fstate%3Dfailed"
        );
        assert_eq!(WayBack::to("/servers", "").sign_in(), "/sign-in");
    }

    #[test]
    fn no_address_leads_anywhere_else() {
        for hostile in [
            "",
            "to",
            "to=",
            "to=servers",
            "to=//evil.example",
            "to=%2F%2Fevil.example",
            "to=%2f%2fevil.example",
            "to=/%2Fevil.example",
            "to=/%5Cevil.example",
            "to=/\\evil.example",
            "to=\\\\evil.example",
            "to=///evil.example",
            "to=/%09/evil.example",
            "to=/%0A/evil.example",
            "to=%09//evil.example",
            "to=%20//evil.example",
            "to=/%00/evil.example",
            "to=/servers%0D%0ASet-Cookie:%20a=b",
            "to=https://evil.example",
            "to=https:evil.example",
            "to=javascript:alert(1)",
            "to=data:text/html,x",
            "to=/servers//evil.example",
            "to=/servers/..//evil.example",
            "to=/%zz",
            "to=/%2",
            "to=/%C3%BC",
            "to=/%FF",
            "to=/sign-in?to=/sign-in",
            "to=/setup",
            "next=/operations",
            "q=1&to=//evil.example",
        ] {
            assert_eq!(WayBack::of_query(hostile), WayBack::default(), "{hostile}");
        }
        // Escaped twice, it is an odd path of this panel.
        let odd = WayBack::of_query("to=/%252Fevil.example").to_string();
        assert_eq!(odd, "/%2Fevil.example");
    }
}
