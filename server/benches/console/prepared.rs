//! Charges whose bytes are ready before the load begins: while it runs, only numbers and accounts are put in.

use crate::books::{Books, OPERATION, QUANTITY, SOURCE, event_id};
use crate::requests::post;

/// Requests of so many events each: one event by itself, more as a list. Request 0, 1, 2, … have events that no other has.
pub struct Prepared {
    bytes: Vec<u8>,
    /// Where in `bytes` each event has its id and its account.
    places: Vec<(usize, usize)>,
    accounts: Vec<String>,
    /// Events in a row that are of one account.
    in_a_row: usize,
    pub events: usize,
}

impl Prepared {
    /// The events go round the first `accounts` accounts, `in_a_row` at a time.
    pub fn new(books: &Books, events: usize, accounts: usize, in_a_row: usize) -> Self {
        let accounts: Vec<String> = books.accounts[..accounts].iter().map(ToString::to_string).collect();
        let mut body = String::from(if events > 1 { "[" } else { "" });
        let mut places = Vec::with_capacity(events);
        for event in 0..events {
            body.push_str(if event > 0 { ",{\"id\":\"" } else { "{\"id\":\"" });
            let id = body.len();
            body.push_str(&event_id(0));
            body.push_str(r#"","source":""#);
            body.push_str(SOURCE);
            body.push_str(r#"","account_id":""#);
            places.push((id, body.len()));
            body.push_str(&accounts[0]);
            body.push_str(r#"","operation":""#);
            body.push_str(OPERATION);
            body.push_str(r#"","quantity":"#);
            body.push_str(QUANTITY);
            body.push('}');
        }
        body.push_str(if events > 1 { "]" } else { "" });
        let bytes = post("/usage/events", &books.service_secret, &body);
        let head = bytes.len() - body.len();
        let places = places.into_iter().map(|(id, account)| (head + id, head + account)).collect();
        Self { bytes, places, accounts, in_a_row, events }
    }

    /// The bytes of a request.
    pub fn bytes(&mut self, request: usize) -> &[u8] {
        for (event, (id, account)) in self.places.iter().enumerate() {
            let number = request * self.events + event;
            // The id ends in twelve digits.
            let mut rest = number;
            for place in (id + 4..id + 16).rev() {
                self.bytes[place] = b"0123456789"[rest % 10];
                rest /= 10;
            }
            let payer = self.accounts[number / self.in_a_row % self.accounts.len()].as_bytes();
            self.bytes[*account..account + payer.len()].copy_from_slice(payer);
        }
        &self.bytes
    }

    /// The request that an event stands in.
    pub fn request_of(&self, event: usize) -> usize {
        event / self.events
    }

    /// Whether the body of an answer of status 200 says that all is charged.
    pub fn is_charged(&self, body: &[u8]) -> bool {
        let whole =
            if self.events > 1 { format!(r#""accepted":{},"#, self.events) } else { r#""seq":"#.into() };
        body.windows(whole.len()).rev().any(|part| part == whole.as_bytes())
    }
}
