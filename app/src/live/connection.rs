//! The one stream of this page: opened after hydration, kept open, resumed where it broke.
//!
//! Written on `EventSource` itself: `gloo-net` gives one queue per event name, which loses the order between them, and
//! does not tell that the browser is reconnecting.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{EventSource, MessageEvent};

use super::{Arrival, Connection, Inbox, Live, Message, Wallet};
use crate::api::session::frame;
use crate::backend::ConsoleError;
use crate::backend::live::{STREAM_PATH, name};

/// Arrivals are shown together after this pause: often enough to look live, seldom enough to stay smooth.
const BATCH: Duration = Duration::from_millis(100);
/// The first pause before a dead stream is opened again; doubles up to [`MAX_PAUSE_MS`].
const PAUSE_MS: u32 = 1_000;
const MAX_PAUSE_MS: u32 = 30_000;

/// Keeps `live` up to date until the current owner is cleaned up.
pub fn keep(live: Live) {
    let kept = StoredValue::new_local(None::<Rc<Line>>);
    Effect::new(move || {
        let seq = live.wallet.with_untracked(|wallet| wallet.seq);
        let opened = Rc::new(Line::after(seq, live));
        opened.open();
        kept.set_value(Some(opened));
    });
    // Dropping the line closes it; its closures hold it weakly.
    on_cleanup(move || kept.set_value(None));
}

/// The session has ended: back to the sign-in form, and from there back here.
pub fn leave() {
    let location = window().location();
    let here = [location.pathname(), location.search()].map(Result::unwrap_or_default).concat();
    let next = js_sys::encode_uri_component(&here);
    location.assign(&format!("/sign-in?next={next}")).ok();
}

struct Line {
    live: Live,
    /// The last commit that arrived whole.
    seq: Cell<u64>,
    /// Failures in a row.
    attempt: Cell<u32>,
    inbox: RefCell<Inbox>,
    batch: RefCell<Vec<Arrival>>,
    source: RefCell<Option<Source>>,
}

/// An open stream and what it calls; closed when dropped.
struct Source {
    stream: EventSource,
    _opened: Closure<dyn Fn()>,
    _failed: Closure<dyn Fn()>,
    _message: Closure<dyn Fn(MessageEvent)>,
}

impl Drop for Source {
    fn drop(&mut self) {
        self.stream.close();
    }
}

impl Line {
    fn after(seq: u64, live: Live) -> Self {
        Self {
            live,
            seq: Cell::new(seq),
            attempt: Cell::new(0),
            inbox: RefCell::default(),
            batch: RefCell::default(),
            source: RefCell::default(),
        }
    }

    fn open(self: &Rc<Self>) {
        let url = format!("{STREAM_PATH}?after={}", self.seq.get());
        let Ok(stream) = EventSource::new(&url) else { return self.reopen_later() };
        let opened = callback(self, Self::opened);
        let failed = callback(self, Self::failed);
        let line = Rc::downgrade(self);
        let message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            if let (Some(line), Some(data)) = (line.upgrade(), event.data().as_string()) {
                line.take(&event.type_(), &data);
            }
        });
        stream.set_onopen(Some(opened.as_ref().unchecked_ref()));
        stream.set_onerror(Some(failed.as_ref().unchecked_ref()));
        for event in [name::ENTRY, name::USAGE, name::BALANCE, name::RESET] {
            stream.add_event_listener_with_callback(event, message.as_ref().unchecked_ref()).ok();
        }
        let source = Source { stream, _opened: opened, _failed: failed, _message: message };
        self.source.replace(Some(source));
    }

    fn opened(self: &Rc<Self>) {
        self.attempt.set(0);
        self.inbox.borrow_mut().clear();
        self.live.connection.try_set(Connection::Live);
    }

    /// The browser retries by itself after a cut; it gives up when the server answers with an error.
    fn failed(self: &Rc<Self>) {
        self.inbox.borrow_mut().clear();
        self.live.connection.try_set(Connection::Reconnecting);
        let source = self.source.borrow();
        if source.as_ref().is_none_or(|open| open.stream.ready_state() == EventSource::CLOSED) {
            self.reopen_later();
        }
    }

    fn take(self: &Rc<Self>, event: &str, data: &str) {
        match Message::parse(event, data) {
            Some(Ok(message)) => {
                if let Some(arrival) = self.inbox.borrow_mut().take(message) {
                    self.seq.set(arrival.balance().seq);
                    self.show_soon(arrival);
                }
            }
            // Another version of the server: nothing after this can be trusted.
            Some(Err(_)) => {
                self.live.connection.try_set(Connection::Reconnecting);
                self.reopen_later();
            }
            None => {}
        }
    }

    fn show_soon(self: &Rc<Self>, arrival: Arrival) {
        let mut batch = self.batch.borrow_mut();
        batch.push(arrival);
        if batch.len() == 1 {
            let line = Rc::downgrade(self);
            set_timeout(move || with(&line, |line| line.live.publish(line.batch.take())), BATCH);
        }
    }

    fn reopen_later(self: &Rc<Self>) {
        let attempt = self.attempt.get();
        self.attempt.set(attempt.saturating_add(1));
        let pause_ms = PAUSE_MS.saturating_mul(1 << attempt.min(5)).min(MAX_PAUSE_MS);
        // Between half and one and a half of it, so that browsers don't come back all at once.
        let pause = Duration::from_millis(pause_ms.into()).mul_f64(0.5 + js_sys::Math::random());
        let line = Rc::downgrade(self);
        set_timeout(move || with(&line, Self::reopen), pause);
    }

    /// Asks who we are first: a session that has ended is no reason to knock for ever.
    fn reopen(self: &Rc<Self>) {
        self.source.replace(None);
        let line = Rc::downgrade(self);
        spawn_local(async move {
            let answer = frame().await;
            with(&line, |line| match answer {
                Err(ConsoleError::Unauthorized) => leave(),
                Err(_) => line.reopen_later(),
                Ok(view) => {
                    let wallet = Wallet::from(&view.balance);
                    line.live.wallet.try_update(|shown| shown.refresh(wallet));
                    line.open();
                }
            });
        });
    }
}

fn callback(line: &Rc<Line>, act: fn(&Rc<Line>)) -> Closure<dyn Fn()> {
    let line = Rc::downgrade(line);
    Closure::new(move || with(&line, act))
}

fn with(line: &Weak<Line>, act: impl FnOnce(&Rc<Line>)) {
    if let Some(line) = line.upgrade() {
        act(&line);
    }
}
