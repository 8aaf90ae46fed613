//! Starts `app` in the browser; nothing else.

use app::App;
use wasm_bindgen::prelude::wasm_bindgen;

/// Wakes the page that the server has rendered.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(App);
}

/// Wakes the calculator of an otherwise still page.
#[wasm_bindgen]
pub fn calculator() {
    console_error_panic_hook::set_once();
    app::components::calculator::browser::take_over();
}
