//! `/settings/…`: what people arrange for themselves.

pub mod account;
pub mod api_keys;
mod revoke;

use leptos::prelude::*;
use leptos_meta::Title;

use crate::components::navigation::Rooms;

/// The pages of this room.
const ROOMS: &[(&str, &str)] = &[("/settings/account", "Account"), ("/settings/api-keys", "API keys")];

/// What every page here begins with.
#[component]
fn Head(title: &'static str) -> impl IntoView {
    view! {
        <Title text=format!("{title} · Plexe Console") />
        <Rooms label="Settings" rooms=ROOMS />
        <h1>{title}</h1>
    }
}

/// As large as what will stand here.
#[component]
fn Waiting() -> impl IntoView {
    view! {
        <div class="waiting" role="status">
            <span class="hidden">"Loading"</span>
            <div class="card chart"></div>
            <div class="card"></div>
        </div>
    }
}
