//! The ports that provisioning keeps open.

use leptos::prelude::*;

use crate::lifecycle::Badge;
use crate::ui::{Icon, Shape};

/// A row that cannot be changed: the ways in that must stay.
#[component]
pub fn BasePort(port: u16) -> impl IntoView {
    let name = match port {
        80 => "HTTP",
        443 => "HTTPS",
        _ => "SSH",
    };
    view! {
        <tr data-base-port=port>
            <th scope="row">
                <span class="locked" title="Provisioning keeps this port open.">
                    <Icon shape=Shape::Lock/>
                    {name}
                </span>
            </th>
            <td class="is-code" data-label="Port">
                {port}
            </td>
            <td data-label="Protocol">"TCP"</td>
            <td data-label="Source">"Anywhere"</td>
            <td data-label="Action">"Allow"</td>
            <td data-label="Status">
                <Badge tone="active" shape=Shape::Lock word="Kept open"/>
            </td>
            <td></td>
        </tr>
    }
}
