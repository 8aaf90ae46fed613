//! This page's part in the stream: opened after hydration, kept open or followed, resumed where it broke.
//!
//! What is to be done is decided in [`super::sharing`]; here it is done. Written on `EventSource` itself: `gloo-net`
//! gives one queue per event name, which loses the order between them, and does not tell that the stream broke. The
//! browser's own reconnecting is not used either: it knocks in step with all others, and for ever.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, EventSource, MessageEvent, PageTransitionEvent};

use super::note::{self, Note};
use super::sharing::{Act, Happened, Tab};
use super::tabs::{Release, Tabs};
use super::{Arrival, Inbox, Live, Message, Wallet};
use crate::api::session::frame;
use crate::backend::live::{AlertMessage, STREAM_PATH, alert, name};
use crate::backend::{ConsoleError, Viewer};

/// Arrivals are shown together after this pause: often enough to look live, seldom enough to stay smooth.
const BATCH: Duration = Duration::from_millis(100);
/// How often a follower looks whether the holder is still there.
const TICK: Duration = Duration::from_secs(5);
/// How long the answer to a sign-in may take to reach the browser after the session that it replaces has ended.
pub const DOUBT: Duration = Duration::from_millis(700);

/// Keeps `live` up to date until the current owner is cleaned up.
pub fn keep(live: Live, viewer: &Viewer) {
    let kept = StoredValue::new_local(None::<Rc<Line>>);
    let names = (viewer.user_id.to_string(), viewer.account_id.to_string());
    let join = Rc::new(move || {
        let joined = Line::join(live, &names.0, &names.1);
        kept.set_value(Some(Rc::clone(&joined)));
        joined
    });
    let first = Rc::clone(&join);
    Effect::new(move || drop(first()));
    let tell = move |what: Happened| {
        if let Some(line) = kept.try_get_value().flatten() {
            line.on(what);
        }
    };
    let listeners = [
        // A page that is kept for the way back must let go of everything, or the browser does not keep it.
        window_event_listener_untyped("pagehide", move |_| {
            if let Some(line) = kept.try_update_value(Option::take).flatten() {
                line.flush();
            }
        }),
        // Signing out here ends the stream, which is no news to this tab.
        window_event_listener_untyped("submit", move |event| {
            let form = event.target().and_then(|target| target.dyn_into::<Element>().ok());
            if form.and_then(|form| form.get_attribute("action")).is_some_and(|to| to == "/sign-out") {
                kept.try_update_value(Option::take);
            }
        }),
        window_event_listener_untyped("pageshow", move |event| {
            if event.unchecked_ref::<PageTransitionEvent>().persisted() {
                // Who went away and comes back may have been signed out meanwhile.
                join().ask();
            }
        }),
        // A connection that has died without a word is noticed only much later.
        window_event_listener_untyped("offline", move |_| tell(Happened::Cut)),
        window_event_listener_untyped("online", move |_| tell(Happened::Awake { doubtful: true })),
        window_event_listener_untyped("visibilitychange", move |_| {
            if !document().hidden() {
                tell(Happened::Awake { doubtful: false });
            }
        }),
    ];
    on_cleanup(move || {
        // Dropping the line closes it; its closures hold it weakly.
        kept.set_value(None);
        listeners.into_iter().for_each(WindowListenerHandle::remove);
    });
    let tick = move || tell(Happened::Tick { visible: !document().hidden() });
    if let Ok(ticking) = set_interval_with_handle(tick, TICK) {
        on_cleanup(move || ticking.clear());
    }
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
    user: String,
    tab: RefCell<Tab>,
    inbox: RefCell<Inbox>,
    /// The messages in `inbox` as they came.
    text: RefCell<String>,
    batch: RefCell<Vec<Arrival>>,
    source: RefCell<Option<Source>>,
    tabs: Option<Tabs>,
    /// Of the lock, while this tab has it.
    release: RefCell<Option<Release>>,
    /// Whether this tab waits for the lock.
    queued: Cell<bool>,
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
        self.stream.set_onopen(None);
        self.stream.set_onerror(None);
        self.stream.close();
    }
}

impl Line {
    /// Goes on after what `live` knows: shares the stream of the browser's other tabs where it can.
    fn join(live: Live, user: &str, account: &str) -> Rc<Self> {
        let seq = live.wallet.with_untracked(|wallet| wallet.seq);
        let joined = Rc::new_cyclic(|joined: &Weak<Self>| {
            let heard = Weak::clone(joined);
            Self {
                live,
                user: user.to_owned(),
                tab: RefCell::new(Tab::new(seq)),
                inbox: RefCell::default(),
                text: RefCell::default(),
                batch: RefCell::default(),
                source: RefCell::default(),
                tabs: Tabs::join(account, move |text| with(&heard, |line| line.hear(&text))),
                release: RefCell::default(),
                queued: Cell::new(false),
            }
        });
        if joined.tabs.is_some() {
            joined.lock(false);
            let greeting = joined.tab.borrow().greeting();
            joined.say(&greeting);
        } else {
            joined.on(Happened::Elected);
        }
        joined
    }

    fn on(self: &Rc<Self>, what: Happened) {
        let acts = self.tab.borrow_mut().on(what);
        for act in acts {
            self.act(act);
        }
    }

    fn act(self: &Rc<Self>, act: Act) {
        match act {
            Act::Open(seq) => self.open(seq),
            Act::Close => drop(self.source.take()),
            Act::Ask => self.ask(),
            Act::Pause { ms } => self.pause(ms),
            Act::Say(note) => self.say(&note),
            Act::Read(text) => {
                self.clear();
                note::messages(&text).for_each(|(event, data)| self.take(event, data));
            }
            Act::Seize => self.lock(true),
            Act::Show(connection) => {
                if self.live.connection.try_get_untracked() != Some(connection) {
                    self.live.connection.try_set(connection);
                }
            }
            Act::Reset(wallet) => self.show_soon(Arrival::Reset(wallet)),
            Act::Leave => leave(),
        }
    }

    fn lock(self: &Rc<Self>, seize: bool) {
        let Some(tabs) = &self.tabs else { return };
        if !seize && self.queued.replace(true) {
            return;
        }
        let (elected, deposed) = (Rc::downgrade(self), Rc::downgrade(self));
        let granted = move |release| {
            let Some(line) = elected.upgrade() else { return false };
            if !seize {
                line.queued.set(false);
            }
            if line.tab.borrow().is_holder() {
                return false;
            }
            line.release.replace(Some(release));
            line.on(Happened::Elected);
            true
        };
        let lost = move || {
            with(&deposed, |line| {
                line.release.take();
                line.on(Happened::Deposed);
                line.lock(false);
            });
        };
        tabs.lock(seize, granted, lost);
    }

    fn say(&self, note: &Note) {
        if let Some(tabs) = &self.tabs {
            tabs.say(&note.write(&self.user));
        }
    }

    fn hear(self: &Rc<Self>, text: &str) {
        match Note::read(text) {
            Some((user, note)) if user == self.user => self.on(Happened::Heard(note)),
            // Somebody else has signed in, or has just been signed out; the server knows which of the two.
            Some(_) => self.ask(),
            None => {}
        }
    }

    fn open(self: &Rc<Self>, seq: u64) {
        self.clear();
        let url = format!("{STREAM_PATH}?after={seq}");
        let Ok(stream) = EventSource::new(&url) else { return self.on(Happened::Cut) };
        let opened = callback(self, |line| line.on(Happened::Opened));
        let failed = callback(self, |line| line.on(Happened::Cut));
        let line = Rc::downgrade(self);
        let message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            if let (Some(line), Some(data)) = (line.upgrade(), event.data().as_string()) {
                line.take(&event.type_(), &data);
            }
        });
        stream.set_onopen(Some(opened.as_ref().unchecked_ref()));
        stream.set_onerror(Some(failed.as_ref().unchecked_ref()));
        for event in [name::ENTRY, name::USAGE, name::BALANCE, name::RESET, name::ALERT] {
            stream.add_event_listener_with_callback(event, message.as_ref().unchecked_ref()).ok();
        }
        let source = Source { stream, _opened: opened, _failed: failed, _message: message };
        self.source.replace(Some(source));
    }

    /// Forgets a commit that was cut off; the stream sends the whole of it again.
    fn clear(&self) {
        self.inbox.borrow_mut().clear();
        self.text.take();
    }

    fn take(self: &Rc<Self>, event: &str, data: &str) {
        let message = match Message::parse(event, data) {
            Some(Ok(message)) => message,
            // Another version of the server: nothing after this can be trusted.
            Some(Err(_)) => return self.on(Happened::Cut),
            None => return,
        };
        if let Message::Alert(alert) = message {
            return self.alert(event, data, &alert);
        }
        note::push_message(&mut self.text.borrow_mut(), event, data);
        let Some(arrival) = self.inbox.borrow_mut().take(message) else { return };
        let (note, arrival) = self.tab.borrow_mut().arrived(arrival, self.text.take());
        if let Some(note) = note {
            self.say(&note);
        }
        if let Some(arrival) = arrival {
            self.show_soon(arrival);
        }
    }

    fn alert(&self, event: &str, data: &str, alert: &AlertMessage) {
        if alert.alert == alert::SUSPENDED {
            self.live.suspended.try_set(alert.active);
        }
        if alert.alert == alert::UNVERIFIED {
            self.live.unverified.try_set(alert.active);
        }
        if self.tab.borrow().is_holder() {
            let mut text = String::new();
            note::push_message(&mut text, event, data);
            self.say(&Note::Commit(text));
        }
    }

    fn show_soon(self: &Rc<Self>, arrival: Arrival) {
        let mut batch = self.batch.borrow_mut();
        batch.push(arrival);
        if batch.len() == 1 {
            let line = Rc::downgrade(self);
            set_timeout(move || with(&line, |line| line.flush()), BATCH);
        }
    }

    fn flush(&self) {
        self.live.publish(self.batch.take());
    }

    /// Between half and one and a half of it, so that browsers don't come back all at once.
    fn pause(self: &Rc<Self>, ms: u32) {
        let pause = Duration::from_millis(ms.into()).mul_f64(0.5 + js_sys::Math::random());
        let line = Rc::downgrade(self);
        set_timeout(move || with(&line, |line| line.on(Happened::PauseOver)), pause);
    }

    /// Who are we? A session that has ended is no reason to knock for ever.
    fn ask(self: &Rc<Self>) {
        self.ask_once_or_twice(true);
    }

    /// Signing in as somebody else ends a session before the browser has the cookie of the next: `in_doubt`, a refusal is
    /// asked about again.
    fn ask_once_or_twice(self: &Rc<Self>, in_doubt: bool) {
        let line = Rc::downgrade(self);
        spawn_local(async move {
            let answer = frame().await;
            with(&line, |line| match answer {
                Err(ConsoleError::Unauthorized) if in_doubt => {
                    let line = Rc::downgrade(line);
                    set_timeout(move || with(&line, |line| line.ask_once_or_twice(false)), DOUBT);
                }
                Err(ConsoleError::Unauthorized) => line.on(Happened::Refused),
                Err(_) => line.on(Happened::Unreachable),
                // Everything on this page is somebody else's.
                Ok(view) if view.viewer.user_id.to_string() != line.user => {
                    window().location().reload().ok();
                }
                Ok(view) => {
                    line.live.suspended.try_set(view.suspended);
                    line.live.unverified.try_set(!view.viewer.is_verified);
                    line.on(Happened::Known(Wallet::from(&view.balance)));
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
