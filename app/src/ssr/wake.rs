//! When a page's wasm starts.

/// Optional in context; without it a page stays as the server rendered it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wake {
    /// It needs no script.
    #[default]
    Never,
    /// The wasm takes over its calculator when something is typed there.
    AtFirstEdit,
    /// The wasm takes over the whole page.
    Now,
}
