//! The requests that load is made of.

use std::sync::Arc;

use crate::books::{Books, OPERATION, QUANTITY, SOURCE, event_id};

/// Makes request number n.
pub type Request = Arc<dyn Fn(usize) -> Vec<u8>>;

/// Events in a list.
pub const LIST: usize = 1_000;

const NOBODY: &str = "acct_01900000000070008000000000000001";

/// A request with a JSON body.
pub fn post(path: &str, secret: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {secret}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// What a browser sends for a form without files; `form` is encoded already.
pub fn submit(path: &str, form: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}

/// Read with a key.
pub fn get(path: &str, secret: &str) -> Vec<u8> {
    get_with(path, &format!("authorization: Bearer {secret}"))
}

/// Read with any one header.
pub fn get_with(path: &str, header: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{header}\r\n\r\n").into_bytes()
}

/// The same request again and again.
pub fn always(request: Vec<u8>) -> Request {
    Arc::new(move |_| request.clone())
}

/// Charges that go round the first `accounts` accounts.
pub fn charge(books: &Arc<Books>, accounts: usize) -> Request {
    let books = Arc::clone(books);
    Arc::new(move |number| {
        let body = event(number, &books.accounts[number % accounts].to_string());
        post("/usage/events", &books.service_secret, &body)
    })
}

/// Lists of charges, all of the first account.
pub fn list(books: &Arc<Books>) -> Request {
    let books = Arc::clone(books);
    Arc::new(move |number| {
        post("/usage/events", &books.service_secret, &events(number, &books.accounts[0].to_string()))
    })
}

/// A charge, for the baseline.
pub fn no_op() -> Request {
    Arc::new(|number| post("/one", "plx_svc_nobody", &event(number, NOBODY)))
}

/// A list of charges, for the baseline.
pub fn no_op_list() -> Request {
    Arc::new(|number| post("/many", "plx_svc_nobody", &events(number, NOBODY)))
}

fn event(number: usize, account: &str) -> String {
    let id = event_id(number);
    format!(
        r#"{{"id":"{id}","source":"{SOURCE}","account_id":"{account}","operation":"{OPERATION}","quantity":{QUANTITY}}}"#
    )
}

/// [`LIST`] events that no other list has: those of single charges stay below them.
fn events(number: usize, account: &str) -> String {
    let first = 100_000_000 + number * LIST;
    let events: Vec<String> = (first..first + LIST).map(|number| event(number, account)).collect();
    format!("[{}]", events.join(","))
}
