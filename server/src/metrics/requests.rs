//! What becomes of requests, by route.

use std::time::Duration;

use http::StatusCode;

use super::Counter;
use super::histogram::{DURATIONS_US, Histogram};
use super::labelled::Labelled;

/// Answers by the first digit of their status.
pub const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Routes that were asked for, by their patterns.
#[derive(Debug, Default)]
pub struct Requests(pub Labelled<Route>);

/// One route's answers.
#[derive(Debug)]
pub struct Route {
    /// In the order of [`CLASSES`].
    pub answers: [Counter; CLASSES.len()],
    /// Until the answer began, in microseconds.
    pub took_us: Histogram,
}

impl Default for Route {
    fn default() -> Self {
        Self { answers: Default::default(), took_us: Histogram::new(DURATIONS_US) }
    }
}

impl Requests {
    pub fn answered(&self, route: &str, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        self.0.count(route, |route| {
            route.answers[class].add(1);
            route.took_us.observe(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_route_and_class() {
        let requests = Requests::default();
        for (route, status) in [("/a", 200), ("/a", 204), ("/a", 503), ("/b", 404), ("/b", 999)] {
            requests.answered(route, StatusCode::from_u16(status).unwrap(), Duration::from_micros(300));
        }
        let read = requests.0.read();
        let counts = |place: usize| -> Vec<u64> { read[place].1.answers.iter().map(Counter::read).collect() };
        assert_eq!((read[0].0.as_str(), counts(0)), ("/a", vec![0, 2, 0, 0, 1]));
        assert_eq!((read[1].0.as_str(), counts(1)), ("/b", vec![0, 0, 0, 1, 1]));
        assert_eq!(read[0].1.took_us.read().sum, 900);
    }
}
