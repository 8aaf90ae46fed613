//! What the public pages ask. No browser calls it: these pages are made on the server.

use crate::backend::ConsoleError;
use crate::backend::pricing::PricingView;

/// The price list and the settings that readers should know; for everybody.
#[cfg(feature = "ssr")]
pub async fn pricing() -> Result<PricingView, ConsoleError> {
    let result = async {
        let backend = leptos::prelude::use_context::<crate::backend::Backend>();
        backend.ok_or(ConsoleError::Unavailable)?.pricing.pricing().await
    };
    super::answer(result.await)
}

/// Nowhere else is there anybody to ask.
#[cfg(not(feature = "ssr"))]
pub async fn pricing() -> Result<PricingView, ConsoleError> {
    Err(ConsoleError::Unavailable)
}
