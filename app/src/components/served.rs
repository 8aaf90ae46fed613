//! Pages in which the wasm has no part.

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
