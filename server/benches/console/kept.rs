//! Whether the books hold what was answered: all that was charged, nothing that was refused, each once; and whether
//! `verify` finds them in order.

use std::process::Stdio;

use crate::Outcome;
use crate::books::{Books, SOURCE};
use crate::open_loop::Tally;
use crate::prepared::Prepared;
use crate::program::command;

/// Reads a database that nobody serves any more, after these loads of such requests and no others.
///
/// Errors: the first request whose answer is not true.
pub fn check(books: &Books, requests: &Prepared, loads: &[Tally]) -> Outcome {
    let sent = loads.iter().map(|load| load.next).max().unwrap_or_default();
    let mut booked = vec![0; sent];
    let database = rusqlite::Connection::open(books.file())?;
    let mut statement = database.prepare("SELECT event_id FROM entries WHERE leg = 0 AND source = ?1")?;
    let mut rows = statement.query([SOURCE])?;
    while let Some(row) = rows.next()? {
        let id = row.get_ref(0)?.as_str()?;
        let event = id.strip_prefix("job-").ok_or("an event of somebody else")?.parse()?;
        *booked.get_mut(requests.request_of(event)).ok_or_else(|| format!("event {id} was never sent"))? += 1;
    }
    for load in loads {
        must_be(&booked, &load.accepted, requests.events, "charged")?;
        must_be(&booked, &load.refused, 0, "refused")?;
    }
    let verified = command(books).arg("verify").stdout(Stdio::null()).status()?;
    if verified.success() { Ok(()) } else { Err(format!("verify ended with {verified}").into()) }
}

fn must_be(booked: &[usize], requests: &[usize], events: usize, what: &str) -> Outcome {
    for request in requests {
        let found = booked[*request];
        if found != events {
            return Err(
                format!("request {request} was {what}, and the books have {found} of its events").into()
            );
        }
    }
    Ok(())
}
