//! Every kind of price, from the rate card over the charge to the receipt.

mod countable;
mod months;
mod shown;

use ledger::rate::{Price, Pricing, Rounding};
use ledger::time::SECOND;
use server::calendar::parse_rfc3339;

use crate::harness::{START, World, credits};

/// As much as a wallet can hold, but for the last credit.
pub const PLENTY: &str = "9007199254";

/// The price of `operation` in calls; the pricing is JSON as it is stored.
pub fn price(operation: &str, pricing: &str) -> Price {
    Price {
        operation: operation.to_owned(),
        unit: "call".to_owned(),
        pricing: serde_json::from_str::<Pricing>(pricing).expect("a price"),
        rounding: Rounding::HalfUp,
        minimum: None,
    }
}

pub fn with_minimum(price: Price, least: &str) -> Price {
    Price { minimum: Some(credits(least)), ..price }
}

/// A console with these prices in force since a minute after [`START`], on 10 December 2026.
pub async fn world_with(prices: Vec<Price>) -> World {
    let world = World::start().await;
    world.console.import_rate_card(START.saturating_add(60 * SECOND), prices).await.expect("a rate card");
    world.clock.set(parse_rfc3339("2026-12-10T12:00:00Z").expect("an instant"));
    world
}
