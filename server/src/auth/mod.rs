//! Who is calling, and how they prove it.
//!
//! | module | does |
//! |---|---|
//! | [`tokens`] | makes secrets and hashes them |
//! | [`passwords`] | Argon2id, a few at a time |
//! | `patient` | the threads that do it, behind everything else |
//! | [`strength`] | which passwords can be guessed |
//! | [`cookies`] | tokens that browsers keep |
//! | [`sessions`] | the console's cookie |
//! | [`totp`] | codes of authenticator apps |
//! | [`sealing`] | secrets that the database must not tell by itself |
//! | [`passkeys`] | what devices sign (WebAuthn) |
//! | [`recent`] | who has proved a short while ago who they are |
//! | [`providers`] | those who may vouch for somebody: Google, GitHub, OpenID Connect |
//! | [`keys`] | keys that were looked up before |
//! | [`throttle`] | how often somebody may try |
//! | [`rates`] | how many requests an account or a service key makes in a minute |
//! | [`credentials`] | what a request presents |
//! | [`standing`] | whether those who listen may go on listening |
//! | [`whence`] | where a request comes from |
//! | [`caller`] | who it is: the extractors of the REST handlers |

pub mod caller;
pub mod cookies;
pub mod credentials;
pub mod keys;
pub mod passkeys;
pub mod passwords;
mod patient;
pub mod providers;
pub mod rates;
pub mod recent;
pub mod sealing;
pub mod sessions;
pub mod standing;
pub mod strength;
pub mod throttle;
pub mod tokens;
pub mod totp;
pub mod whence;

pub use caller::{Caller, Customer, Party, Place, Service, Via};
pub use whence::Whence;
