//! The overview: how many credits are there, how fast do they go, and what took them last.

use std::fmt;
use std::str::FromStr;

use ledger::{Credits, EventId, GrantId, KeyId, Quantity};
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::{ConsoleError, Viewer};

/// What the overview page needs. Every method reads one consistent moment of the viewer's own account.
#[cfg(feature = "ssr")]
#[async_trait::async_trait]
pub trait OverviewPort: Send + Sync {
    /// The whole page, its chart over `range`. A change of range reads all of it again, so that chart and `seq` agree.
    async fn overview(&self, viewer: &Viewer, range: Range) -> Result<OverviewView, ConsoleError>;
}

/// How far back the chart looks. In URLs: `24h`, `7d`, `30d`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Range {
    /// The current hour and the 23 before it, by hour.
    #[serde(rename = "24h")]
    Day,
    /// Today and the 6 days before it, by day in the viewer's zone.
    #[default]
    #[serde(rename = "7d")]
    Week,
    /// Today and the 29 days before it, by day in the viewer's zone.
    #[serde(rename = "30d")]
    Month,
}

impl Range {
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// A text that is none of [`Range::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of 24h, 7d and 30d")]
pub struct UnknownRange;

impl FromStr for Range {
    type Err = UnknownRange;

    fn from_str(text: &str) -> Result<Self, UnknownRange> {
        Self::ALL.into_iter().find(|range| range.as_str() == text).ok_or(UnknownRange)
    }
}

/// How wide one bucket of a chart is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Granularity {
    QuarterHour,
    Hour,
    Day,
    Week,
    Month,
}

/// What the series of a chart stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum GroupBy {
    /// One series of everything.
    Nothing,
    Operation,
    ApiKey,
    /// Values of a dimension. A live message doesn't say which, so a commit has the page read again.
    Dimension,
}

/// Everything on the page, as of `balance.seq`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OverviewView {
    /// Of the chart.
    pub range: Range,
    pub balance: BalanceView,
    /// Since midnight in the viewer's zone.
    pub today: SpendView,
    /// Today and the 6 days before it.
    pub last_7_days: SpendView,
    /// Today and the 29 days before it.
    pub last_30_days: SpendView,
    pub runway: RunwayView,
    pub chart: ChartView,
    /// Newest first, at most 10.
    pub latest: Vec<ActivityRow>,
    /// What the browser must know to label a row that arrives live.
    pub labels: LabelsView,
    /// When "today" must be compared with other days anew, since these were cut at the time of day of the reading:
    /// milliseconds since 1970.
    pub compared_until_ms: i64,
    /// The newest key that can be used.
    pub own_key: Option<String>,
    /// Where this console is reached, without a trailing slash, for the example in the empty state.
    pub base_url: String,
}

/// The wallet after entry `seq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceView {
    /// The account's last entry; live messages up to here are already in this view. 0 when there is none.
    pub seq: u64,
    /// What can be spent now, net of holds.
    pub available: Credits,
    pub held: Credits,
    pub debt: Credits,
    /// What `available` is made of, one per kind of grant that has something left, in burn order.
    pub lots: Vec<LotView>,
}

/// What is left in the grants of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotView {
    /// `free`, `plan`, `purchase`, `promo` or `adjustment`.
    pub kind: String,
    pub remaining: Credits,
    /// The effective grants it sums up, so that a live entry finds its lot.
    pub grants: Vec<GrantId>,
}

/// What was spent from an instant until now, by the events' own time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpendView {
    pub credits: Credits,
    /// Where the window starts: milliseconds since 1970. Live consumption from here on is added.
    pub from_ms: i64,
    /// `None` while there is too little history for an honest comparison.
    pub usual: Option<UsualView>,
}

/// What the same stretch usually comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsualView {
    /// The mean of the earlier stretches, each cut at the same time of day.
    pub credits: Credits,
    /// What it is compared with, for the sentence "against …": `a usual Sunday`.
    pub label: String,
}

/// What it takes to say when the credits are gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunwayView {
    /// The server's clock at the last entry or reading: milliseconds since 1970. The browser's clock may be wrong.
    pub now_ms: i64,
    pub pace: PaceView,
    /// Everything that can be spent now or later, in burn order.
    pub grants: Vec<RunwayGrant>,
    /// The day of the end as the server foresees it, to be said without knowing the zone.
    pub end: Option<EndView>,
}

/// What the forecast expects to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaceView {
    pub credits: Credits,
    /// How long that took, in milliseconds.
    pub over_ms: i64,
    /// The full days it was measured over; 0 when there is none yet, and what is spent now still counts.
    pub days: u16,
}

/// A grant and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunwayGrant {
    pub grant_id: GrantId,
    /// As it was given.
    pub amount: Credits,
    pub remaining: Credits,
    pub effective_ms: i64,
    pub expires: Option<EndView>,
}

/// An instant and its day in the viewer's zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndView {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// `Tue 8 Dec`
    pub day: String,
}

/// Consumption over time, gaps filled with zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChartView {
    /// What it is about, to go on after "You spent 12 credits": `on inference in the last 7 days`.
    pub about: String,
    pub group_by: GroupBy,
    pub granularity: Granularity,
    /// The IANA zone that the buckets and labels are in.
    pub time_zone: String,
    /// Oldest first, without gaps between them.
    pub buckets: Vec<BucketView>,
    /// The end of the last bucket: milliseconds since 1970. What happens later needs a new chart.
    pub until_ms: i64,
    /// The dearest first. Without groups it is always one.
    pub series: Vec<SeriesView>,
    /// The sum of all points.
    pub total: Credits,
}

/// One step of the time axis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketView {
    /// Milliseconds since 1970.
    pub start_ms: i64,
    /// Short, in the zone of the chart: `Mon 16` for days, `14:00` for hours.
    pub label: String,
    /// Whole, in the zone of the chart: `Monday, 16 November 2026`, or with `, 14:00 – 15:00`.
    pub title: String,
}

/// The consumption of one group, one point for each bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesView {
    /// The operation, the key's id or the dimension's value; empty for everything, and for what was reported without a key
    /// or without the dimension.
    pub group: String,
    /// What the legend calls it.
    pub name: String,
    pub points: Vec<PointView>,
}

/// What one group came to in one bucket.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointView {
    pub credits: Credits,
    /// In the operation's unit.
    pub quantity: Quantity,
    /// How many events.
    pub count: u64,
}

/// What the legend calls the series of everything that was reported without a key.
pub const NO_KEY: &str = "no key";

/// One charged (or free) event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityRow {
    pub event_id: EventId,
    /// The seq of the event's last leg.
    pub seq: u64,
    pub operation: String,
    pub quantity: Quantity,
    /// What one unit of quantity is, as the rate card names it in the singular: `iteration`, `1 000 tokens`.
    pub unit: String,
    /// `plx_sk_9f2a…k3Qd`, or nothing when no key was presented.
    pub api_key: Option<String>,
    /// The whole charge, over all grants.
    pub credits: Credits,
    /// Quantity and charge are what corrections have left.
    pub is_corrected: bool,
    pub balance_after: Credits,
    /// When it happened: as the service said, else when it was booked. RFC 3339, UTC.
    pub at: String,
    /// In the viewer's zone: `12:04:31` today, `21 Nov 12:04` earlier.
    pub at_label: String,
    /// In the viewer's zone, whole, for the title: `Sun 22 Nov 2026, 12:04:31.482 Europe/Berlin`.
    pub exact_label: String,
}

/// Names for what live messages only give the id of.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelsView {
    /// Every operation of the rate card.
    pub units: Vec<UnitLabel>,
    /// The account's keys, the revoked ones too.
    pub keys: Vec<KeyLabel>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitLabel {
    pub operation: String,
    /// As in [`ActivityRow::unit`].
    pub unit: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyLabel {
    pub key_id: KeyId,
    /// As in [`ActivityRow::api_key`].
    pub label: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_back_from_its_name_and_nothing_else() {
        for range in Range::ALL {
            assert_eq!(range.to_string().parse(), Ok(range));
            assert_eq!(serde_json::to_string(&range).unwrap(), format!("\"{range}\""));
        }
        for text in ["", "7D", "7d ", "12m", "week"] {
            assert_eq!(text.parse::<Range>(), Err(UnknownRange), "{text:?}");
        }
    }
}
