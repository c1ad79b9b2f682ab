//! What words find.

use wire::servers::ServerSummary;

/// More would not be read.
const MOST: usize = 10;
/// Of so few servers all pages are offered, without being asked for by name.
const FEW: usize = 2;

/// Something to go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// `web-1`, `web-1 / Firewall`
    pub title: String,
    /// What tells servers of like names apart.
    pub note: String,
    pub href: String,
}

/// The pages of a server: their names, their paths under it.
const PAGES: [(&str, &str); 5] = [
    ("Firewall", "/firewall"),
    ("Scheduler", "/scheduler"),
    ("Programs", "/programs"),
    ("Operations", "/operations"),
    ("Settings", "/settings"),
];

/// Pages beside the servers.
const PLACES: [(&str, &str); 3] = [
    ("Servers", "/servers"),
    ("Operations", "/operations"),
    ("Add a server", "/servers/new"),
];

/// The best hits first. Every word must be found, each in the server's name, address, label or system, or as the
/// beginning of a page's name.
pub fn find(servers: &[ServerSummary], words: &str) -> Vec<Hit> {
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    let mut ranked = Vec::new();
    let found: Vec<_> = servers
        .iter()
        .filter(|server| words.iter().all(|word| holds(server, word)))
        .collect();
    let offers_all_pages = !words.is_empty() && found.len() <= FEW;
    for server in servers {
        let is_found = words.iter().all(|word| holds(server, word));
        if is_found {
            ranked.push((rank(server, &words), overview(server)));
        }
        for (page, path) in PAGES {
            let names_page = words.iter().any(|word| begins(page, word));
            let others_hold = words
                .iter()
                .all(|word| holds(server, word) || begins(page, word));
            if is_found && offers_all_pages || names_page && others_hold {
                let rank = rank(server, &words) + if names_page { 2 } else { 3 };
                ranked.push((rank, page_of(server, page, path)));
            }
        }
    }
    for (title, href) in PLACES {
        if !words.is_empty() && words.iter().all(|word| begins_any(title, word)) {
            ranked.push((
                2,
                Hit {
                    title: title.to_owned(),
                    note: String::new(),
                    href: href.to_owned(),
                },
            ));
        }
    }
    // Stable: servers of one rank stay in the order of their names.
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, hit)| hit).take(MOST).collect()
}

/// Whose name begins with the words comes first, then whose name holds them.
fn rank(server: &ServerSummary, words: &[String]) -> u8 {
    let name = server.name.to_lowercase();
    match words.first() {
        Some(word) if name.starts_with(word) => 0,
        Some(word) if name.contains(word) => 1,
        Some(_) => 2,
        None => 0,
    }
}

fn holds(server: &ServerSummary, word: &str) -> bool {
    let texts = [
        Some(&server.name),
        Some(&server.address),
        server.provider.as_ref(),
        server.os.as_ref(),
    ];
    texts
        .into_iter()
        .flatten()
        .any(|text| text.to_lowercase().contains(word))
}

fn begins(page: &str, word: &str) -> bool {
    page.to_lowercase().starts_with(word)
}

fn begins_any(title: &str, word: &str) -> bool {
    title
        .to_lowercase()
        .split_whitespace()
        .any(|part| part.starts_with(word))
}

fn overview(server: &ServerSummary) -> Hit {
    Hit {
        title: server.name.clone(),
        note: note(server),
        href: format!("/servers/{}", server.id),
    }
}

fn page_of(server: &ServerSummary, page: &str, path: &str) -> Hit {
    Hit {
        title: format!("{} / {page}", server.name),
        note: note(server),
        href: format!("/servers/{}{path}", server.id),
    }
}

fn note(server: &ServerSummary) -> String {
    match &server.provider {
        Some(provider) => format!("{}, {provider}", server.address),
        None => server.address.clone(),
    }
}

#[cfg(test)]
mod tests {
    use wire::servers::Connection;
    use wire::{ServerId, Timestamp};

    use super::*;

    fn server(id: i64, name: &str, address: &str, provider: Option<&str>) -> ServerSummary {
        ServerSummary {
            id: ServerId(id),
            name: name.into(),
            address: address.into(),
            port: 22,
            user: "root".into(),
            provider: provider.map(str::to_owned),
            os: None,
            connection: Connection::Connected,
            connection_error: None,
            connection_checked_at: None,
            provision_status: None,
            busy_with: None,
            updated_at: Timestamp(0),
        }
    }

    fn fleet() -> Vec<ServerSummary> {
        vec![
            server(1, "db-1", "203.0.113.9", Some("Hetzner")),
            server(2, "old-web", "198.51.100.2", None),
            server(3, "web-1", "203.0.113.7", Some("Hetzner")),
            server(4, "web-2", "203.0.113.8", Some("DigitalOcean")),
        ]
    }

    fn titles(words: &str) -> Vec<String> {
        find(&fleet(), words)
            .into_iter()
            .map(|hit| hit.title)
            .collect()
    }

    #[test]
    fn names_that_begin_with_the_word_come_first() {
        assert_eq!(titles("web"), ["web-1", "web-2", "old-web"]);
        assert_eq!(titles(""), ["db-1", "old-web", "web-1", "web-2"]);
    }

    #[test]
    fn a_single_server_offers_its_pages() {
        assert_eq!(
            titles("WEB-1"),
            [
                "web-1",
                "web-1 / Firewall",
                "web-1 / Scheduler",
                "web-1 / Programs",
                "web-1 / Operations",
                "web-1 / Settings"
            ]
        );
    }

    #[test]
    fn addresses_labels_and_pages_are_found() {
        assert_eq!(titles("198.51")[0], "old-web");
        assert_eq!(titles("digital")[0], "web-2");
        assert_eq!(
            titles("hetzner fire"),
            ["db-1 / Firewall", "web-1 / Firewall"]
        );
        assert_eq!(find(&fleet(), "web-2 prog")[0].href, "/servers/4/programs");
        assert_eq!(find(&fleet(), "web-2 set")[0].href, "/servers/4/settings");
        assert_eq!(find(&fleet(), "web-2 op")[0].href, "/servers/4/operations");
        assert_eq!(find(&fleet(), "opera")[0].href, "/operations");
        assert_eq!(titles("add")[0], "Add a server");
        assert!(titles("nowhere").is_empty());
    }

    #[test]
    fn hundreds_of_servers_give_ten_hits() {
        let many: Vec<_> = (0..300)
            .map(|id| server(id, &format!("node-{id}"), "203.0.113.1", None))
            .collect();
        assert_eq!(find(&many, "node").len(), MOST);
        assert_eq!(find(&many, "node-299")[0].href, "/servers/299");
    }
}
