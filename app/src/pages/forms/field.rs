//! What forms are made of: the page around one, what is said above it, and its fields.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::components::public::Public;
use crate::ssr::FormView;

/// A page with one form. Its title says when something was refused, since that is what is read out first.
#[component]
pub fn FormFrame(title: &'static str, refused: bool, children: Children) -> impl IntoView {
    let prefix = if refused { "Error: " } else { "" };
    view! {
        <Title text=format!("{prefix}{title} · Plexe Console") />
        <Public>
            <h1>{title}</h1>
            {children()}
        </Public>
    }
}

/// What is said about the form as a whole.
#[component]
pub fn Said(error: Option<String>, notice: Option<String>) -> impl IntoView {
    view! {
        {error.map(|error| view! { <p class="notice bad" id="form-error" role="alert">{error}</p> })}
        {notice.map(|notice| view! { <p class="notice ok" role="status">{notice}</p> })}
    }
}

/// One field of a form.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Also the element's id.
    pub name: &'static str,
    pub label: &'static str,
    /// `text`, `email` or `password`.
    pub kind: &'static str,
    pub autocomplete: &'static str,
    /// What to type, said below it until something is wrong; may be empty.
    pub hint: &'static str,
}

pub const EMAIL: Field =
    Field { name: "email", label: "E-mail", kind: "email", autocomplete: "username", hint: "" };

pub const NEW_PASSWORD: Field = Field {
    name: "password",
    label: "Password",
    kind: "password",
    autocomplete: "new-password",
    hint: "At least 8 characters. A few words that nobody would put together are good.",
};

impl Field {
    /// Label, field, and what is to be said about it. What was typed stands in it again, unless it is a password.
    pub fn show(self, form: &FormView) -> AnyView {
        let Self { name, label, kind, autocomplete, hint } = self;
        let value = (kind != "password").then(|| form.value(name));
        let error = form.error_of(name);
        let invalid = error.as_ref().map(|_| "true");
        let hint = if error.is_none() { hint } else { "" };
        let described = match (&error, hint) {
            (Some(_), _) => Some(format!("{name}-error")),
            (None, "") => None,
            (None, _) => Some(format!("{name}-hint")),
        };
        view! {
            <label for=name>{label}</label>
            <input
                id=name
                name=name
                type=kind
                autocomplete=autocomplete
                autocapitalize="none"
                spellcheck="false"
                required
                value=value
                aria-invalid=invalid
                aria-describedby=described
            />
            {error.map(|error| view! { <p class="wrong" id=format!("{name}-error")>{error}</p> })}
            {(!hint.is_empty()).then(|| view! { <p class="sub" id=format!("{name}-hint")>{hint}</p> })}
        }
        .into_any()
    }
}
