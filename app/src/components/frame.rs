//! What surrounds every page of somebody signed in: navigation, live balance, account menu.

use leptos::prelude::*;
use leptos_router::components::{Outlet, Redirect};
use leptos_router::hooks::use_url;
use leptos_router::location::Url;

use super::dynamic::{dynamic, text};
use super::navigation::{PageName, Places};
use super::public::Brand;
use super::theme::ThemeSwitch;
use crate::backend::Viewer;
use crate::backend::session::FrameView;
use crate::format;
use crate::live::{Connection, Live};

/// Who is signed in, for the pages inside the frame; in context from [`crate::app::App`] down.
#[derive(Debug, Clone, Copy, Default)]
pub struct Me(pub RwSignal<Option<Viewer>>);

/// Lets those in who are signed in, and sends everybody else to the sign-in form and back.
#[component]
pub fn SignedIn() -> impl IntoView {
    // The server has read it before it renders. A frame that waited for it would make the page inside anew, with all
    // that it reads, each time that something had arrived.
    match SharedValue::new(use_context::<FrameView>).into_inner() {
        Some(view) => view! { <Frame view /> }.into_any(),
        None => view! { <ToSignIn /> }.into_any(),
    }
}

/// Leads to the form, which leads back here.
#[component]
pub fn ToSignIn() -> impl IntoView {
    // The form is a public page, in which this wasm has no part.
    #[cfg(feature = "hydrate")]
    Effect::new(crate::live::connection::leave);
    cfg!(feature = "ssr").then(|| view! { <Redirect path=sign_in_path() /> })
}

fn sign_in_path() -> String {
    let here = use_url().with_untracked(|url| match url.search() {
        "" => url.path().to_owned(),
        search => format!("{}?{search}", url.path()),
    });
    match here.as_str() {
        "/" => "/sign-in".to_owned(),
        here => format!("/sign-in?next={}", Url::escape(here)),
    }
}

#[component]
fn Frame(view: FrameView) -> impl IntoView {
    let live = expect_context::<Live>();
    live.wallet.set((&view.balance).into());
    live.suspended.set(view.suspended);
    live.unverified.set(!view.viewer.is_verified);
    #[cfg(feature = "hydrate")]
    crate::live::connection::keep(live, &view.viewer);
    let email = view.viewer.email.clone();
    let unverified = move || live.unverified.get().then(|| view! { <Unverified email=email.clone() /> });
    #[cfg(feature = "hydrate")]
    super::navigation::follow_pages();
    expect_context::<Me>().0.set(Some(view.viewer));
    view! {
        <a class="skip" href="#main" rel="external">
            "Skip to content"
        </a>
        <div class="shell">
            <nav class="side" aria-label="Main">
                <a class="brand" href="/" aria-label="Plexe Console">
                    <Brand />
                </a>
                <Places />
            </nav>
            <div class="page">
                <header class="top">
                    <PageName />
                    <BalancePill />
                    <AccountMenu />
                </header>
                <main id="main" tabindex="-1">
                    {dynamic(unverified)}
                    <Outlet />
                </main>
            </div>
            <nav class="tabs" aria-label="Main, at the bottom">
                <Places />
            </nav>
        </div>
    }
}

/// What is missing while nobody has shown that the e-mail is theirs. A plain form: it works without scripts.
#[component]
fn Unverified(email: String) -> impl IntoView {
    view! {
        <section class="banner warn unverified" aria-label="Your e-mail is not verified">
            <p>
                "Your e-mail is not verified yet. Follow the link that we sent to " <b>{email.clone()}</b>
                ": free credits and API keys wait for it."
            </p>
            <form method="post" action="/verify-email/again">
                <input type="hidden" name="email" value=email />
                <button type="submit" class="button small">
                    "Send again"
                </button>
            </form>
        </section>
    }
}

/// The number everything is about. Screen readers hear it at most every ten seconds, and at once when the line is cut.
#[component]
fn BalancePill() -> impl IntoView {
    let Live { wallet, connection, .. } = expect_context::<Live>();
    let available = move || wallet.with(|wallet| wallet.available);
    let state = text(move || {
        let state = match connection.get() {
            Connection::Off => "pill",
            Connection::Live => "pill live",
            Connection::Reconnecting => "pill cut",
        };
        state.to_owned()
    });
    let unit = text(move || {
        let unit = match connection.get() {
            Connection::Reconnecting => "reconnecting…",
            Connection::Off | Connection::Live => "credits",
        };
        unit.to_owned()
    });
    view! {
        <span class=state title=text(move || format!("{} credits available", format::exact(available())))>
            <i class="dot"></i>
            <b data-testid="balance">{text(move || format::balance(available()))}</b>
            <span class="unit">{unit}</span>
        </span>
        <Announcement />
    }
}

#[component]
fn Announcement() -> impl IntoView {
    let said = RwSignal::new(String::new());
    #[cfg(feature = "hydrate")]
    announce(said);
    view! {
        <span class="hidden" role="status">
            {said}
        </span>
    }
}

#[cfg(feature = "hydrate")]
fn announce(said: RwSignal<String>) {
    use std::time::Duration;

    let Live { wallet, connection, .. } = expect_context::<Live>();
    let spoken = StoredValue::new(wallet.with_untracked(|wallet| wallet.available));
    let every_ten_seconds = move || {
        let available = wallet.with_untracked(|wallet| wallet.available);
        if available != spoken.get_value() {
            spoken.set_value(available);
            said.set(format!("{} credits available", format::balance(available)));
        }
    };
    if let Ok(timer) = set_interval_with_handle(every_ten_seconds, Duration::from_secs(10)) {
        on_cleanup(move || timer.clear());
    }
    Effect::new(move || {
        if connection.get() == Connection::Reconnecting {
            said.set("Connection lost, reconnecting".to_owned());
        }
    });
}

/// Who is signed in, their settings, the theme, and the way out. A popover: opens, closes and dismisses without scripts.
#[component]
fn AccountMenu() -> impl IntoView {
    let Me(viewer) = expect_context();
    let of = move |part: fn(&Viewer) -> String| {
        text(move || viewer.with(|viewer| viewer.as_ref().map(part).unwrap_or_default()))
    };
    view! {
        <button type="button" class="avatar" popovertarget="account" aria-label="Account menu">
            {of(|viewer| format::initials(&viewer.name))}
        </button>
        <div class="menu" id="account" popover="auto">
            <p>
                <b>{of(|viewer| viewer.name.clone())}</b>
                <span class="sub">{of(|viewer| viewer.email.clone())}</span>
            </p>
            <ul>
                <li>
                    <a href="/settings/account">"Account"</a>
                </li>
                <li>
                    <a href="/settings/api-keys">"API keys"</a>
                </li>
            </ul>
            <ThemeSwitch />
            <form method="post" action="/sign-out">
                <button type="submit" class="button">
                    "Sign out"
                </button>
            </form>
        </div>
    }
}
