//! What a server printed, with its colours.

use leptos::prelude::*;
use wire::colours::{Style, pieces};

/// Text nodes, and around those that have a style an element with its classes; nothing of the text is ever markup.
#[component]
pub fn Printed(#[prop(into)] text: String) -> impl IntoView {
    let shown = pieces(&text).into_iter().map(|(style, text)| {
        let text = text.to_owned();
        if style.is_plain() {
            text.into_any()
        } else {
            view! { <span class=classes(style)>{text}</span> }.into_any()
        }
    });
    view! { <span>{shown.collect_view()}</span> }
}

fn classes(style: Style) -> String {
    let mut classes = vec!["printed"];
    if style.bold {
        classes.push("is-bold");
    }
    if style.dim {
        classes.push("is-dim");
    }
    if style.underlined {
        classes.push("is-underlined");
    }
    let mut classes = classes.join(" ");
    if let Some(colour) = style.colour {
        classes.push_str(" is-");
        classes.push_str(colour.as_str());
    }
    classes
}

#[cfg(test)]
mod tests {
    use wire::colours::Colour;

    use super::*;

    #[test]
    fn a_style_is_named_by_classes() {
        let style = Style {
            bold: true,
            dim: false,
            underlined: true,
            colour: Some(Colour::Red),
        };
        assert_eq!(classes(style), "printed is-bold is-underlined is-red");
    }
}
