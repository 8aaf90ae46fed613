//! Argon2id with OWASP's settings (19 MiB, 2 passes, 1 lane), a few at a time and off the server's own threads.
//!
//! Settings: OWASP Password Storage Cheat Sheet.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use super::patient::Patient;
use super::strength;
use crate::console::Error;
use crate::random::Random;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Callers that may wait for their turn; more are sent away at once.
const WAITING: usize = 64;
/// What an unknown user's password is compared with, for the same work. No password has this hash.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes and compares passwords on at most half of the processors, and there behind everything else.
#[derive(Debug, Clone)]
pub struct Passwords {
    threads: Arc<Patient>,
    waiting: Arc<Semaphore>,
    /// Hashes that were made or compared.
    done: Arc<AtomicU64>,
}

impl Default for Passwords {
    fn default() -> Self {
        let at_once = available_parallelism().map_or(1, |cores| cores.get().div_ceil(2));
        Self {
            threads: Arc::new(Patient::new(at_once)),
            waiting: Arc::new(Semaphore::new(at_once + WAITING)),
            done: Arc::default(),
        }
    }
}

impl Passwords {
    /// A PHC string for a new password.
    pub async fn hash(&self, password: String, random: &dyn Random) -> Result<String, Error> {
        let mut salt = [0; 16];
        random.fill(&mut salt);
        let salt = SaltString::encode_b64(&salt).map_err(broken)?;
        self.done.fetch_add(1, Ordering::SeqCst);
        let work = move || hasher()?.hash_password(password.as_bytes(), &salt).map(|hash| hash.to_string());
        self.run(work).await?.map_err(broken)
    }

    /// Whether the password is the one that was hashed. `None` (no such user, or no password) does the same work and
    /// is never true.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Error> {
        let is_somebody = hash.is_some();
        self.done.fetch_add(1, Ordering::SeqCst);
        let work = move || {
            let hash = hash.as_deref().unwrap_or(NOBODY);
            let hash = PasswordHash::new(hash)?;
            Ok::<_, argon2::password_hash::Error>(
                hasher()?.verify_password(password.as_bytes(), &hash).is_ok(),
            )
        };
        let is_right = self.run(work).await?.map_err(broken)?;
        Ok(is_right && is_somebody)
    }

    /// Why a new password is too weak ([`strength::weakness`]).
    pub async fn weakness(&self, password: String, theirs: [String; 3]) -> Result<Option<String>, Error> {
        self.run(move || strength::weakness(&password, &theirs.each_ref().map(String::as_str))).await
    }

    /// Hashes made or compared since the start.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::SeqCst)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let _place = self.waiting.try_acquire().map_err(|_| Error::Unavailable { retry_after_s: 2 })?;
        self.threads.run(work).await.ok_or_else(|| Error::internal("a password could not be looked at"))
    }
}

/// The crate's errors are no `std::error::Error` as it is built here. Values of this library only, no password.
fn broken(error: argon2::password_hash::Error) -> Error {
    Error::internal(error.to_string())
}

fn hasher() -> argon2::password_hash::Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[tokio::test]
    async fn a_password_is_recognised_and_no_other_one_is() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse".into(), &SystemRandom).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("Correct horse".into(), Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_has_no_password_and_no_broken_hash() {
        assert!(PasswordHash::new(NOBODY).is_ok());
        assert!(!Passwords::default().verify(String::new(), None).await.unwrap());
    }
}
