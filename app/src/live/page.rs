//! Keeps an open page's [`Feed`] true: takes in what arrives, reads again when that is not enough, when the address asks
//! for something else, and when the clock has moved on.

use std::future::Future;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::feed::{At, Feed, LiveView, Outcome};
use super::{Live, clock};
use crate::backend::ConsoleError;

/// Feeds arrivals and changes of what is asked for to the page, for as long as it is open.
pub fn follow<V, A>(feed: RwSignal<Feed<V>>, asked: Memo<V::Asked>, read: fn(V::Asked) -> A)
where
    V: LiveView,
    A: Future<Output = Result<V, ConsoleError>> + 'static,
{
    let arrivals = expect_context::<Live>().arrivals;
    Effect::new(move || {
        let outcome = arrivals.with(|arrivals| apply(feed, |feed, at| feed.apply(arrivals, at)));
        if outcome == Outcome::Refetch {
            refetch(feed, asked, read, 0);
        }
    });
    Effect::new(move || {
        let wanted = asked.get();
        if feed.with_untracked(|feed| feed.view().asked() != wanted || feed.is_waiting()) {
            feed.update(Feed::expect_replacement);
            refetch(feed, asked, read, 0);
        }
    });
    turn_with_the_clock(feed, asked, read);
}

/// A new hour or day begins even when nothing is spent. Each turn is asked for once.
fn turn_with_the_clock<V, A>(feed: RwSignal<Feed<V>>, asked: Memo<V::Asked>, read: fn(V::Asked) -> A)
where
    V: LiveView,
    A: Future<Output = Result<V, ConsoleError>> + 'static,
{
    let looked = StoredValue::new(None);
    clock::set_by(feed.with_untracked(|feed| feed.view().now_ms()));
    let look = move || {
        let until_ms = feed.with_untracked(|feed| feed.view().until_ms());
        if until_ms != looked.get_value() && until_ms.is_some_and(|until_ms| clock::server_ms() > until_ms) {
            looked.set_value(until_ms);
            feed.update(Feed::expect_replacement);
            refetch(feed, asked, read, 0);
        }
    };
    if let Ok(timer) = set_interval_with_handle(look, Duration::from_secs(15)) {
        on_cleanup(move || timer.clear());
    }
}

fn apply<V: LiveView>(
    feed: RwSignal<Feed<V>>,
    change: impl FnOnce(&mut Feed<V>, &dyn Fn(&str) -> At) -> Outcome,
) -> Outcome {
    let zone = feed.with_untracked(|feed| feed.view().time_zone().to_owned());
    let at = |instant: &str| clock::at(instant, &zone);
    feed.try_update(|feed| change(feed, &at)).unwrap_or(Outcome::Done)
}

/// Reads the page's data again, with growing pauses while the server can't be reached.
fn refetch<V, A>(feed: RwSignal<Feed<V>>, asked: Memo<V::Asked>, read: fn(V::Asked) -> A, attempt: u32)
where
    V: LiveView,
    A: Future<Output = Result<V, ConsoleError>> + 'static,
{
    spawn_local(async move {
        let Some(wanted) = asked.try_get_untracked() else { return };
        match read(wanted).await {
            // Something else was asked for while this was on its way; its own request follows.
            Ok(view) if asked.try_get_untracked() != Some(view.asked()) => {}
            Ok(view) => {
                if apply(feed, |feed, at| feed.replace(view, at)) == Outcome::Refetch {
                    refetch(feed, asked, read, 0);
                }
            }
            Err(ConsoleError::Unauthorized) if attempt > 0 => super::connection::leave(),
            Err(ConsoleError::Unauthorized) => {
                set_timeout(move || refetch(feed, asked, read, 1), super::connection::DOUBT);
            }
            Err(_) => {
                let pause = Duration::from_secs(1 << attempt.min(5));
                set_timeout(move || refetch(feed, asked, read, attempt + 1), pause);
            }
        }
    });
}
