//! The overview page's one question.

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use super::json::Answer;
use crate::backend::ConsoleError;
use crate::backend::overview::{OverviewView, Range};

/// Everything on the viewer's overview, its chart over `range`.
#[server(input = GetUrl, output = Answer)]
pub async fn overview(range: Range) -> Result<OverviewView, ConsoleError> {
    let result = async {
        let (viewer, backend) = super::caller()?;
        backend.overview.overview(&viewer, range).await
    };
    super::answer(result.await)
}
