//! Signing in by somebody else's word: `/sign-in/{provider}`, its callback, `/confirm`, and what is linked in `/settings/security`.

mod accounts;
mod confirming;
mod linking;
mod passwords;
mod rounds;
mod tokens;

use std::sync::Arc;

use server::clock::ManualClock;

use crate::harness::issuer::Issuer;
use crate::harness::place::Place;
use crate::harness::{START, World};

/// A console, and an issuer and a GitHub that it knows.
async fn ready() -> (World, Issuer) {
    let clock = Arc::new(ManualClock::at(START));
    let issuer = Issuer::start(Arc::clone(&clock)).await;
    let providers = issuer.settings();
    let world = World::open(Place::new().await, clock, |config| config.providers = providers).await;
    (world, issuer)
}

/// Rows of a table.
async fn count(world: &World, table: &str) -> usize {
    let mut raw = crate::harness::raw::Raw::open(&world.database()).await;
    raw.texts(&format!("SELECT 'x' FROM {table}")).await.len()
}
