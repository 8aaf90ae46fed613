//! Where this build's files are served.

/// URL paths with hashed names, from the manifest embedded in the server. Required in context.
#[derive(Clone, Debug, Default)]
pub struct Assets {
    /// The module that starts the wasm.
    pub script: String,
    pub wasm: String,
    pub style: String,
    /// The chart library, loaded after the first paint.
    pub charts: String,
    /// What asks the browser for a passkey; loaded where there is one to ask for.
    pub passkeys: String,
}
