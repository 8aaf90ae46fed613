//! What the tabs of a browser share: a channel that all of them hear, and a lock that one of them has.
//!
//! Both belong to the origin, so other consoles on other hosts are out of reach by themselves. `navigator.locks` is
//! called by name, since `web-sys` counts it among what may still change.

use js_sys::{Array, Function, Object, Promise, Reflect};
use leptos::prelude::window;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, BroadcastChannel, MessageEvent};

/// Of the channel, and the beginning of the lock's name.
const NAME: &str = "plexe-console/stream";

/// One tab's part in both. Dropping it leaves the channel and gives the lock, or the wait for it, up.
pub struct Tabs {
    channel: BroadcastChannel,
    _heard: Closure<dyn Fn(MessageEvent)>,
    lock: String,
    locks: JsValue,
    request: Function,
    abandon: AbortController,
}

impl Tabs {
    /// `None` in browsers that lack one of the two; each tab is then on its own. `account` names the lock.
    pub fn join(account: &str, heard: impl Fn(String) + 'static) -> Option<Self> {
        let navigator = window().navigator();
        let locks = Reflect::get(&navigator, &"locks".into()).ok().filter(JsValue::is_object)?;
        let request = Reflect::get(&locks, &"request".into()).ok()?.dyn_into::<Function>().ok()?;
        let has_channels = Reflect::has(&window(), &"BroadcastChannel".into()).unwrap_or(false);
        let channel = has_channels.then(|| BroadcastChannel::new(NAME).ok()).flatten()?;
        let heard = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(text) = event.data().as_string() {
                heard(text);
            }
        });
        channel.set_onmessage(Some(heard.as_ref().unchecked_ref()));
        let abandon = AbortController::new().ok()?;
        let lock = format!("{NAME}/{account}");
        Some(Self { channel, _heard: heard, lock, locks, request, abandon })
    }

    pub fn say(&self, text: &str) {
        // Fails only once the channel is closed.
        self.channel.post_message(&text.into()).ok();
    }

    /// Waits for the lock, or takes it. `granted` is given what lets go of it, or answers false when it is not wanted
    /// any more; `lost` is called when another tab has taken it.
    pub fn lock(
        &self,
        seize: bool,
        granted: impl FnOnce(Release) -> bool + 'static,
        lost: impl FnOnce() + 'static,
    ) {
        let granted = Closure::once_into_js(move |_lock: JsValue| -> JsValue {
            let mut release = None;
            let held = Promise::new(&mut |resolve, _| release = Some(Release(resolve)));
            // The browser takes the lock back as soon as it is given anything but a promise.
            if release.is_some_and(granted) { held.into() } else { JsValue::UNDEFINED }
        });
        let options = Object::new();
        let option = if seize { ("steal", JsValue::TRUE) } else { ("signal", self.abandon.signal().into()) };
        // Fails only for objects that are frozen.
        Reflect::set(&options, &option.0.into(), &option.1).ok();
        let arguments = Array::of3(&self.lock.as_str().into(), &options, &granted);
        let Ok(promise) = self.request.apply(&self.locks, &arguments) else { return };
        let over = JsFuture::from(promise.unchecked_into::<Promise>());
        spawn_local(async move {
            if over.await.is_err() {
                lost();
            }
        });
    }
}

impl Drop for Tabs {
    fn drop(&mut self) {
        self.channel.set_onmessage(None);
        self.channel.close();
        self.abandon.abort();
    }
}

/// Gives the lock back when dropped.
pub struct Release(Function);

impl Drop for Release {
    fn drop(&mut self) {
        self.0.call0(&JsValue::UNDEFINED).ok();
    }
}
