//! The receipt page's one question.

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use super::json::Answer;
use crate::backend::ConsoleError;
use crate::backend::receipt::ReceiptView;

/// Why the viewer's event cost what it cost. With the report that the server has just refused, if it was one: the page
/// that the browser takes over must begin with what the server has shown.
#[server(input = GetUrl, output = Answer)]
pub async fn receipt(event_id: String) -> Result<ReceiptView, ConsoleError> {
    let refused = use_context::<crate::backend::receipt::RefusedReport>();
    let result = async {
        let (viewer, backend) = super::caller()?;
        let view = backend.receipt.receipt(&viewer, &event_id).await?;
        Ok(ReceiptView { refused, ..view })
    };
    super::answer(result.await)
}
