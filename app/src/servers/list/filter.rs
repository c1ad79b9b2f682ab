//! What of the list is shown. The address has it, so that it can be passed on and comes back.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};
use leptos_router::params::ParamsMap;
use wire::servers::ServerSummary;

use crate::servers::stand::Stand;

/// The word that finds the servers where something is wrong.
pub const ATTENTION: &str = "attention";
/// How long the typing must rest before the address says what is filtered: browsers refuse to write it at every key.
const REST: Duration = Duration::from_millis(300);

/// What is filtered and which page is shown. The address has both, so that they can be passed on and come back.
#[derive(Clone, Copy)]
pub struct Filter {
    pub words: RwSignal<String>,
    pub page: Memo<usize>,
    /// What this page has written into the address itself.
    written: StoredValue<String>,
}

impl Filter {
    pub fn of_address() -> Self {
        let query = use_query_map();
        let asked = Memo::new(move |_| query.with(|query| query.get("q").unwrap_or_default()));
        let first = asked.get_untracked();
        let filter = Self {
            words: RwSignal::new(first.clone()),
            page: Memo::new(move |_| {
                let page = query.with(|query| query.get("page"));
                page.and_then(|page| page.parse().ok())
                    .filter(|page| *page > 0)
                    .unwrap_or(1)
            }),
            written: StoredValue::new(first),
        };
        // A link to another filter, as the one to all servers.
        Effect::new(move || {
            let asked = asked.get();
            if filter.written.with_value(|written| *written != asked) {
                filter.written.set_value(asked.clone());
                filter.words.set(asked);
            }
        });
        filter
    }
}

/// The field.
#[component]
pub fn FilterBox(filter: Filter) -> impl IntoView {
    let node = NodeRef::<html::Input>::new();
    let first = filter.words.get_untracked();
    // What was typed before the program took over counts, too.
    Effect::new(move |ran_before: Option<()>| {
        let words = filter.words.get();
        if let Some(input) = node.get()
            && input.value() != words
        {
            if ran_before.is_none() {
                filter.words.set(input.value());
            } else {
                input.set_value(&words);
            }
        }
    });
    let navigate = use_navigate();
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let stop = move || {
        if let Some(timer) = timer.try_get_value().flatten() {
            timer.clear();
        }
    };
    on_cleanup(stop);
    let typed = move |text: String| {
        filter.words.set(text.clone());
        stop();
        let navigate = navigate.clone();
        let write = move || {
            // As the address says it: a space typed last is no other filter.
            filter.written.set_value(text.trim().to_owned());
            let options = NavigateOptions {
                replace: true,
                scroll: false,
                ..NavigateOptions::default()
            };
            navigate(&address(&text, 1), options);
        };
        timer.set_value(set_timeout_with_handle(write, REST).ok());
    };
    view! {
        <div class="field filter">
            <label for="filter">"Filter servers"</label>
            <input
                node_ref=node
                id="filter"
                type="search"
                autocomplete="off"
                placeholder="Name, address, provider, system or status"
                value=first
                on:input:target=move |event| typed(event.target().value())
            />
        </div>
    }
}

/// Whether each of the words, in small letters, is found in the server's name, address, provider, system or status.
pub fn matches(server: &ServerSummary, words: &str) -> bool {
    let stand = Stand::of(server);
    let texts = [
        Some(server.name.as_str()),
        Some(server.address.as_str()),
        server.provider.as_deref(),
        server.os.as_deref(),
        Some(stand.word()),
        stand.needs_attention().then_some(ATTENTION),
    ];
    let texts: Vec<_> = texts.into_iter().flatten().map(str::to_lowercase).collect();
    words
        .split_whitespace()
        .all(|word| texts.iter().any(|text| text.contains(word)))
}

/// The list's address for a filter and a page.
pub fn address(words: &str, page: usize) -> String {
    let mut query = ParamsMap::new();
    if !words.trim().is_empty() {
        query.insert("q", words.trim().to_owned());
    }
    if page > 1 {
        query.insert("page", page.to_string());
    }
    format!("/servers{}", query.to_query_string())
}

#[cfg(test)]
mod tests {
    use wire::servers::Connection;
    use wire::{ServerId, Status, Timestamp};

    use super::*;

    fn server(connection: Connection, provision_status: Option<Status>) -> ServerSummary {
        ServerSummary {
            id: ServerId(1),
            name: "web-1".into(),
            address: "203.0.113.7".into(),
            port: 22,
            user: "root".into(),
            provider: Some("Hetzner".into()),
            os: Some("Debian 12.11".into()),
            connection,
            connection_error: None,
            connection_checked_at: None,
            provision_status,
            busy_with: None,
            updated_at: Timestamp(0),
        }
    }

    #[test]
    fn the_filter_knows_systems_and_statuses_and_takes_several_words() {
        let active = server(Connection::Connected, Some(Status::Active));
        for words in [
            "",
            "web",
            "203.0",
            "hetz",
            "debian 12",
            "active",
            "active web",
        ] {
            assert!(matches(&active, words), "{words}");
        }
        for words in ["attention", "failed", "ubuntu", "active db"] {
            assert!(!matches(&active, words), "{words}");
        }
        let broken = server(Connection::Failed, Some(Status::Active));
        assert!(matches(&broken, "cannot connect") && matches(&broken, ATTENTION));
        assert!(matches(
            &server(Connection::Connected, None),
            "not provisioned"
        ));
    }

    #[test]
    fn only_what_does_not_go_away_by_itself_needs_attention() {
        let needs = |connection, status| Stand::of(&server(connection, status)).needs_attention();
        assert!(needs(Connection::Failed, Some(Status::Active)));
        assert!(needs(Connection::HostKeyChanged, None));
        assert!(needs(Connection::Connected, Some(Status::Failed)));
        assert!(!needs(Connection::Connected, Some(Status::Installing)));
        assert!(!needs(Connection::AwaitingKey, None));
    }

    #[test]
    fn the_address_says_what_is_filtered_and_which_page_is_shown() {
        assert_eq!(address("", 1), "/servers");
        assert_eq!(address(" web 1&2 ", 1), "/servers?q=web%201%262");
        assert_eq!(address("web", 3), "/servers?q=web&page=3");
    }
}
