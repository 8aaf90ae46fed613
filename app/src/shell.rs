//! The HTML document around every page.

use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::MetaTags;

use crate::app::App;
use crate::backend::Viewer;
use crate::components::calculator;
use crate::pages::failure::{self, Failure};
use crate::pages::reference::ReferencePage;
use crate::ssr::{Assets, Wake};

/// Puts on the document, before anything is painted, that there are scripts, and the remembered theme.
const THEME: &str = "const{dataset:d}=document.documentElement;d.scripts='';try{const t=localStorage.getItem('theme');if(t)d.theme=t}catch{}";
/// The theme's switch on pages that no wasm takes over.
const THEME_SWITCH: &str = include_str!("../js/theme.js");

/// The page for the request in context. Who is signed in gets the wasm with their own pages; public pages need none.
pub fn shell() -> impl IntoView {
    let signed_in = use_context::<Option<Viewer>>().flatten().is_some();
    let wake = match use_context::<Wake>().unwrap_or_default() {
        Wake::Now if !signed_in => Wake::Never,
        wake => wake,
    };
    let assets = use_context::<Assets>().unwrap_or_default();
    let charts = (wake == Wake::Now).then(|| assets.charts.clone());
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <Head assets wake />
                <MetaTags />
            </head>
            <body data-charts=charts>
                <App />
            </body>
        </html>
    }
}

/// A whole document that says what failed, for when the application itself could not answer.
pub fn failure(status: u16, sentence: String, incident: String) -> impl IntoView {
    let assets = use_context::<Assets>().unwrap_or_default();
    let title = failure::title(status);
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <Head assets wake=Wake::Never />
                <title>{format!("{title} · Plexe Console")}</title>
            </head>
            <body>
                <Failure status sentence incident />
            </body>
        </html>
    }
}

/// A whole document around the API reference, which is no page of the application: nothing of it is known to the wasm.
pub fn reference(article: String) -> impl IntoView {
    let assets = use_context::<Assets>().unwrap_or_default();
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <Head assets wake=Wake::Never />
                <title>"API reference · Plexe Console"</title>
                <meta
                    name="description"
                    content="Every route of the API: what it takes and answers, and how it is called from curl, Python, JavaScript and Rust."
                />
            </head>
            <body>
                <ReferencePage article />
            </body>
        </html>
    }
}

#[component]
fn Head(assets: Assets, wake: Wake) -> impl IntoView {
    let style = assets.style.clone();
    view! {
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <script nonce=use_nonce()>{THEME}</script>
        <link rel="stylesheet" href=style />
        <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
        {(wake != Wake::Now).then(|| view! { <script nonce=use_nonce()>{THEME_SWITCH}</script> })}
        {match wake {
            Wake::Now => view! { <Start assets /> }.into_any(),
            Wake::AtFirstEdit => view! { <StartLater assets /> }.into_any(),
            Wake::Never => ().into_any(),
        }}
    }
}

/// The expression that starts the wasm by calling `entry` of it. Written here because Leptos' own script knows only one
/// fixed file name.
fn start(Assets { script, wasm, .. }: &Assets, entry: &str) -> String {
    format!(
        "import({script:?}).then(module=>module.default({{module_or_path:{wasm:?}}}).then(()=>module.{entry}()))"
    )
}

/// Starts the wasm with the page.
#[component]
fn Start(assets: Assets) -> impl IntoView {
    let start = start(&assets, "hydrate");
    let Assets { script, wasm, .. } = assets;
    view! {
        <link rel="modulepreload" href=script />
        <link rel="preload" href=wasm r#as="fetch" r#type="application/wasm" crossorigin="" />
        <script type="module" nonce=use_nonce()>
            {start}
        </script>
    }
}

/// Starts the wasm when something is typed into the calculator; until then its form is answered by the server.
#[component]
fn StartLater(assets: Assets) -> impl IntoView {
    let start = start(&assets, "calculator");
    let first = format!(
        "addEventListener('input',function first({{target}}){{if(!target.closest('#{}'))return;\
         removeEventListener('input',first);{start}}})",
        calculator::ID
    );
    view! { <script nonce=use_nonce()>{first}</script> }
}
