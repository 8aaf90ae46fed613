//! Pages, and contents of pages, in which the wasm has no part.

use leptos::prelude::*;

/// A page that the server renders and no wasm takes over: none of it is compiled for the browser. Links to it are
/// `rel="external"`; should the application be led there all the same, it asks the server.
pub fn served<V: IntoView + 'static>(page: impl FnOnce() -> V) -> AnyView {
    #[cfg(feature = "ssr")]
    {
        page().into_any()
    }
    #[cfg(not(feature = "ssr"))]
    {
        let _ = page;
        #[cfg(feature = "hydrate")]
        ask_the_server();
        ().into_any()
    }
}

/// What stands inside the frame of a page and is made by the server alone: the wasm that takes the page over leaves it as it is.
/// Where the application was led to such a page itself there is nothing to leave, so it asks the server.
pub fn served_content() -> AnyView {
    #[cfg(feature = "ssr")]
    let content =
        use_context::<crate::ssr::Content>().map(|crate::ssr::Content(html)| html).unwrap_or_default();
    #[cfg(not(feature = "ssr"))]
    let content = String::new();
    #[cfg(feature = "hydrate")]
    if !matches!(document().query_selector(".served"), Ok(Some(_))) {
        ask_the_server();
    }
    view! { <div class="served" inner_html=content></div> }.into_any()
}

#[cfg(feature = "hydrate")]
fn ask_the_server() {
    let here = leptos_router::hooks::use_url().with_untracked(|url| match url.search() {
        "" => url.path().to_owned(),
        search => format!("{}?{search}", url.path()),
    });
    Effect::new(move || {
        window().location().assign(&here).ok();
    });
}
