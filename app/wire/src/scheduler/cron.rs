//! When a task runs, in the grammar of Debian's cron.
//!
//! What that cron refuses is refused. It also takes much that it does not read to the end: of `*5` it reads `*`, of
//! `1#2` the `1`, and `22-2` never comes. Whoever writes that means something else, so it is refused as well, with
//! what cron would make of it.

use std::fmt;

/// An expression that cron reads as its author does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronExpression {
    /// With single spaces, as it stands in the line for cron.
    text: String,
    pub schedule: Schedule,
}

/// What an expression means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// When cron starts, which is when the server does.
    AtBoot,
    Times(Times),
}

/// Minutes of the year, each field a set of its values as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    /// Sunday is 0 here, whether it was written 0 or 7.
    weekdays: u64,
    /// Cron's rule for the two fields of days: both must fit if one of them begins with `*`, either if none does.
    both_days: bool,
    /// Minute or hour begins with `*`. When clocks are changed, cron runs such a task by the clock, and any other one once.
    follows_the_clock: bool,
}

impl CronExpression {
    /// # Errors
    /// A sentence for the field.
    pub fn parse(text: &str) -> Result<Self, String> {
        // Cron knows blanks and tabs; what else looks like one is part of a word.
        let words: Vec<_> = text
            .split([' ', '\t'])
            .filter(|word| !word.is_empty())
            .collect();
        if let [word] = words[..]
            && word.starts_with('@')
        {
            return Self::parse_nickname(word);
        }
        let [minutes, hours, days, months, weekdays] = words[..] else {
            return Err(format!(
                "Write five fields: minute, hour, day of month, month, day of week. {}",
                match words.len() {
                    0 => "There is none.".to_owned(),
                    1 => "There is one.".to_owned(),
                    count => format!("There are {count}."),
                }
            ));
        };
        let either = |sunday: u64| (sunday | sunday >> 7) & 0x7f;
        let times = Times {
            minutes: MINUTE.parse(minutes)?,
            hours: HOUR.parse(hours)?,
            days: DAY.parse(days)?,
            months: MONTH.parse(months)?,
            weekdays: either(WEEKDAY.parse(weekdays)?),
            both_days: days.starts_with('*') || weekdays.starts_with('*'),
            follows_the_clock: minutes.starts_with('*') || hours.starts_with('*'),
        };
        Ok(Self {
            text: words.join(" "),
            schedule: Schedule::Times(times),
        })
    }

    fn parse_nickname(word: &str) -> Result<Self, String> {
        let fields = match word {
            "@reboot" => None,
            "@yearly" | "@annually" => Some("0 0 1 1 *"),
            "@monthly" => Some("0 0 1 * *"),
            "@weekly" => Some("0 0 * * 0"),
            "@daily" | "@midnight" => Some("0 0 * * *"),
            "@hourly" => Some("0 * * * *"),
            _ => {
                return Err(format!(
                    "Cron does not know {word}. It knows @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually \
                     and @reboot, in small letters."
                ));
            }
        };
        let schedule = match fields {
            None => Schedule::AtBoot,
            Some(fields) => Self::parse(fields)?.schedule,
        };
        Ok(Self {
            text: word.to_owned(),
            schedule,
        })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for CronExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Times {
    /// Whether anything runs on a day; Sunday is 0.
    pub fn on_day(&self, month: u8, day: u8, weekday: u8) -> bool {
        let (fits, fits_too) = (has(self.days, day), has(self.weekdays, weekday));
        has(self.months, month)
            && if self.both_days {
                fits && fits_too
            } else {
                fits || fits_too
            }
    }

    /// Hour and minute of each run on such a day, in order.
    pub fn of_day(&self) -> impl Iterator<Item = (u8, u8)> {
        let Self { minutes, hours, .. } = *self;
        (0..24)
            .filter(move |hour| has(hours, *hour))
            .flat_map(move |hour| {
                (0..60)
                    .filter(move |minute| has(minutes, *minute))
                    .map(move |minute| (hour, minute))
            })
    }

    pub fn follows_the_clock(&self) -> bool {
        self.follows_the_clock
    }
}

/// One of the five fields.
struct Field {
    name: &'static str,
    low: u32,
    high: u32,
    /// Of the values from `low` on.
    names: &'static [&'static str],
}

const MINUTE: Field = Field {
    name: "minute",
    low: 0,
    high: 59,
    names: &[],
};
const HOUR: Field = Field {
    name: "hour",
    low: 0,
    high: 23,
    names: &[],
};
const DAY: Field = Field {
    name: "day of month",
    low: 1,
    high: 31,
    names: &[],
};
const MONTH: Field = Field {
    name: "month",
    low: 1,
    high: 12,
    names: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
};
const WEEKDAY: Field = Field {
    name: "day of week",
    low: 0,
    high: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun"],
};

impl Field {
    fn parse(&self, text: &str) -> Result<u64, String> {
        text.split(',')
            .try_fold(0, |set, element| Ok(set | self.element(element)?))
    }

    /// `*`, `*/2`, `5`, `5-9` or `5-9/2`.
    fn element(&self, text: &str) -> Result<u64, String> {
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (text, None),
        };
        let (first, last) = if range == "*" {
            (self.low, self.high)
        } else if let Some((first, last)) = range.split_once('-') {
            (self.value(first)?, self.value(last)?)
        } else {
            let value = self.value(range)?;
            if let Some(step) = step {
                return Err(format!(
                    "The {} {text} is refused by cron: a step needs a range, as in {range}-{}/{step}.",
                    self.name, self.high
                ));
            }
            (value, value)
        };
        if first > last {
            return Err(format!(
                "The {} {text} never comes: cron counts upwards. Write two ranges with a comma in between, or turn it around.",
                self.name
            ));
        }
        let step = step.map_or(Ok(1), |step| self.step(step))?;
        Ok((first..=last)
            .step_by(step)
            .fold(0, |set, value| set | 1 << value))
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        let name = |name: &&str| name.eq_ignore_ascii_case(text);
        if let Some(place) = self.names.iter().position(name) {
            return Ok(self.low + u32::try_from(place).unwrap_or(0));
        }
        number(text)
            .filter(|value| (self.low..=self.high).contains(value))
            .ok_or_else(|| {
                format!(
                    "The {} {:?} is none: use {} to {}{}.",
                    self.name,
                    text,
                    self.low,
                    self.high,
                    if self.names.is_empty() {
                        ""
                    } else {
                        ", or the first three letters of its name"
                    }
                )
            })
    }

    fn step(&self, text: &str) -> Result<usize, String> {
        number(text)
            .filter(|step| *step > 0)
            .and_then(|step| usize::try_from(step).ok())
            .ok_or_else(|| {
                format!(
                    "The {} has the step {text:?}: use a number from 1 on.",
                    self.name
                )
            })
    }
}

/// Digits alone: a sign is none for cron, and what does not fit into its numbers becomes another one there.
fn number(text: &str) -> Option<u32> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain
        .then(|| text.parse().ok())?
        .filter(|number| *number <= 10_000)
}

fn has(set: u64, value: u8) -> bool {
    set >> value & 1 == 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What `crontab -n` of cron 3.0pl1-162 said to each: `ok`, `NO`, or `read` where it takes the expression but leaves
    /// out some of it without a word, or never runs it.
    const SAID: &str = include_str!("cron/said.txt");

    fn said(how: &str) -> impl Iterator<Item = &'static str> {
        SAID.lines().filter_map(move |line| {
            let (word, expression) = line.split_once('\t')?;
            (word == how).then_some(expression)
        })
    }

    fn times(text: &str) -> Times {
        match CronExpression::parse(text).expect("is one").schedule {
            Schedule::Times(times) => times,
            Schedule::AtBoot => panic!("{text} has no times"),
        }
    }

    #[test]
    fn what_debians_cron_takes_is_taken_and_what_it_refuses_is_refused() {
        assert!(said("ok").count() > 40 && said("NO").count() > 40);
        for expression in said("ok") {
            let parsed = CronExpression::parse(expression);
            assert!(parsed.is_ok(), "{expression:?}: {parsed:?}");
        }
        for expression in said("NO") {
            let parsed = CronExpression::parse(expression);
            assert!(parsed.is_err(), "{expression:?} passed");
        }
    }

    #[test]
    fn what_cron_would_read_only_in_part_is_refused_rather_than_run_at_another_time() {
        assert!(said("read").count() > 10);
        for expression in said("read") {
            let parsed = CronExpression::parse(expression);
            assert!(parsed.is_err(), "{expression:?} passed");
        }
    }

    #[test]
    fn day_of_month_and_day_of_week_are_both_wanted_only_where_one_begins_with_a_star() {
        // 2027-01-01 is a Friday, and so is the 15th; the 2nd is a Saturday.
        let (friday, saturday) = (5, 6);
        let either = times("30 4 1,15 * sat");
        assert!(either.on_day(1, 1, friday) && either.on_day(1, 2, saturday));
        assert!(!either.on_day(1, 3, 0));
        let both = times("0 0 */2 * fri");
        assert!(both.on_day(1, 1, friday) && !both.on_day(1, 8, friday));
        assert!(!both.on_day(1, 3, 0));
        let both = times("0 0 1 * */6");
        assert!(both.on_day(8, 1, 0) && !both.on_day(1, 1, friday));
        // Every day of the week, but it does not begin with a star.
        assert!(times("0 0 1 * 0-6").on_day(1, 2, saturday));
        assert!(times("0 0 1 * 1,*").on_day(1, 2, saturday));
        assert!(!times("0 0 1 * *,1").on_day(1, 2, saturday));
    }

    #[test]
    fn sunday_is_both_ends_of_the_week() {
        for sunday in ["0", "7", "sun", "Sun", "sun-sun"] {
            let times = times(&format!("0 0 * * {sunday}"));
            let days: Vec<_> = (0..7).filter(|day| times.on_day(1, 1, *day)).collect();
            assert_eq!(days, [0], "{sunday}");
        }
        let weekend = times("0 0 * * 6-7");
        assert!(weekend.on_day(1, 1, 6) && weekend.on_day(1, 1, 0) && !weekend.on_day(1, 1, 1));
    }

    #[test]
    fn steps_count_from_the_beginning_of_their_range() {
        let of_hour = |text: &str| {
            let times = times(&format!("{text} 0 * * *"));
            times.of_day().map(|(_, minute)| minute).collect::<Vec<_>>()
        };
        assert_eq!(of_hour("*/20"), [0, 20, 40]);
        assert_eq!(of_hour("5-59/20"), [5, 25, 45]);
        assert_eq!(of_hour("50-59/3,1"), [1, 50, 53, 56, 59]);
        assert_eq!(of_hour("*/100"), [0]);
    }

    #[test]
    fn a_nickname_is_what_it_stands_for_and_the_line_for_cron_keeps_it() {
        let daily = CronExpression::parse(" @midnight ").expect("is one");
        assert_eq!(daily.as_str(), "@midnight");
        assert_eq!(daily.schedule, Schedule::Times(times("0 0 * * *")));
        let boot = CronExpression::parse("@reboot").expect("is one");
        assert_eq!(boot.schedule, Schedule::AtBoot);
    }

    proptest! {
        #[test]
        fn what_parses_is_five_plain_words_that_mean_the_same(text in "[ \t*/,0-9a-z@;%#\n-]{0,24}") {
            if let Ok(expression) = CronExpression::parse(&text) {
                let plain = |c: char| c.is_ascii_alphanumeric() || "*/,- @".contains(c);
                prop_assert!(expression.as_str().chars().all(plain), "{:?}", expression.as_str());
                prop_assert_eq!(CronExpression::parse(expression.as_str()), Ok(expression));
            }
        }
    }
}
