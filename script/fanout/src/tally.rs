//! What arrived, of what was published in one phase.

use std::time::Duration;

use crate::marker::Marker;

pub struct Tally {
    first: usize,
    events: usize,
    /// A flag for each event and subscriber: what arrives twice does not make up for what is lost.
    seen: Vec<bool>,
    latencies: Vec<Duration>,
    doubled: usize,
    last_at: Duration,
}

impl Tally {
    /// For events numbered from `first` on.
    pub fn new(first: usize, events: usize, subscribers: usize) -> Self {
        Self {
            first,
            events,
            seen: vec![false; events * subscribers],
            latencies: Vec::with_capacity(events * subscribers),
            doubled: 0,
            last_at: Duration::ZERO,
        }
    }

    /// Counts a delivery; what was published before this phase is late and stays lost.
    pub fn count(&mut self, subscriber: usize, marker: Marker, now: Duration) {
        let Some(event) = marker.number.checked_sub(self.first) else {
            return;
        };
        let seen = &mut self.seen[subscriber * self.events + event];
        if std::mem::replace(seen, true) {
            self.doubled += 1;
            return;
        }
        self.latencies.push(now.saturating_sub(marker.sent_at));
        self.last_at = now;
    }

    pub fn is_complete(&self) -> bool {
        self.lost() == 0
    }

    pub fn delivered(&self) -> usize {
        self.latencies.len()
    }

    pub fn lost(&self) -> usize {
        self.seen.len() - self.delivered()
    }

    pub fn doubled(&self) -> usize {
        self.doubled
    }

    /// When the last delivery came.
    pub fn last_at(&self) -> Duration {
        self.last_at
    }

    /// From the shortest to the longest.
    pub fn into_latencies(mut self) -> Vec<Duration> {
        self.latencies.sort_unstable();
        self.latencies
    }
}

/// The smallest value that `percent` of all values do not exceed.
pub fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_that_comes_twice_does_not_hide_one_that_is_lost() {
        let mut tally = Tally::new(10, 2, 2);
        let arrives = |tally: &mut Tally, subscriber, number| {
            let sent_at = Duration::from_millis(1);
            let marker = Marker { number, sent_at };
            tally.count(subscriber, marker, Duration::from_millis(3));
        };
        arrives(&mut tally, 0, 9);
        for (subscriber, number) in [(0, 10), (0, 11), (1, 10), (1, 10)] {
            arrives(&mut tally, subscriber, number);
        }
        assert_eq!((tally.lost(), tally.doubled()), (1, 1));
        arrives(&mut tally, 1, 11);
        assert!(tally.is_complete());
        assert_eq!(tally.into_latencies(), [Duration::from_millis(2); 4]);
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let sorted: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&sorted, 50), Duration::from_millis(100));
        assert_eq!(percentile(&sorted, 99), Duration::from_millis(198));
        assert_eq!(percentile(&sorted, 100), Duration::from_millis(200));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }
}
