//! Instants as the viewer reads them, by the browser's own knowledge of time zones. Same texts as the server's.

use std::cell::{Cell, RefCell};

use js_sys::{Array, Date, Function, Intl, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use super::feed::At;
use crate::format::js_number;

/// The formats of one zone; making them costs far more than using them.
struct Formats {
    zone: String,
    time: Function,
    day: Function,
    /// Without the year.
    weekday: Function,
}

thread_local! {
    static FORMATS: RefCell<Option<Formats>> = const { RefCell::new(None) };
    /// How far this browser's clock is ahead of the server's, milliseconds.
    static AHEAD: Cell<i64> = const { Cell::new(0) };
}

/// This clock may be wrong by any amount: from now on it only measures how long ago the server said what time it was.
pub fn set_by(server_ms: i64) {
    AHEAD.set(now_ms() - server_ms);
}

/// Milliseconds since 1970 by the server's clock, see [`set_by`].
pub fn server_ms() -> i64 {
    now_ms() - AHEAD.get()
}

/// `12:04:31` today, `21 Nov 12:04` on other days; and `Sun 22 Nov 2026, 12:04:31.482 Europe/Berlin`.
pub fn at(rfc3339: &str, zone: &str) -> At {
    FORMATS.with_borrow_mut(|formats| {
        let formats = Formats::of(zone, formats);
        let date = Date::new(&JsValue::from_str(rfc3339));
        let time = text(&formats.time, &date);
        let day = text(&formats.day, &date).replacen(',', "", 1);
        let millis = date.get_utc_milliseconds();
        let now = Date::new(&JsValue::from_f64(js_number(server_ms())));
        let today = text(&formats.day, &now).replacen(',', "", 1);
        let label = match day.rsplit_once(' ').and_then(|(date, _)| date.split_once(' ')) {
            Some((_, date)) if day != today => format!("{date} {}", time.get(..5).unwrap_or(&time)),
            _ => time.clone(),
        };
        At { exact: format!("{day}, {time}.{millis:03} {zone}"), label }
    })
}

/// `Tue 8 Dec`
pub fn day(at_ms: i64, zone: &str) -> String {
    FORMATS.with_borrow_mut(|formats| {
        let date = Date::new(&JsValue::from_f64(js_number(at_ms)));
        text(&Formats::of(zone, formats).weekday, &date).replacen(',', "", 1)
    })
}

/// Milliseconds since 1970, as this browser believes.
#[expect(clippy::cast_possible_truncation, reason = "whole milliseconds, far below 2^53")]
pub fn now_ms() -> i64 {
    Date::now() as i64
}

impl Formats {
    fn of<'a>(zone: &str, formats: &'a mut Option<Self>) -> &'a Self {
        formats.take_if(|known| known.zone != zone);
        formats.get_or_insert_with(|| Self::new(zone))
    }

    fn new(zone: &str) -> Self {
        let format = |options: &[(&str, &str)]| {
            let object = Object::new();
            for (key, value) in [("timeZone", zone)].iter().chain(options) {
                // Fails only for objects that are frozen.
                Reflect::set(&object, &JsValue::from_str(key), &JsValue::from_str(value)).ok();
            }
            Intl::DateTimeFormat::new(&Array::of1(&JsValue::from_str("en-GB")), &object).format()
        };
        let two = "2-digit";
        Self {
            zone: zone.to_owned(),
            time: format(&[("hour", two), ("minute", two), ("second", two), ("hourCycle", "h23")]),
            day: format(&[("weekday", "short"), ("day", "numeric"), ("month", "short"), ("year", "numeric")]),
            weekday: format(&[("weekday", "short"), ("day", "numeric"), ("month", "short")]),
        }
    }
}

fn text(format: &Function, date: &Date) -> String {
    let text = format.call1(&JsValue::UNDEFINED, date.unchecked_ref());
    // British English has four letters for one month, the server three for all.
    text.ok().and_then(|text| text.as_string()).unwrap_or_default().replacen("Sept", "Sep", 1)
}
