//! Settings › Security: its content, made on the server.

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use super::json::Answer;
use crate::backend::ConsoleError;

/// The page's content as HTML; `said` is what its address says was done before.
#[server(input = GetUrl, output = Answer)]
pub async fn security(said: String) -> Result<String, ConsoleError> {
    let result = async {
        let (viewer, backend) = super::caller()?;
        let form = super::sent_form();
        let view = backend.security.security(&viewer).await?;
        Ok(crate::pages::settings::security::content(view, &form, &said))
    };
    super::answer(result.await)
}
