//! How long to wait before the next attempt.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(15);

/// Grows from wait to wait; no two waiters keep step, so that a server that comes back is not
/// overrun.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    waits: u32,
}

impl Backoff {
    /// Between half of and the whole of twice the last one, at most 15 s.
    pub fn next(&mut self) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.waits.min(5)).min(LONGEST);
        self.waits += 1;
        whole.mul_f64(rand::random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_below_fifteen_seconds() {
        let mut backoff = Backoff::default();
        let first = backoff.next();
        assert!(first >= FIRST / 2 && first <= FIRST, "{first:?}");
        let later: Vec<_> = (0..100).map(|_| backoff.next()).collect();
        assert!(
            later[20..]
                .iter()
                .all(|wait| *wait >= LONGEST / 2 && *wait <= LONGEST)
        );
    }
}
