//! The price list that `rate-card import` reads.

use std::path::Path;

use ledger::Timestamp;
use ledger::rate::{RateCard, RateCards};
use server::cli::command::RateCardView;
use server::cli::price_list::{PriceList, read, write};
use server::config::DocumentError;

/// Reads the bytes as a file.
///
/// # Panics
/// Where a rule is broken.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match at_the_beginning(text) {
        Ok(list) => check_list(text, list),
        Err(DocumentError::Wrong { line, key, message, .. }) => {
            assert!((1..=text.matches('\n').count() + 1).contains(&line), "line {line} of {text:?}");
            assert!(!key.is_empty() && !message.is_empty() && !message.contains('\n'), "{key}: {message}");
        }
        Err(other) => panic!("not about the text: {other}"),
    }
}

fn at_the_beginning(text: &str) -> Result<PriceList, DocumentError> {
    read(Path::new("card.toml"), text, Timestamp::from_micros(0))
}

/// What was read can be written and read again, and the ledger takes it.
fn check_list(text: &str, list: PriceList) {
    let PriceList { effective_from, prices } = &list;
    let card =
        RateCardView { version: 1, effective_from: *effective_from, prices: prices.clone(), coming: vec![] };
    let mut written = String::new();
    write(&card, &mut written).expect("a string takes everything");
    assert_eq!(at_the_beginning(&written).ok(), Some(list.clone()), "{text}\nis written\n{written}");

    let start = Timestamp::from_micros(0);
    let first = RateCard { version: 1, effective_from: start, prices: vec![] };
    let cards = RateCards::new(vec![first]).expect("one card");
    let drafted = cards.draft(start, list.effective_from, list.prices);
    assert!(drafted.is_ok(), "{text}\nis no card: {drafted:?}");
}
