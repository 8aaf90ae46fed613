//! Which page a path shows.

use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::components::{ParentRoute, Route, Router, Routes};
use leptos_router::{SsrMode, path};

use crate::components::frame::{Me, SignedIn};
use crate::components::served::served;
use crate::components::theme::Theme;
use crate::live::Live;
use crate::pages::credits::CreditsPage;
use crate::pages::forms::FormPage;
use crate::pages::how_credits_work::HowCreditsWork;
use crate::pages::not_found::NotFound;
use crate::pages::overview::OverviewPage;
use crate::pages::pricing::PricingPage;
use crate::pages::receipt::ReceiptPage;
use crate::pages::settings::account::AccountPage;
use crate::pages::settings::api_keys::ApiKeysPage;
use crate::pages::settings::key::KeyPage;
use crate::pages::settings::security::SecurityPage;
use crate::pages::usage::UsagePage;

/// Pages wait for their data before the first byte, so that they are whole without scripts. Those that anybody may see
/// are the server's alone (`served`).
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_context(Live::new());
    provide_context(Me::default());
    provide_context(Theme::new());
    #[cfg(feature = "hydrate")]
    Effect::new(mark_hydrated);
    view! {
        <Router>
            <Routes fallback=|| served(NotFound)>
                <Route path=path!("/sign-in") view=|| served(FormPage) ssr=SsrMode::Async />
                <Route path=path!("/sign-up") view=|| served(FormPage) ssr=SsrMode::Async />
                <Route path=path!("/verify-email") view=|| served(FormPage) ssr=SsrMode::Async />
                <Route path=path!("/forgot-password") view=|| served(FormPage) ssr=SsrMode::Async />
                <Route path=path!("/reset-password") view=|| served(FormPage) ssr=SsrMode::Async />
                <Route path=path!("/pricing") view=|| served(PricingPage) ssr=SsrMode::Async />
                <Route path=path!("/docs/billing") view=|| served(HowCreditsWork) ssr=SsrMode::Async />
                <ParentRoute path=path!("/") view=SignedIn ssr=SsrMode::Async>
                    <Route path=path!("") view=OverviewPage ssr=SsrMode::Async />
                    <Route path=path!("/settings/account") view=AccountPage ssr=SsrMode::Async />
                    <Route path=path!("/settings/security") view=SecurityPage ssr=SsrMode::Async />
                    <Route path=path!("/settings/api-keys") view=ApiKeysPage ssr=SsrMode::Async />
                    <Route path=path!("/settings/api-keys/:key_id") view=|| served(KeyPage) ssr=SsrMode::Async />
                    <Route path=path!("usage") view=UsagePage ssr=SsrMode::Async />
                    <Route path=path!("credits") view=CreditsPage ssr=SsrMode::Async />
                    <Route path=path!("receipts/:event_id") view=ReceiptPage ssr=SsrMode::Async />
                </ParentRoute>
            </Routes>
        </Router>
    }
}

/// Says on `body` that the page answers to clicks now: for styles that hide what needs scripts, and for tests.
#[cfg(feature = "hydrate")]
pub(crate) fn mark_hydrated() {
    if let Some(body) = document().body() {
        // Fails only for names that are no attribute names.
        body.set_attribute("data-hydrated", "").ok();
    }
}
