//! The HTML document around every page.

use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::MetaTags;

use crate::app::App;
use crate::backend::Viewer;
use crate::ssr::Assets;

/// Puts the remembered theme on the document before anything is painted.
const THEME: &str =
    "try{const t=localStorage.getItem('theme');if(t)document.documentElement.dataset.theme=t}catch{}";

/// The page for the request in context. Wasm is loaded for those who are signed in; public pages need none.
pub fn shell() -> impl IntoView {
    let assets = use_context::<Assets>().unwrap_or_default();
    let signed_in = use_context::<Option<Viewer>>().flatten().is_some();
    let charts = signed_in.then(|| assets.charts.clone());
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <script nonce=use_nonce()>{THEME}</script>
                <link rel="stylesheet" href=assets.style.clone() />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                {signed_in.then(|| view! { <Start assets /> })}
                <MetaTags />
            </head>
            <body data-charts=charts>
                <App />
            </body>
        </html>
    }
}

/// Starts the wasm. Written here because Leptos' own script knows only one fixed file name.
#[component]
fn Start(assets: Assets) -> impl IntoView {
    let Assets { script, wasm, .. } = assets;
    let start = format!(
        "import({script:?}).then(module=>module.default({{module_or_path:{wasm:?}}}).then(()=>module.hydrate()))"
    );
    view! {
        <link rel="modulepreload" href=script />
        <link rel="preload" href=wasm r#as="fetch" r#type="application/wasm" crossorigin="" />
        <script type="module" nonce=use_nonce()>
            {start}
        </script>
    }
}
