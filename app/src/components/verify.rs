//! "Verify my ledger": the browser fetches all entries and recomputes the chain with the code that the server writes it
//! with.

use leptos::prelude::*;

use super::dynamic::{dynamic, text};
use crate::backend::credits::CREDITS_PATH;
use crate::backend::entries::FILE_PATH;
use crate::format;

/// Where a verification stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Standing {
    is_running: bool,
    /// `bad`, `good` or empty.
    class: &'static str,
    said: String,
    /// The entry that is wrong.
    wrong: Option<u64>,
}

/// The button, and what comes of it. `head` is an entry and its hash as the server keeps them beside the books.
pub fn verify(head: (u64, String)) -> AnyView {
    let standing = RwSignal::new(Standing::default());
    #[cfg(feature = "hydrate")]
    let start = {
        let account = expect_context::<super::frame::Me>().0;
        move |_| {
            let account = account.with_untracked(|me| me.as_ref().map(|me| me.account_id));
            if let Some(account) = account.filter(|_| !standing.with_untracked(|now| now.is_running)) {
                leptos::task::spawn_local(browser::run(account, head.clone(), standing));
            }
        }
    };
    #[cfg(not(feature = "hydrate"))]
    let start = {
        drop(head);
        |_| ()
    };
    let class = text(move || standing.with(|now| format!("verdict {}", now.class)));
    view! {
        <div class="verify">
            <button
                type="button"
                class="button small needs-script"
                aria-disabled=text(move || standing.with(|now| now.is_running.to_string()))
                on:click=start
            >
                "Verify my ledger"
            </button>
            <p class="sub">
                "Every entry carries a hash of itself and of the one before. Your browser fetches "
                <a href=FILE_PATH rel="external" download="entries.ndjson">"all entries"</a>
                " and recomputes them."
            </p>
            <p class=class role="status">{text(move || standing.with(|now| now.said.clone()))}</p>
            {dynamic(move || standing.with(|now| now.wrong.map(show)))}
        </div>
    }
    .into_any()
}

/// The way to the page of the books that begins with an entry.
fn show(seq: u64) -> AnyView {
    let href = format!("{CREDITS_PATH}?before={}", seq.saturating_add(1));
    view! { <p class="sub"><a href=href>{format!("See entry {}", format::count(seq))}</a></p> }.into_any()
}

#[cfg(feature = "hydrate")]
mod browser {
    use gloo_net::http::Request;
    use js_sys::{Function, Promise, Reflect, Uint8Array};
    use ledger::AccountId;
    use leptos::prelude::*;
    use wasm_bindgen::{JsCast, JsValue};
    use wasm_bindgen_futures::JsFuture;
    use web_sys::ReadableStreamDefaultReader;

    use super::Standing;
    use crate::backend::entries::{FILE_PATH, LAST_SEQ_HEADER};
    use crate::format;
    use crate::live::clock::now_ms;
    use crate::verification::{Check, Whole, Wrong};

    /// How long to work before the page may draw, in milliseconds.
    const PAINT_MS: i64 = 50;

    enum Failure {
        Wrong(Wrong),
        /// Nothing is known about the books.
        Unread,
    }

    impl From<JsValue> for Failure {
        fn from(_: JsValue) -> Self {
            Self::Unread
        }
    }

    pub async fn run(account: AccountId, head: (u64, String), standing: RwSignal<Standing>) {
        let began = now_ms();
        let found = read(Check::new(account, head), |done, last| {
            let said = format!("{} of {} entries are in order…", format::count(done), format::count(last));
            standing.try_set(Standing { is_running: true, said, ..Standing::default() }).is_none()
        });
        let mut wrong = None;
        let (class, said) = match found.await {
            Ok(Whole { entries, head }) => {
                let ms = now_ms() - began;
                let time = format!("{}.{:02} s", ms / 1_000, ms % 1_000 / 10);
                let entries = format::count(entries);
                (
                    "good",
                    format!("All {entries} entries are in order, recomputed in {time}. Last hash: {head}"),
                )
            }
            Err(Failure::Wrong(Wrong { seq, fault })) => {
                wrong = Some(seq);
                ("bad", format!("Mismatch at entry {seq}: {fault}."))
            }
            Err(Failure::Unread) => {
                ("bad", "The entries could not be read to their end. Please try again.".to_owned())
            }
        };
        standing.try_set(Standing { is_running: false, class, said, wrong });
    }

    /// `progress` says whether anybody still looks.
    async fn read(mut check: Check, progress: impl Fn(u64, u64) -> bool) -> Result<Whole, Failure> {
        progress(0, check.expected());
        let response = Request::get(FILE_PATH).send().await.map_err(|_| Failure::Unread)?;
        let last = response.headers().get(LAST_SEQ_HEADER).and_then(|last| last.parse().ok());
        let (Some(last), Some(body), true) = (last, response.body(), response.ok()) else {
            return Err(Failure::Unread);
        };
        let reader: ReadableStreamDefaultReader = body.get_reader().dyn_into().map_err(JsValue::from)?;
        let mut drawn = now_ms();
        loop {
            let part = JsFuture::from(reader.read()).await?;
            if Reflect::get(&part, &"done".into())?.is_truthy() {
                return check.finish(last).map_err(Failure::Wrong);
            }
            let bytes: Uint8Array = Reflect::get(&part, &"value".into())?.dyn_into()?;
            if let Err(wrong) = check.take(&bytes.to_vec()) {
                // Nobody reads on; fails only for a stream that is over.
                let _cancelled = reader.cancel();
                return Err(Failure::Wrong(wrong));
            }
            if now_ms() - drawn > PAINT_MS {
                if !progress(check.done(), last) {
                    let _cancelled = reader.cancel();
                    return Err(Failure::Unread);
                }
                let pause = |resolve: Function, _| {
                    window().set_timeout_with_callback(&resolve).ok();
                };
                JsFuture::from(Promise::new(&mut { pause })).await?;
                drawn = now_ms();
            }
        }
    }
}
