//! What somebody tries who means harm. Each test here fails when the defence that it is about is taken away; docs/security.md
//! lists them together with those that stand beside what they are about. What only a browser can show is in
//! end2end/tests/attacks.spec.ts.

mod letters;
mod lock_out;
mod planted_sessions;
