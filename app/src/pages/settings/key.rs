//! `/settings/api-keys/{key_id}`: one key whole; its name, expiry and limit changed, and another put in its place. Plain forms
//! that the server answers: the wasm has no part in it.

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::api_keys::{choice, modes, options, periods};
use super::head;
use super::key_list::{ends_label, marks, spent, when};
use crate::api::api_keys::api_key;
use crate::backend::ConsoleError;
use crate::backend::api_keys::{ApiKeyView, KeyPageView, Standing};
use crate::backend::form::FormState;
use crate::components::form::{Field, FormError, Said, Submit};
use crate::components::problem::Problem;
use crate::format;

/// How long a key may still work after it was rotated, in seconds.
const OVERLAPS: [(&str, &str); 6] = [
    ("0", "not at all"),
    ("3600", "1 hour"),
    ("21600", "6 hours"),
    ("86400", "1 day"),
    ("259200", "3 days"),
    ("604800", "7 days"),
];

#[component]
pub fn KeyPage() -> impl IntoView {
    let key_id = use_params_map().with_untracked(|params| params.get("key_id")).unwrap_or_default();
    let is_saved = use_query_map().with_untracked(|query| query.get("saved").is_some());
    view! {
        {head("API keys")}
        <Suspense fallback=|| ()>
            {move || {
                let key_id = key_id.clone();
                Suspend::new(async move {
                    match api_key(key_id).await {
                        Ok(view) => loaded(view, is_saved).into_any(),
                        Err(ConsoleError::NotFound) => missing().into_any(),
                        Err(error) => view! { <Problem sentence=error.to_string() /> }.into_any(),
                    }
                })
            }}
        </Suspense>
    }
}

fn missing() -> impl IntoView {
    view! {
        <section class="card problem">
            <h2>"There is no such key"</h2>
            <p class="sub">"The address may be mistyped, or the key belongs to another account."</p>
            <p>
                <a class="button" href="/settings/api-keys" rel="external">
                    "See your keys"
                </a>
            </p>
        </section>
    }
}

fn loaded(view: KeyPageView, is_saved: bool) -> impl IntoView {
    let KeyPageView { key, next_id, form } = view;
    let is_active = key.standing == Standing::Active;
    let change = (key.standing != Standing::Revoked).then(|| change(&key, &form, is_saved));
    let rotate = (is_active && !key.is_replaced).then(|| rotate(&key, next_id.to_string(), &form));
    view! {
        <p class="back">
            <a href="/settings/api-keys" rel="external">"All keys"</a>
        </p>
        <FormError error=Signal::stored(form.error("rotate")) />
        <div class="settings">
            <div class="key-forms">{change} {rotate}</div>
            {facts(&key)}
        </div>
    }
}

fn facts(key: &ApiKeyView) -> impl IntoView + use<> {
    let permission = if key.may_write { "Read and write" } else { "Read only" };
    let ends_label = ends_label(key);
    let limit = key.limit.as_ref().map(|limit| {
        let anew = format!("Begins anew on {}.", limit.anew.label);
        view! {
            <dt>"Spent of its limit"</dt>
            <dd>
                {spent(limit)}
                <p class="sub" title=limit.anew.exact.clone()>{anew}</p>
            </dd>
        }
    });
    let made_with = key.made_with.clone().map(|label| {
        view! {
            <dt>"Made with"</dt>
            <dd>
                <code>{label}</code>
                <p class="sub">"It ends with that key, and what it spends counts for that key’s limit as well."</p>
            </dd>
        }
    });
    let made = (key.made > 0).then(|| {
        let keys = if key.made == 1 { "1 key".to_owned() } else { format!("{} keys", key.made) };
        view! {
            <dt>"Keys made with it"</dt>
            <dd>{keys} <p class="sub">"They end with it, and spend from its limit."</p></dd>
        }
    });
    let hints = (!key.hints.is_empty()).then(|| {
        view! {
            <dt>"Worth a look"</dt>
            <dd>{key.hints.join(" · ")}</dd>
        }
    });
    view! {
        <section class="card facts" aria-labelledby="facts-title">
            <header>
                <h2 id="facts-title" class="long">{key.name.clone()} " " {marks(key)}</h2>
            </header>
            <dl>
                <dt>"Key"</dt>
                <dd>
                    <code>{key.label.clone()}</code>
                    <p class="sub">
                        "How to call with it: " <a href="/docs" rel="external">"API reference"</a>
                    </p>
                </dd>
                <dt>"Permission"</dt>
                <dd>{permission}</dd>
                {limit}
                <dt>"Created"</dt>
                <dd>{when(&key.created)}</dd>
                <dt>{ends_label}</dt>
                <dd>{when(&key.ends)}</dd>
                <dt>"Last used"</dt>
                <dd>{when(&key.last_used)}</dd>
                <dt>"Requests in 30 days"</dt>
                <dd>{format::count(key.requests)}</dd>
                {made_with}
                {made}
                {hints}
            </dl>
        </section>
    }
}

fn change(key: &ApiKeyView, form: &FormState, is_saved: bool) -> impl IntoView + use<> {
    let error = |field: &str| Signal::stored(form.error(field));
    let amount = key.limit.as_ref().map(|limit| limit.amount.to_string()).unwrap_or_default();
    let period = form.typed("limit_period").or(key.limit.as_ref().map(|limit| limit.period));
    let mode = key.limit.as_ref().map(|limit| if limit.is_hard { "hard" } else { "notify" });
    let said = if is_saved { "Your changes are saved." } else { "" };
    view! {
        <section class="card" aria-labelledby="change-title">
            <header>
                <h2 id="change-title">"Name, expiry and limit"</h2>
            </header>
            <form class="form" method="post" action=format!("/settings/api-keys/{}", key.key_id)>
                <FormError error=error("") />
                <div class="beside">
                    <Field name="name" label="Name" value=form.value("name", &key.name) error=error("name") required=true />
                    <Field
                        name="expiration_days"
                        label="Expires after"
                        hint="Days from now. Empty: stays as it is."
                        value=form.value("expiration_days", "")
                        error=error("expiration_days")
                        inputmode="numeric"
                    />
                </div>
                <div class="limits">
                    <Field
                        name="limit"
                        label="Spend limit"
                        hint="Credits. Empty: none."
                        value=form.value("limit", &amount)
                        error=error("limit")
                        inputmode="decimal"
                    />
                    {choice("limit_period", "For each", periods(period))}
                    {choice("limit_mode", "Beyond it", modes(form.typed("limit_mode").or(mode)))}
                </div>
                <div class="sends">
                    <Submit label="Save changes" />
                    <Said said=Signal::stored(said.to_owned()) />
                </div>
            </form>
        </section>
    }
}

fn rotate(key: &ApiKeyView, next_id: String, form: &FormState) -> impl IntoView + use<> {
    let made = (key.made > 0).then_some(" Keys made with it end when it ends.");
    let overlaps = options(&OVERLAPS, form.typed("overlap_s").unwrap_or("86400"));
    view! {
        <section class="card" aria-labelledby="rotate-title">
            <header>
                <h2 id="rotate-title">"Rotate"</h2>
            </header>
            <p class="sub">
                "Makes a new secret with the same name, permission, expiry and limit. Both work until the time below is over, and spend from one limit."
                {made}
            </p>
            <form class="form" method="post" action="/settings/api-keys">
                <input type="hidden" name="rotates" value=key.key_id.to_string() />
                <input type="hidden" name="key_id" value=next_id />
                {choice("overlap_s", "The old secret still works for", overlaps)}
                <div class="sends">
                    <Submit label="Rotate key" class="button" />
                </div>
            </form>
        </section>
    }
}
