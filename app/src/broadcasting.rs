//! How another program listens to the channels: key, address, and code to start from.

use leptos::html;
use leptos::prelude::*;
use wire::ApiError;
use wire::accounts::NoInput;
use wire::broadcasting::ClientAccess;
use wire::json::Json;

use crate::ui::CopyButton;

/// What a client connects with.
#[server(prefix = "/api", endpoint = "broadcasting/show", input = Json, output = Json)]
pub async fn show(input: NoInput) -> Result<ClientAccess, ApiError> {
    let NoInput {} = input;
    let (panel, _who) = crate::session::signed_in()?;
    Ok(ClientAccess {
        key: panel.app.key().to_owned(),
        url: panel.public_url.to_string(),
    })
}

/// Key and code for a page or a program of one's own.
#[component]
pub fn ConnectClient(access: Signal<ClientAccess>) -> impl IntoView {
    let key = Signal::derive(move || access.with(|access| access.key.clone()));
    let echo = Signal::derive(move || access.with(laravel_echo));
    let pusher = Signal::derive(move || access.with(pusher_js));
    view! {
        <section class="panel" aria-labelledby="connect-client">
            <h2 id="connect-client">"Connect another client"</h2>
            <p>
                "The panel speaks the Pusher protocol, so a page or a program of yours can hear of changes: "
                <code>"private-servers.{id}"</code> ", " <code>"private-servers"</code> " and "
                <code>"private-users.{id}"</code> ". It hears what your own session may see, for as long as that lasts."
            </p>
            <dl class="facts">
                <div>
                    <dt>"App key"</dt>
                    <dd>
                        <code data-testid="app-key">{key}</code>
                        <CopyButton text=key label="Copy the app key" is_small=true/>
                    </dd>
                </div>
            </dl>
            <Snippet title="With laravel-echo" name="laravel-echo" code=echo/>
            <Snippet title="With pusher-js" name="pusher-js" code=pusher/>
            <p class="field-note">
                "A page of another address must be named in " <code>"BROKEFORGE_ALLOWED_ORIGINS"</code>
                " where the panel runs, and belong to the same site: browsers send your session nowhere else."
            </p>
        </section>
    }
}

#[component]
fn Snippet(title: &'static str, name: &'static str, code: Signal<String>) -> impl IntoView {
    let source = NodeRef::<html::Code>::new();
    view! {
        <details class="snippet">
            <summary>{title}</summary>
            <div class="command">
                <pre tabindex="0" aria-label=title>
                    <code node_ref=source data-testid=name>
                        {code}
                    </code>
                </pre>
                <CopyButton text=code label="Copy the code" source=source/>
            </div>
        </details>
    }
}

fn laravel_echo(access: &ClientAccess) -> String {
    format!(
        "import Echo from 'laravel-echo';
import Pusher from 'pusher-js';

const echo = new Echo({{
  broadcaster: 'reverb',
  Pusher,
{}
}});

echo.private('servers.1').listen('.ServerUpdated', ({{ server_id, timestamp }}) => {{
  console.log(`server ${{server_id}} changed at ${{timestamp}}`);
}});
",
        options(access)
    )
}

fn pusher_js(access: &ClientAccess) -> String {
    format!(
        "import Pusher from 'pusher-js';

const pusher = new Pusher('{}', {{
  cluster: '',
{}
}});

pusher.subscribe('private-servers.1').bind('ServerUpdated', ({{ server_id, timestamp }}) => {{
  console.log(`server ${{server_id}} changed at ${{timestamp}}`);
}});
",
        access.key,
        options(access)
    )
}

/// The handler in place of the clients' own request: theirs sends no cookie to another address.
fn options(access: &ClientAccess) -> String {
    let (host, port, is_tls) = access.socket();
    let ClientAccess { key, url } = access;
    format!(
        "  key: '{key}',
  wsHost: '{host}',
  wsPort: {port},
  wssPort: {port},
  forceTLS: {is_tls},
  enabledTransports: ['ws', 'wss'],
  channelAuthorization: {{
    customHandler: async ({{ socketId, channelName }}, done) => {{
      const answer = await fetch('{url}/broadcasting/auth', {{
        method: 'POST',
        credentials: 'include',
        headers: {{ 'Content-Type': 'application/json' }},
        body: JSON.stringify({{ socket_id: socketId, channel_name: channelName }}),
      }});
      done(answer.ok ? null : new Error(`status ${{answer.status}}`), answer.ok ? await answer.json() : null);
    }},
  }},"
    )
}
