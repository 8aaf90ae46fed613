//! The credits page's one question.

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use super::json::Answer;
use crate::backend::ConsoleError;
use crate::backend::credits::CreditsView;

/// What the viewer's account owns; `search` is the query of the page's address.
#[server(input = GetUrl, output = Answer)]
pub async fn credits(search: String) -> Result<CreditsView, ConsoleError> {
    let result = async {
        let (viewer, backend) = super::caller()?;
        backend.credits.credits(&viewer, &search).await
    };
    super::answer(result.await)
}
