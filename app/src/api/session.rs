//! What the frame of every page asks.

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use super::json::Answer;
use crate::backend::ConsoleError;
use crate::backend::session::FrameView;

/// The viewer, and the balance in the top bar: who are we, after a line was cut?
#[server(input = GetUrl, output = Answer)]
pub async fn frame() -> Result<FrameView, ConsoleError> {
    let result = async {
        let (viewer, backend) = super::caller()?;
        backend.session.frame(&viewer).await
    };
    super::answer(result.await)
}
