//! The console as its callers see it: over HTTP, on the command line, through a crash.
//!
//! Modules mirror the routes; the first word of a test's name says who calls: anon, member, service or operator.
//! Every test has a server, a database and a port of its own.

mod harness;

mod api_keys;
mod auth_user;
mod cli;
mod cli_replay;
mod crash;
mod credits_entries;
mod credits_file;
mod credits_forecast;
mod credits_grants;
mod credits_page;
mod credits_verify;
mod day_buckets;
mod demo;
mod dimensions;
mod embedded;
mod envelope;
mod estimate;
mod hanging_up;
mod health;
mod key_page;
mod logs;
mod mail;
mod metrics;
mod model;
mod movements;
mod outbox;
mod page_data;
mod poison;
mod postgres;
mod prices;
mod providers;
mod public_pages;
mod races;
mod rate_card;
mod rate_limits;
mod receipt;
mod receipt_page;
mod reset_password;
mod rollup_checks;
mod rollup_windows;
mod sequencer;
mod sessions;
mod settings;
mod sign_in;
mod sign_up;
mod small_grant;
mod spend_limits;
mod stampede;
mod stream;
mod tampering;
mod usage_check;
mod usage_current;
mod usage_events;
mod usage_events_list;
mod usage_export;
mod usage_history;
mod usage_page;
mod verify;
mod verify_email;
mod worked_examples;
