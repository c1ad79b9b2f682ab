//! When a task runs next, by the clock of its server and the rules of Debian's cron.

use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp as Instant, ToSpan};
use wire::Timestamp;
use wire::scheduler::{CronExpression, NextRun, NextRuns, Schedule, Times};

use crate::access::OwnedServer;
use crate::entities::server;

/// What is shown of it.
const SHOWN: usize = 5;
/// A 29 February that is a Monday comes every 28 years, and over the turn of a century after 40.
const YEARS: i32 = 50;

/// The next five runs of an expression on a server, after a moment.
pub fn next_of_server(
    expression: &CronExpression,
    server: &OwnedServer,
    after: Timestamp,
) -> NextRuns {
    next_runs(expression, &server.0, after)
}

/// The next five runs after a moment.
pub(super) fn next_runs(
    expression: &CronExpression,
    server: &server::Model,
    after: Timestamp,
) -> NextRuns {
    let zone = zone_of(server);
    let runs = match expression.schedule {
        Schedule::AtBoot => Vec::new(),
        Schedule::Times(times) => runs(&times, &zone, after)
            .take(SHOWN)
            .map(|at| in_words(at, &zone))
            .collect(),
    };
    NextRuns {
        time_zone: server.time_zone.clone(),
        at_boot: expression.schedule == Schedule::AtBoot,
        runs,
    }
}

/// The last time it was due after `since` and up to `until`, if it was.
pub(super) fn last_due(
    times: &Times,
    zone: &TimeZone,
    since: Timestamp,
    until: Timestamp,
) -> Option<Timestamp> {
    // Backwards by days: a task of every minute must not be counted through from last week on.
    let (first, last) = (instant(since)?, instant(until)?);
    let mut date = last.to_zoned(zone.clone()).date();
    let first_date = first.to_zoned(zone.clone()).date().yesterday().ok()?;
    while date >= first_date {
        let due = of_date(times, zone, date)
            .into_iter()
            .rfind(|at| *at > first && *at <= last);
        if let Some(due) = due {
            return Some(Timestamp(due.as_millisecond()));
        }
        date = date.yesterday().ok()?;
    }
    None
}

/// The zone of a server; UTC as long as it is not known.
pub(super) fn zone_of(server: &server::Model) -> TimeZone {
    server
        .time_zone
        .as_deref()
        .and_then(|name| TimeZone::get(name).ok())
        .unwrap_or(TimeZone::UTC)
}

pub(super) fn in_words(at: Instant, zone: &TimeZone) -> NextRun {
    NextRun {
        at: Timestamp(at.as_millisecond()),
        words: at
            .to_zoned(zone.clone())
            .strftime("%A, %-d %B %Y, %H:%M %Z")
            .to_string(),
    }
}

/// Every run after a moment, in order.
pub(super) fn runs<'a>(
    times: &'a Times,
    zone: &'a TimeZone,
    after: Timestamp,
) -> impl Iterator<Item = Instant> + 'a {
    let after = instant(after).unwrap_or(Instant::MAX);
    let today = after.to_zoned(zone.clone()).date();
    // Clocks that are put back over midnight have a bit of yesterday before them.
    let first = today.yesterday().unwrap_or(today);
    let last = today.saturating_add(YEARS.years());
    first
        .series(1.day())
        .take_while(move |date| *date <= last)
        .flat_map(move |date| of_date(times, zone, date))
        .filter(move |at| *at > after)
}

fn instant(at: Timestamp) -> Option<Instant> {
    Instant::from_millisecond(at.0).ok()
}

/// The runs of one date, in order.
///
/// Where clocks are put forward, cron runs at once what was due in the hour that is left out, unless that follows the
/// clock (minute or hour begin with `*`), and so has no such hour. Where they are put back, only what follows the clock
/// runs in both of the hours.
fn of_date(times: &Times, zone: &TimeZone, date: Date) -> Vec<Instant> {
    let weekday = u8::try_from(date.weekday().to_sunday_zero_offset()).unwrap_or(0);
    let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
    if !times.on_day(month, day, weekday) {
        return Vec::new();
    }
    let mut due = Vec::new();
    for (hour, minute) in times.of_day() {
        let local = date.at(hour.cast_signed(), minute.cast_signed(), 0, 0);
        let possible = zone.to_ambiguous_timestamp(local);
        let offset = possible.offset();
        match offset {
            AmbiguousOffset::Unambiguous { .. } => due.extend(possible.compatible().ok()),
            AmbiguousOffset::Gap { before, .. } if !times.follows_the_clock() => {
                // The moment of the change itself.
                let within = before.to_timestamp(local).ok();
                let change = within.and_then(|within| zone.preceding(within + 1.second()).next());
                due.extend(change.map(|change| change.timestamp()));
            }
            AmbiguousOffset::Gap { .. } => {}
            AmbiguousOffset::Fold { before, after } => {
                due.extend(before.to_timestamp(local).ok());
                if times.follows_the_clock() {
                    due.extend(after.to_timestamp(local).ok());
                }
            }
        }
    }
    due.sort_unstable();
    due.dedup();
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(text: &str) -> Times {
        match CronExpression::parse(text).expect("is one").schedule {
            Schedule::Times(times) => times,
            Schedule::AtBoot => panic!("{text} has no times"),
        }
    }

    fn at(text: &str) -> Timestamp {
        let instant: Instant = text.parse().expect("is a time");
        Timestamp(instant.as_millisecond())
    }

    /// The next runs in Berlin, as a clock there shows them.
    fn in_berlin(expression: &str, after: &str, count: usize) -> Vec<String> {
        let zone = TimeZone::get("Europe/Berlin").expect("is bundled");
        runs(&times(expression), &zone, at(after))
            .take(count)
            .map(|at| {
                let local = at.to_zoned(zone.clone());
                local.strftime("%a %d.%m. %H:%M %Z").to_string()
            })
            .collect()
    }

    #[test]
    fn the_next_runs_come_in_order_and_by_the_clock_of_the_server() {
        assert_eq!(
            in_berlin("30 4 1,15 * fri", "2027-01-01T03:30:00Z", 3),
            [
                "Fri 08.01. 04:30 CET",
                "Fri 15.01. 04:30 CET",
                "Fri 22.01. 04:30 CET"
            ]
        );
        assert_eq!(
            in_berlin("*/20 23 * * *", "2027-07-01T21:30:00Z", 3),
            [
                "Thu 01.07. 23:40 CEST",
                "Fri 02.07. 23:00 CEST",
                "Fri 02.07. 23:20 CEST"
            ]
        );
    }

    #[test]
    fn what_is_due_in_the_hour_that_clocks_leave_out_runs_at_once_and_only_that() {
        // 28 March 2027: 02:00 CET is 03:00 CEST.
        let before = "2027-03-28T00:50:00Z";
        assert_eq!(
            in_berlin("30 2 * * *", before, 2),
            ["Sun 28.03. 03:00 CEST", "Mon 29.03. 02:30 CEST"]
        );
        assert_eq!(
            in_berlin("10,40 2 28 3 *", before, 2),
            ["Sun 28.03. 03:00 CEST", "Tue 28.03. 02:10 CEST"]
        );
        assert_eq!(
            in_berlin("*/30 * * * *", before, 3),
            [
                "Sun 28.03. 03:00 CEST",
                "Sun 28.03. 03:30 CEST",
                "Sun 28.03. 04:00 CEST"
            ]
        );
    }

    #[test]
    fn in_the_hour_that_comes_twice_a_set_time_runs_once_and_what_follows_the_clock_twice() {
        // 31 October 2027: 03:00 CEST is 02:00 CET.
        let before = "2027-10-30T23:50:00Z";
        assert_eq!(
            in_berlin("30 2 * * *", before, 2),
            ["Sun 31.10. 02:30 CEST", "Mon 01.11. 02:30 CET"]
        );
        assert_eq!(
            in_berlin("*/30 * * * *", before, 5),
            [
                "Sun 31.10. 02:00 CEST",
                "Sun 31.10. 02:30 CEST",
                "Sun 31.10. 02:00 CET",
                "Sun 31.10. 02:30 CET",
                "Sun 31.10. 03:00 CET"
            ]
        );
    }

    #[test]
    fn rare_days_are_found_and_days_that_never_come_end_the_search() {
        assert_eq!(
            in_berlin("0 0 29 2 *", "2027-01-01T00:00:00Z", 2),
            ["Tue 29.02. 00:00 CET", "Sun 29.02. 00:00 CET"]
        );
        assert!(in_berlin("0 0 30 2 *", "2027-01-01T00:00:00Z", 1).is_empty());
        // The next 29 February that is a Monday is in 2072.
        let mondays = in_berlin("0 0 */28 2 mon", "2044-03-01T00:00:00Z", 50);
        assert_eq!(mondays.iter().filter(|it| it.contains("29.02.")).count(), 1);
    }

    #[test]
    fn the_last_time_it_was_due_is_the_one_before_the_next() {
        let zone = TimeZone::get("Europe/Berlin").expect("is bundled");
        for expression in ["* * * * *", "*/7 3 * * *", "30 2 * * *", "0 12 * * mon"] {
            let times = times(expression);
            let since = at("2027-03-20T00:00:00Z");
            for due in runs(&times, &zone, since).take(100) {
                let due = Timestamp(due.as_millisecond());
                assert_eq!(
                    last_due(&times, &zone, since, due),
                    Some(due),
                    "{expression}"
                );
                let just_before = Timestamp(due.0 - 1);
                assert!(last_due(&times, &zone, since, just_before) < Some(due));
                assert_eq!(last_due(&times, &zone, due, due), None);
            }
        }
    }

    /// Cron looks once a minute whether the minute at hand fits.
    #[test]
    fn a_day_of_looking_every_minute_finds_the_same() {
        let zone = TimeZone::UTC;
        let start = at("2027-02-27T00:00:00Z");
        let minutes = 3 * 24 * 60;
        for expression in [
            "* * * * *",
            "*/7 */5 * * *",
            "0 0 1 * *",
            "5,6,59 0-23/3 27-28 2,3 *",
            "1-59/2 22 * * sat,mon",
            "0 0 28 2 mon",
            "0 0 */2 * sat",
            "15 3 1 1 *",
        ] {
            let times = times(expression);
            let found: Vec<_> = runs(&times, &zone, Timestamp(start.0 - 1))
                .map(Instant::as_millisecond)
                .take_while(|at| *at < start.0 + minutes * 60_000)
                .collect();
            let looked: Vec<_> = (0..minutes)
                .map(|minute| start.0 + minute * 60_000)
                .filter(|at| {
                    let now = instant(Timestamp(*at))
                        .expect("is one")
                        .to_zoned(zone.clone());
                    let weekday = now.weekday().to_sunday_zero_offset().unsigned_abs();
                    times.on_day(
                        now.month().unsigned_abs(),
                        now.day().unsigned_abs(),
                        weekday,
                    ) && times.of_day().any(|(hour, minute)| {
                        hour == now.hour().unsigned_abs() && minute == now.minute().unsigned_abs()
                    })
                })
                .collect();
            assert_eq!(found, looked, "{expression}");
        }
    }
}
