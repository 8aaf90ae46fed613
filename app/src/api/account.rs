//! Settings › Account: read, and changed.

use leptos::prelude::*;
use leptos::server_fn::codec::{GetUrl, PostUrl};

use super::json::Answer;
use crate::backend::ConsoleError;
use crate::backend::account::AccountView;

/// The viewer as stored; with the form as it came back, when the page answers one.
#[server(input = GetUrl, output = Answer)]
pub async fn account() -> Result<AccountView, ConsoleError> {
    let result = async {
        let (viewer, backend) = super::caller()?;
        let form = super::sent_form();
        let view = backend.account.account(&viewer).await?;
        Ok(AccountView { form, ..view })
    };
    super::answer(result.await)
}

/// Changes the viewer's name, username and time zone.
#[server(input = PostUrl, output = Answer)]
pub async fn change_account(
    name: String,
    user_name: String,
    time_zone: String,
) -> Result<AccountView, ConsoleError> {
    let result = async {
        let (viewer, backend) = super::caller()?;
        let form = crate::backend::account::AccountForm { name, user_name, time_zone };
        backend.account.change_account(&viewer, form).await
    };
    super::answer(result.await)
}
