//! How often somebody may try: counts in a sliding window, in memory.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use ledger::Timestamp;
use ledger::time::SECOND;

/// Past this many different keys, those whose window is over are forgotten.
const MANY: usize = 10_000;
/// Failed sign-ins are counted for 15 minutes.
const SIGN_IN_WINDOW: i64 = 900 * SECOND;
const SIGN_INS_PER_EMAIL: usize = 10;
const SIGN_INS_PER_ADDRESS: usize = 100;
/// Asked-for mails are counted for an hour.
const LETTER_WINDOW: i64 = 3_600 * SECOND;
const LETTERS_PER_EMAIL_AND_ADDRESS: usize = 5;
const LETTERS_PER_ADDRESS: usize = 60;
const LETTERS_PER_EMAIL: usize = 10;
/// Rounds to a provider, as long as one may take.
const ROUND_WINDOW: i64 = 600 * SECOND;
const ROUNDS_PER_ADDRESS: usize = 200;

/// `limit` takes within any `window` microseconds, for each key.
#[derive(Debug)]
pub struct Allowance<K> {
    limit: usize,
    window: i64,
    taken: Mutex<HashMap<K, VecDeque<Timestamp>>>,
}

impl<K: Eq + Hash> Allowance<K> {
    pub fn new(limit: usize, window: i64) -> Self {
        Self { limit, window, taken: Mutex::new(HashMap::new()) }
    }

    /// Takes one, or says after how many seconds there is one again.
    pub fn take(&self, key: K, now: Timestamp) -> Result<(), u64> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |at: &Timestamp| now.saturating_since(*at) >= self.window;
        if taken.len() >= MANY {
            taken.retain(|_, times| times.back().is_some_and(|last| !is_over(last)));
        }
        let times = taken.entry(key).or_default();
        while times.front().is_some_and(is_over) {
            times.pop_front();
        }
        match times.front() {
            Some(first) if times.len() >= self.limit => {
                let wait = first.saturating_add(self.window).saturating_since(now);
                Err(u64::try_from(wait).unwrap_or_default().div_ceil(SECOND.unsigned_abs()))
            }
            _ => {
                times.push_back(now);
                Ok(())
            }
        }
    }

    /// Gives the last one back: it was not what is being counted.
    pub fn give_back(&self, key: &K) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(times) = taken.get_mut(key) {
            times.pop_back();
        }
    }
}

/// Failed sign-ins: 10 per e-mail and address, 100 per address, in 15 minutes. It is counted before the password is
/// looked at and given back when it was right, so that guesses made at once are counted too. An address is an IPv4
/// address or a /64 of IPv6; nobody elsewhere is locked out.
#[derive(Debug)]
pub struct SignInThrottle {
    per_email: Allowance<(String, IpAddr)>,
    per_address: Allowance<IpAddr>,
}

impl Default for SignInThrottle {
    fn default() -> Self {
        Self {
            per_email: Allowance::new(SIGN_INS_PER_EMAIL, SIGN_IN_WINDOW),
            per_address: Allowance::new(SIGN_INS_PER_ADDRESS, SIGN_IN_WINDOW),
        }
    }
}

impl SignInThrottle {
    /// Counts an attempt, or says after how many seconds the next one is looked at. `email` in lower case.
    pub fn attempt(&self, email: &str, address: IpAddr, now: Timestamp) -> Result<(), u64> {
        let address = network(address);
        self.per_address.take(address, now)?;
        self.per_email
            .take((email.to_owned(), address), now)
            .inspect_err(|_| self.per_address.give_back(&address))
    }

    /// The attempt was the right password, or nobody could look at it.
    pub fn give_back(&self, email: &str, address: IpAddr) {
        let address = network(address);
        self.per_address.give_back(&address);
        self.per_email.give_back(&(email.to_owned(), address));
    }
}

/// Forms that make us write to an address that somebody typed: in an hour, 5 for each e-mail from the same place, 60 from
/// one place. Whoever is elsewhere is not locked out.
#[derive(Debug)]
pub struct LetterThrottle {
    /// An e-mail, asked for from one place.
    pairs: Allowance<(String, IpAddr)>,
    addresses: Allowance<IpAddr>,
    mailboxes: Allowance<String>,
}

impl Default for LetterThrottle {
    fn default() -> Self {
        Self {
            pairs: Allowance::new(LETTERS_PER_EMAIL_AND_ADDRESS, LETTER_WINDOW),
            addresses: Allowance::new(LETTERS_PER_ADDRESS, LETTER_WINDOW),
            mailboxes: Allowance::new(LETTERS_PER_EMAIL, LETTER_WINDOW),
        }
    }
}

impl LetterThrottle {
    /// Counts a form, or says after how many seconds the next one is looked at. `email` in lower case.
    pub fn attempt(&self, email: &str, address: IpAddr, now: Timestamp) -> Result<(), u64> {
        let address = network(address);
        self.addresses.take(address, now)?;
        self.pairs.take((email.to_owned(), address), now).inspect_err(|_| self.addresses.give_back(&address))
    }

    /// Whether another link is of any use to whoever reads this mailbox: past ten in an hour it is not, those that are
    /// there still work. Nobody is told, so nobody learns what others have asked for.
    pub fn is_enough(&self, email: &str, now: Timestamp) -> bool {
        self.mailboxes.take(email.to_owned(), now).is_err()
    }
}

/// Browsers that are sent to a provider, of which each is a row: in ten minutes, 200 from one place.
#[derive(Debug)]
pub struct RoundThrottle(Allowance<IpAddr>);

impl Default for RoundThrottle {
    fn default() -> Self {
        Self(Allowance::new(ROUNDS_PER_ADDRESS, ROUND_WINDOW))
    }
}

impl RoundThrottle {
    /// Counts one, or says after how many seconds the next one is let through.
    pub fn attempt(&self, address: IpAddr, now: Timestamp) -> Result<(), u64> {
        self.0.take(network(address), now)
    }
}

/// What one household or machine can pick addresses from.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * SECOND)
    }

    #[test]
    fn the_window_slides() {
        let allowance = Allowance::new(2, 10 * SECOND);
        assert_eq!(allowance.take("a", at(0)), Ok(()));
        assert_eq!(allowance.take("a", at(4)), Ok(()));
        assert_eq!(allowance.take("a", at(5)), Err(5));
        assert_eq!(allowance.take("b", at(5)), Ok(()));
        assert_eq!(allowance.take("a", at(10)), Ok(()));
        assert_eq!(allowance.take("a", at(10)), Err(4));
        allowance.give_back(&"a");
        assert_eq!(allowance.take("a", at(10)), Ok(()));
    }

    #[test]
    fn the_eleventh_guess_waits_and_other_places_do_not() {
        let throttle = SignInThrottle::default();
        let here: IpAddr = "2001:db8::1".parse().unwrap();
        for _ in 0..10 {
            assert_eq!(throttle.attempt("ada@example.com", here, at(0)), Ok(()));
        }
        let next_door: IpAddr = "2001:db8::2".parse().unwrap();
        assert_eq!(throttle.attempt("ada@example.com", next_door, at(1)), Err(899));
        assert_eq!(throttle.attempt("bob@example.com", here, at(1)), Ok(()));
        assert_eq!(throttle.attempt("ada@example.com", "192.0.2.1".parse().unwrap(), at(1)), Ok(()));
    }

    #[test]
    fn letters_are_counted_by_place_and_nobody_elsewhere_is_refused() {
        let throttle = LetterThrottle::default();
        let (here, there): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..5 {
            assert_eq!(throttle.attempt("ada@example.com", here, at(0)), Ok(()));
        }
        assert_eq!(throttle.attempt("ada@example.com", here, at(1)), Err(3_599));
        assert_eq!(throttle.attempt("ada@example.com", there, at(1)), Ok(()));
        for n in 5..60 {
            assert_eq!(throttle.attempt(&format!("{n}@example.com"), here, at(1)), Ok(()));
        }
        assert_eq!(throttle.attempt("bob@example.com", here, at(1)), Err(3_599));
        assert!((0..10).all(|_| !throttle.is_enough("ada@example.com", at(0))));
        assert!(
            throttle.is_enough("ada@example.com", at(1)) && !throttle.is_enough("bob@example.com", at(1))
        );
    }

    #[test]
    fn right_passwords_are_not_counted() {
        let throttle = SignInThrottle::default();
        let here: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        for _ in 0..500 {
            assert_eq!(throttle.attempt("ada@example.com", here, at(0)), Ok(()));
            throttle.give_back("ada@example.com", "192.0.2.1".parse().unwrap());
        }
    }
}
