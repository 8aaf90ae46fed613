//! What is answered: successes field by field, and refusals.

use super::books::{Correction, Event, Hold, Receipt};
use super::prices::ONE;
use super::wire::instant;

/// What an answer says in one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// A number with six decimals, in millionths.
    Micros(i64),
    Count(u64),
    Flag(bool),
    Text(String),
    Names(Vec<&'static str>),
    /// The id of what the entry with this `seq` began, after its kind.
    Id(&'static str, u64),
    Nothing,
}

/// An answer; a success has no code.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    pub status: u16,
    pub code: &'static str,
    /// Of the body, or of the refusal's details.
    pub fields: Vec<(&'static str, Fact)>,
}

/// A success that says this.
pub fn done(fields: Vec<(&'static str, Fact)>) -> Reply {
    Reply { status: 200, code: "", fields }
}

pub const fn refused(status: u16, code: &'static str) -> Reply {
    Reply { status, code, fields: vec![] }
}

pub const INVALID: Reply = refused(422, "validation_failed");
pub const NOT_FOUND: Reply = refused(404, "not_found");
pub const FORBIDDEN: Reply = refused(403, "insufficient_permissions");
pub const SUSPENDED: Reply = refused(403, "account_suspended");

/// What is in the books has other content.
pub fn conflict(fields: Vec<&'static str>) -> Reply {
    Reply { fields: vec![("fields", Fact::Names(fields))], ..refused(409, "conflict") }
}

/// The most units of one report, in millionths.
pub const LARGEST: i64 = 1_000_000_000 * ONE;

pub fn charged(name: (&str, &str), receipt: Receipt, replayed: bool, version: u64) -> Reply {
    done(vec![
        ("event_id", Fact::Id("evt", receipt.first_seq)),
        ("source", Fact::Text(name.0.to_owned())),
        ("id", Fact::Text(name.1.to_owned())),
        ("credits", Fact::Micros(receipt.credits)),
        ("balance", Fact::Micros(receipt.balance)),
        ("seq", Fact::Count(receipt.seq)),
        ("replayed", Fact::Flag(replayed)),
        ("price_version", Fact::Count(version)),
    ])
}

pub fn held(hold: &Hold, replayed: bool) -> Reply {
    let mut fields =
        charged((hold.content.source, &hold.content.id), hold.receipt, replayed, hold.content.version);
    fields.fields.remove(0);
    fields.fields.push(("expires_at", Fact::Text(instant(hold.deadline))));
    fields
}

pub fn released(receipt: Receipt, replayed: bool) -> Reply {
    done(vec![
        ("credits", Fact::Micros(receipt.credits)),
        ("balance", Fact::Micros(receipt.balance)),
        ("seq", Fact::Count(receipt.seq)),
        ("replayed", Fact::Flag(replayed)),
    ])
}

pub fn corrected(event: &Event, correction: &Correction, replayed: bool) -> Reply {
    let Correction { id, quantity, refunded, receipt, entries, .. } = correction;
    done(vec![
        ("event_id", Fact::Id("evt", event.receipt.first_seq)),
        ("source", Fact::Text(event.content.source.to_owned())),
        ("id", Fact::Text(event.content.id.clone())),
        ("correction_id", Fact::Text(id.clone())),
        ("quantity", Fact::Micros(*quantity)),
        ("credits", Fact::Micros(receipt.credits)),
        ("refunded", Fact::Micros(*refunded)),
        ("balance", Fact::Micros(receipt.balance)),
        ("seq", Fact::Count(receipt.seq)),
        ("replayed", Fact::Flag(replayed)),
        ("entries", Fact::Count(*entries)),
    ])
}

pub fn given(receipt: Receipt) -> Reply {
    done(vec![
        ("credits", Fact::Micros(receipt.credits)),
        ("balance", Fact::Micros(receipt.balance)),
        ("seq", Fact::Count(receipt.seq)),
    ])
}
