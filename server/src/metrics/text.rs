//! Names, help and values as OpenMetrics text (<https://prometheus.io/docs/specs/om/open_metrics_spec/>), which
//! Prometheus reads as well as its own older format.

use std::fmt::Error;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use super::RollupChecks;
use super::books::Places;
use super::histogram::Reading;
use super::requests::CLASSES;
use crate::console::Console;

pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What was read for one scrape.
#[derive(Debug)]
pub struct Scrape {
    pub console: Console,
    /// Unless they could not be read, or not to their end.
    pub books: Option<Places>,
    pub mails_waiting: Option<u64>,
}

type Labels<'l> = &'l [(&'l str, &'l str)];

impl Scrape {
    pub fn text(self) -> Result<String, Error> {
        let mut registry = Registry::with_prefix("plexe");
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

impl Collector for Scrape {
    fn encode(&self, mut out: DescriptorEncoder<'_>) -> Result<(), Error> {
        self.charges(&mut out)?;
        self.commits(&mut out)?;
        self.requests(&mut out)?;
        self.books(&mut out)?;
        self.rest(&mut out)
    }
}

impl Scrape {
    fn charges(&self, out: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let charges = self.console.sequencer.charges();
        let help = "Events by what became of them; refused ones by the code of their error";
        let mut events = out.encode_descriptor("events", help, None, MetricType::Counter)?;
        count(&mut events, &[("outcome", "accepted")], charges.accepted.read())?;
        count(&mut events, &[("outcome", "replayed")], charges.replayed.read())?;
        for (code, refused) in charges.refused.read() {
            count(&mut events, &[("outcome", "refused"), ("code", &code)], refused.read())?;
        }
        let help = "Credits of accepted events, in millionths of a credit";
        let unit = Unit::Other("microcredits".to_owned());
        let credits = out.encode_descriptor("charged", help, Some(&unit), MetricType::Counter)?;
        ConstCounter::new(charges.charged_micros.read()).encode(credits)
    }

    fn commits(&self, out: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let sequencer = &self.console.sequencer;
        gauge(
            out,
            "queue_tasks",
            "Tasks that wait for the writer or are with it",
            whole(sequencer.waiting()),
        )?;
        let help = "Tasks that may wait before callers are told to come back";
        gauge(out, "queue_capacity_tasks", help, whole(sequencer.capacity()))?;
        let help = "From when the writer takes a batch until it is on disk";
        let commits =
            out.encode_descriptor("commit_duration", help, Some(&Unit::Seconds), MetricType::Histogram)?;
        durations(commits, &sequencer.charges().commit_us.read())?;
        let help = "Tasks that were committed together";
        let batches = out.encode_descriptor("commit_tasks", help, None, MetricType::Histogram)?;
        sizes(batches, &sequencer.charges().commit_tasks.read())
    }

    fn requests(&self, out: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let routes = self.console.meters.requests.0.read();
        let help = "Answers by route and by the first digit of their status";
        let mut answers = out.encode_descriptor("http_requests", help, None, MetricType::Counter)?;
        for (name, route) in &routes {
            for (class, answered) in CLASSES.iter().zip(&route.answers) {
                if answered.read() > 0 {
                    count(&mut answers, &[("route", name), ("status", class)], answered.read())?;
                }
            }
        }
        let help = "From a request's head until its answer begins";
        let unit = Some(&Unit::Seconds);
        let mut took = out.encode_descriptor("http_request_duration", help, unit, MetricType::Histogram)?;
        for (name, route) in &routes {
            durations(took.encode_family(&[("route", name.as_str())])?, &route.took_us.read())?;
        }
        Ok(())
    }

    /// Invariants of the books, as far as they were read.
    fn books(&self, out: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let help = "Whether the sums of all books are up to date; they are missing while they are not";
        gauge(out, "books_followed", help, i64::from(self.books.is_some()))?;
        let Some(books) = &self.books else { return Ok(()) };
        let unit = Unit::Other("microcredits".to_owned());
        let help = "Credits that were ever issued, in millionths of a credit";
        let issued = out.encode_descriptor("books_issued", help, Some(&unit), MetricType::Gauge)?;
        ConstGauge::new(books.issued).encode(issued)?;
        let help = "What accounts owe, in millionths of a credit: it was spent and never issued";
        let debt = out.encode_descriptor("books_debt", help, Some(&unit), MetricType::Gauge)?;
        ConstGauge::new(books.debt).encode(debt)?;
        let help = "Where credits that were issued or are owed are now, in millionths of a credit";
        let mut places = out.encode_descriptor("books_place", help, Some(&unit), MetricType::Gauge)?;
        for (place, amount) in books.parts {
            places.encode_family(&[("place", place)])?.encode_gauge(&amount)?;
        }
        let help = "Issued and owed credits that are in none of the places; anything but zero is a fault";
        let difference = out.encode_descriptor("books_difference", help, Some(&unit), MetricType::Gauge)?;
        ConstGauge::new(books.difference()).encode(difference)
    }

    fn rest(&self, out: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let RollupChecks { matched, mismatched, empty, failed } = &self.console.meters.rollup_checks;
        let help = "Comparisons of a random window of charts with the books; any mismatch is a fault";
        let mut checks = out.encode_descriptor("rollup_checks", help, None, MetricType::Counter)?;
        for (result, checked) in
            [("match", matched), ("mismatch", mismatched), ("empty", empty), ("failed", failed)]
        {
            count(&mut checks, &[("result", result)], checked.read())?;
        }
        gauge(out, "sse_streams", "Open streams of live updates", whole(self.console.live.listeners()))?;
        if let Some(waiting) = self.mails_waiting {
            let waiting = i64::try_from(waiting).unwrap_or(i64::MAX);
            gauge(out, "mails_waiting", "Mails that wait to be sent", waiting)?;
        }
        Ok(())
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn gauge(out: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> Result<(), Error> {
    ConstGauge::new(value).encode(out.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

fn count(out: &mut MetricEncoder<'_>, labels: Labels<'_>, value: u64) -> Result<(), Error> {
    ConstCounter::new(value).encode(out.encode_family(&labels)?)
}

fn durations(out: MetricEncoder<'_>, read: &Reading) -> Result<(), Error> {
    histogram(out, read, |us| Duration::from_micros(us).as_secs_f64())
}

#[expect(clippy::cast_precision_loss, reason = "nobody counts 2^53 tasks")]
fn sizes(out: MetricEncoder<'_>, read: &Reading) -> Result<(), Error> {
    histogram(out, read, |size| size as f64)
}

fn histogram(mut out: MetricEncoder<'_>, read: &Reading, unit: impl Fn(u64) -> f64) -> Result<(), Error> {
    let bound = |(bound, count): &(Option<u64>, u64)| (bound.map_or(f64::INFINITY, &unit), *count);
    let buckets: Vec<(f64, u64)> = read.buckets.iter().map(bound).collect();
    out.encode_histogram::<NoLabelSet>(unit(read.sum), read.count, &buckets, None)
}
