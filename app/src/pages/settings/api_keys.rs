//! `/settings/api-keys`: the account's keys, made, listed and revoked.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::revoke::revoking;
use super::{head, waiting};
use crate::api::api_keys::{api_keys, create_api_key};
#[cfg(feature = "hydrate")]
use crate::backend::ConsoleError;
use crate::backend::api_keys::{ApiKeysView, CreatedView, Show};
use crate::backend::form::FormState;
use crate::components::copy::{CopyBlock, CopyLine};
use crate::components::dynamic::{dynamic, text};
use crate::components::form::{Field, FormError, Labelled, Said, Sending, Submit, described_by, focus, put};
use crate::components::loading::loading;
use crate::live::Live;

#[component]
pub fn ApiKeysPage() -> impl IntoView {
    let query = use_query_map();
    let show = text(move || {
        let show = query.with(|query| query.get("show")).and_then(|show| show.parse::<Show>().ok());
        show.unwrap_or_default().to_string()
    });
    // Read once; what changes here asks again for itself.
    let answer = Resource::new_blocking(|| (), move |()| api_keys(show.get_untracked()));
    view! {
        {head("API keys")}
        {loading(answer, waiting, move |view| loaded(view, show))}
    }
}

/// What the parts of the page share.
#[derive(Clone, Copy)]
pub(super) struct Page {
    pub view: RwSignal<ApiKeysView>,
    /// Which keys the address asks for.
    pub show: Signal<String>,
    pub said: RwSignal<String>,
}

impl Page {
    /// Reads the list again; says nothing when it can't be read, since nothing was asked for.
    #[cfg(feature = "hydrate")]
    pub fn refresh(self) {
        let Some(wanted) = self.show.try_get_untracked() else { return };
        leptos::task::spawn_local(async move {
            match api_keys(wanted).await {
                Ok(view) if self.show.try_get_untracked().as_deref() == Some(view.show.as_str()) => {
                    self.view.try_set(view);
                }
                Err(ConsoleError::Unauthorized) => crate::live::connection::leave(),
                _ => {}
            }
        });
    }

    #[cfg(not(feature = "hydrate"))]
    #[expect(clippy::unused_self, reason = "the server reads it once for each page")]
    pub fn refresh(self) {}
}

fn loaded(view: ApiKeysView, show: Signal<String>) -> AnyView {
    let query = use_query_map();
    let is_revoked = query.with_untracked(|query| query.get("revoked").is_some());
    let said = RwSignal::new(if is_revoked { super::revoke::REVOKED.to_owned() } else { String::new() });
    let sent = view.form.clone();
    let created = RwSignal::new(view.created.clone());
    let page = Page { view: RwSignal::new(view), show, said };
    #[cfg(feature = "hydrate")]
    Effect::new(move || {
        let wanted = show.get();
        if page.view.with_untracked(|view| view.show != wanted) {
            page.refresh();
        }
    });
    let live = expect_context::<Live>();
    let base_url = move || page.view.with_untracked(|view| view.base_url.clone());
    view! {
        {dynamic(move || created.get().map(|made| secret(made, &base_url(), created)))}
        {dynamic(move || {
            if live.unverified.get() { unverified().into_any() } else { form(page, &sent, created).into_any() }
        })}
        <section class="card keys" aria-labelledby="keys-title">
            <header>
                <h2 id="keys-title">"Your keys"</h2>
                <Said said />
                {kinds(show)}
            </header>
            <div inner_html=text(move || page.view.with(|view| view.list.clone()))></div>
        </section>
        {revoking(page)}
    }
    .into_any()
}

/// In the form's place. The frame says how to verify it.
fn unverified() -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="create-title">
            <header>
                <h2 id="create-title">"Make a key"</h2>
            </header>
            <p class="sub">"Keys can be made once your e-mail address is verified."</p>
        </section>
    }
}

/// The secret, this once, with something that works with it.
fn secret(
    made: CreatedView,
    base_url: &str,
    created: RwSignal<Option<CreatedView>>,
) -> impl IntoView + use<> {
    let request = format!("curl {base_url}/usage/current \\\n  -H \"x-api-key: {}\"", made.secret);
    let may = if made.may_write { "read and change" } else { "read" };
    view! {
        <section class="card created" id="created" tabindex="-1" aria-labelledby="created-title">
            <header>
                <h2 id="created-title">{format!("“{}” is made. Keep its secret now.", made.name)}</h2>
                <a
                    class="button small"
                    href="/settings/api-keys"
                    on:click=move |_| created.set(None)
                >
                    "Done"
                </a>
            </header>
            <p class="sub">
                {format!(
                    "It is shown this once and kept nowhere. Whoever has it can {may} what is in this account.",
                )}
            </p>
            <CopyLine label="the secret" text=made.secret />
            <p class="sub">"It works at once. Ask what you can spend:"</p>
            <CopyBlock label="the request" text=request />
        </section>
    }
}

fn form(page: Page, sent: &FormState, created: RwSignal<Option<CreatedView>>) -> impl IntoView + use<> {
    let sending = Sending::new(sent.errors.clone());
    let writes = sent.typed("permission") == Some("read_write");
    let option = |value, checked: bool, name, what| {
        view! {
            <label class="option">
                <input type="radio" name="permission" value=value checked=checked />
                <span>
                    <b>{name}</b>
                    <span class="sub">{what}</span>
                </span>
            </label>
        }
    };
    view! {
        <section class="card" aria-labelledby="create-title">
            <header>
                <h2 id="create-title">"Make a key"</h2>
            </header>
            <form
                class="form create"
                method="post"
                action="/settings/api-keys"
                on:submit=move |event| create(&event, sending, page, created)
            >
                <FormError error=sending.error("") />
                <FormError error=sending.error("key_id") />
                <input
                    type="hidden"
                    name="key_id"
                    value=text(move || page.view.with(|view| view.next_id.to_string()))
                />
                <div class="beside">
                    <Field
                        name="name"
                        label="Name"
                        hint="What will use it, such as laptop or nightly job."
                        value=sent.value("name", "")
                        error=sending.error("name")
                        required=true
                    />
                    <Field
                        name="expiration_days"
                        label="Expires after"
                        hint="Days. Empty: never."
                        value=sent.value("expiration_days", "")
                        error=sending.error("expiration_days")
                        inputmode="numeric"
                    />
                </div>
                {limit_fields(sent, sending)}
                <fieldset class="options" aria-describedby="permission-error">
                    <legend>"Permission"</legend>
                    {option("read_only", !writes, "Read only", "Sees balance, usage and receipts.")}
                    {option("read_write", writes, "Read and write", "Also spends credits and changes keys.")}
                    <p class="wrong" id="permission-error">
                        {sending.error("permission")}
                    </p>
                </fieldset>
                <div class="sends">
                    <Submit label="Make key" busy=sending.busy />
                </div>
            </form>
        </section>
    }
}

fn limit_fields(sent: &FormState, sending: Sending) -> impl IntoView + use<> {
    view! {
        <div class="limits">
            <Field
                name="limit"
                label="Spend limit"
                hint="Credits. Empty: none."
                value=sent.value("limit", "")
                error=sending.error("limit")
                inputmode="decimal"
            />
            {choice("limit_period", "For each", periods(sent.typed("limit_period")))}
            {choice("limit_mode", "Beyond it", modes(sent.typed("limit_mode")))}
        </div>
    }
}

/// A choice among texts that are markup already.
pub(super) fn choice(name: &'static str, label: &'static str, options: String) -> impl IntoView {
    view! {
        <Labelled name label hint="" error=Signal::default()>
            <select id=name name=name aria-describedby=described_by(name) inner_html=options></select>
        </Labelled>
    }
}

pub(super) fn periods(chosen: Option<&str>) -> String {
    options(&[("day", "day"), ("week", "week, from Monday"), ("month", "month")], chosen.unwrap_or("month"))
}

pub(super) fn modes(chosen: Option<&str>) -> String {
    options(&[("hard", "nothing is spent"), ("notify", "only say so")], chosen.unwrap_or("hard"))
}

/// The values and names are ours.
pub(super) fn options(of: &[(&'static str, &'static str)], chosen: &str) -> String {
    let option = |(value, name): &(&'static str, &'static str)| {
        let selected = if *value == chosen { " selected" } else { "" };
        ["<option value=\"", value, "\"", selected, ">", name, "</option>"].concat()
    };
    of.iter().map(option).collect()
}

fn create(event: &SubmitEvent, sending: Sending, page: Page, created: RwSignal<Option<CreatedView>>) {
    page.said.set(String::new());
    sending.send(event, move |field| {
        let call = create_api_key(
            field("key_id"),
            field("name"),
            field("permission"),
            field("expiration_days"),
            field("limit"),
            field("limit_period"),
            field("limit_mode"),
        );
        Box::pin(async move {
            let answer = call.await;
            // Either there is a new key, or the id of the next one may be used up.
            page.refresh();
            let made = answer?;
            put("name", "");
            put("expiration_days", "");
            put("limit", "");
            created.try_set(Some(made));
            focus("created");
            Ok(())
        })
    });
}

/// Links, so that the choice is in the address and works without scripts.
fn kinds(show: Signal<String>) -> impl IntoView {
    let link = move |one: Show| {
        let name = match one {
            Show::Active => "Active",
            Show::Revoked => "Revoked",
            Show::All => "All",
        };
        let current = move || show.with(|show| show == one.as_str()).then_some("true");
        view! {
            <a href=format!("/settings/api-keys?show={one}") aria-current=current data-noscroll="">
                {name}
            </a>
        }
    };
    view! {
        <nav class="seg" aria-label="Which keys">
            {Show::ALL.map(link).collect_view()}
        </nav>
    }
}
