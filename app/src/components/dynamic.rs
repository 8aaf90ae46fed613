//! Parts of a page that change.
//!
//! A closure in a view is a type of its own, and each such type brings its own copy of the code that hydrates and
//! updates it. These two give all of them one type each, which is a good part of the wasm's size.

use leptos::prelude::*;

/// A view that is drawn anew whenever what it reads has changed.
type Drawn = Box<dyn Fn() -> AnyView + Send>;

/// Text, or an attribute's value, that follows what `text` reads.
pub fn text(text: impl Fn() -> String + Send + Sync + 'static) -> Signal<String> {
    Signal::derive(text)
}

/// A view that follows what `view` reads.
pub fn dynamic<V: IntoView + 'static>(view: impl Fn() -> V + Send + 'static) -> Drawn {
    Box::new(move || view().into_any())
}
