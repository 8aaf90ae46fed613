//! `POST /usage/events`.

mod bad_input;
mod batch;
mod callers;
mod cloud_events;
mod conflict;
mod late;
mod payer;
mod single;
