//! A page's data: waited for before the first byte, then shown; or what happened instead.
//!
//! Suspense is compiled anew for everything that is put into it. Here it is compiled once: what differs between pages
//! stands behind a box.

use std::pin::Pin;

use leptos::prelude::*;

use super::frame::ToSignIn;
use super::problem::Problem;
use crate::backend::ConsoleError;

type Coming = Pin<Box<dyn Future<Output = AnyView> + Send>>;

/// Shows the answer; until it is there, `waiting`, which is as large.
pub fn loading<T: Clone + Send + Sync + 'static>(
    answer: Resource<Result<T, ConsoleError>>,
    waiting: fn() -> AnyView,
    show: impl Fn(T) -> AnyView + Copy + Send + Sync + 'static,
) -> AnyView {
    let coming = move || -> Coming {
        Box::pin(async move {
            match answer.await {
                Ok(view) => show(view),
                Err(error) => failed(&error),
            }
        })
    };
    suspended(waiting, Box::new(coming))
}

/// As large as cards of these classes, one below the other.
pub fn cards(classes: &[&'static str]) -> AnyView {
    let cards = classes.iter().map(|class| view! { <div class=*class></div> }).collect_view();
    view! {
        <div class="waiting" role="status">
            <span class="hidden">"Loading"</span>
            {cards}
        </div>
    }
    .into_any()
}

fn failed(error: &ConsoleError) -> AnyView {
    match error {
        ConsoleError::Unauthorized => view! { <ToSignIn /> }.into_any(),
        error => view! { <Problem sentence=error.to_string() /> }.into_any(),
    }
}

fn suspended(waiting: fn() -> AnyView, coming: Box<dyn Fn() -> Coming + Send + Sync>) -> AnyView {
    view! { <Suspense fallback=waiting>{move || Suspend::new(coming())}</Suspense> }.into_any()
}
