//! `POST /usage/events`.

mod bad_input;
mod batch;
mod callers;
mod conflict;
mod late;
mod payer;
mod single;
