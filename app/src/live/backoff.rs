//! How long a tab waits before it tries to connect again.

const FIRST_MS: f64 = 1_000.0;
const LONGEST_MS: f64 = 30_000.0;

/// Doubles from 1 s to 30 s, each spread over its upper half so that tabs do not come back as one. `random`
/// is from 0 up to 1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 500 and 30,000"
)]
pub fn delay_ms(attempts: u32, random: f64) -> u32 {
    let longest = FIRST_MS * f64::from(1_u32 << attempts.saturating_sub(1).min(5));
    (longest.min(LONGEST_MS) * (0.5 + random / 2.0)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_to_half_a_minute_and_is_spread_over_its_upper_half() {
        for (attempts, longest) in [
            (1, 1_000),
            (2, 2_000),
            (3, 4_000),
            (6, 30_000),
            (99, 30_000),
        ] {
            assert_eq!(delay_ms(attempts, 0.0), longest / 2);
            let most = delay_ms(attempts, 0.999_999);
            assert!(most <= longest && most > longest - longest / 100, "{most}");
        }
    }
}
