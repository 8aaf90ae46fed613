//! Whether the books hold what was answered: all that was charged, nothing that was refused, each once; and whether
//! `verify` finds them in order.

use std::process::Stdio;

use crate::Outcome;
use crate::books::{Books, SOURCE};
use crate::open_loop::Tally;
use crate::program::command;
use crate::requests::Requests;

/// Reads a database that nobody serves any more.
///
/// Errors: the first request whose answer is not true.
pub fn check(books: &Books, loads: &[(&Requests, &[Tally])]) -> Outcome {
    let database = rusqlite::Connection::open(books.file())?;
    let mut booked: Vec<Vec<u32>> = loads
        .iter()
        .map(|(_, tallies)| vec![0; tallies.iter().map(|tally| tally.next).max().unwrap_or_default()])
        .collect();
    let mut statement = database.prepare("SELECT event_id FROM entries WHERE leg = 0 AND source = ?1")?;
    let mut rows = statement.query([SOURCE])?;
    while let Some(row) = rows.next()? {
        let id = row.get_ref(0)?.as_str()?;
        let event: usize = id.strip_prefix("job-").ok_or("an event of somebody else")?.parse()?;
        let load = loads.iter().enumerate().rev().find_map(|(load, (requests, _))| Some((load, requests.request_of(event)?)));
        let place = load.and_then(|(load, request)| booked[load].get_mut(request));
        *place.ok_or_else(|| format!("event {id} was never sent"))? += 1;
    }
    for ((requests, tallies), booked) in loads.iter().zip(booked) {
        for tally in *tallies {
            must_be(&booked, &tally.accepted, requests.events, "charged")?;
            must_be(&booked, &tally.refused, 0, "refused")?;
        }
    }
    let verified = command(books).arg("verify").stdout(Stdio::null()).status()?;
    if verified.success() { Ok(()) } else { Err(format!("verify ended with {verified}").into()) }
}

fn must_be(booked: &[u32], requests: &[usize], events: usize, what: &str) -> Outcome {
    for request in requests {
        let found = booked[*request];
        if usize::try_from(found)? != events {
            return Err(format!("request {request} was {what}, and the books have {found} of its events").into());
        }
    }
    Ok(())
}
