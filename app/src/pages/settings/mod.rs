//! `/settings/…`: what people arrange for themselves.
//!
//! Parts that stand in one place are plain functions: each component costs the wasm its own copy of all that a view can
//! do.

#[cfg(feature = "ssr")]
pub mod access_log;
pub mod account;
pub mod api_keys;
#[cfg(feature = "ssr")]
pub mod email;
pub mod key;
pub mod key_list;
#[cfg(feature = "ssr")]
pub mod leaving;
#[cfg(feature = "ssr")]
mod passkeys;
mod revoke;
#[cfg(feature = "ssr")]
mod second_factor;
pub mod security;
#[cfg(feature = "ssr")]
pub mod sessions;

use leptos::prelude::*;
use leptos_meta::Title;

use crate::components::loading::cards;
use crate::components::navigation::rooms;

/// The pages of this room.
const ROOMS: &[(&str, &str)] = &[
    ("/settings/account", "Account"),
    ("/settings/security", "Security"),
    ("/settings/api-keys", "API keys"),
];

/// What every page here begins with.
fn head(title: &'static str) -> impl IntoView {
    view! {
        <Title text=format!("{title} · Plexe Console") />
        {rooms("Settings", ROOMS)}
        <h1>{title}</h1>
    }
}

/// As large as what will stand here.
fn waiting() -> AnyView {
    cards(&["card chart", "card"])
}
