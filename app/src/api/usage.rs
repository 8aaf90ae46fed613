//! The usage page's one question.

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use super::json::Answer;
use crate::backend::ConsoleError;
use crate::backend::usage::UsageView;

/// Where the viewer's credits went; `search` is the query of the page's address.
#[server(input = GetUrl, output = Answer)]
pub async fn usage(search: String) -> Result<UsageView, ConsoleError> {
    let result = async {
        let (viewer, backend) = super::caller()?;
        backend.usage.usage(&viewer, &search).await
    };
    super::answer(result.await)
}
