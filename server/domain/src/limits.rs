//! How often somebody may try.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use wire::{ApiError, TaskId, UserId};

const MOST_KEYS: usize = 10_000;

/// The counters of this process.
pub struct Limits {
    sign_in_by_peer: DefaultKeyedRateLimiter<IpAddr>,
    sign_in_by_account: DefaultKeyedRateLimiter<String>,
    invitations: DefaultKeyedRateLimiter<IpAddr>,
    present_passwords: DefaultKeyedRateLimiter<UserId>,
    reports: DefaultKeyedRateLimiter<TaskId>,
    retries: DefaultKeyedRateLimiter<UserId>,
    probes: DefaultKeyedRateLimiter<UserId>,
    previews: DefaultKeyedRateLimiter<UserId>,
    logs: DefaultKeyedRateLimiter<UserId>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sign_in_by_peer: RateLimiter::keyed(per_minute(20)),
            sign_in_by_account: RateLimiter::keyed(per_minute(10)),
            invitations: RateLimiter::keyed(per_minute(30)),
            present_passwords: RateLimiter::keyed(per_minute(5)),
            reports: RateLimiter::keyed(per_minute(300)),
            retries: RateLimiter::keyed(per_minute(10)),
            probes: RateLimiter::keyed(per_minute(60)),
            previews: RateLimiter::keyed(per_minute(60)),
            logs: RateLimiter::keyed(per_minute(120)),
        }
    }
}

impl Limits {
    /// Before a password is looked at: 20 a minute from one address, 10 a minute for one account.
    ///
    /// # Errors
    /// `TooMany` with the seconds to wait.
    pub fn sign_in(&self, peer: IpAddr, email: &str) -> Result<(), ApiError> {
        check(&self.sign_in_by_peer, &network(peer))?;
        check(&self.sign_in_by_account, &email.to_owned())
    }

    /// Before an invitation's token is looked at: 30 a minute from one address.
    ///
    /// # Errors
    /// `TooMany` with the seconds to wait.
    pub fn invitation(&self, peer: IpAddr) -> Result<(), ApiError> {
        check(&self.invitations, &network(peer))
    }

    /// Before a signed-in user's password is looked at: 5 a minute. Whoever finds an open browser must
    /// not learn the password by trying.
    ///
    /// # Errors
    /// `TooMany` with the seconds to wait.
    pub fn present_password(&self, user: UserId) -> Result<(), ApiError> {
        check(&self.present_passwords, &user)
    }

    /// What a server tells of the runs of one task: 300 a minute. It keeps the others, and the panel fetches them.
    ///
    /// # Errors
    /// `TooMany` with the seconds to wait.
    pub fn report(&self, task: TaskId) -> Result<(), ApiError> {
        check(&self.reports, &task)
    }

    /// Retries of failed work: 10 a minute for a user.
    ///
    /// # Errors
    /// `TooMany` with the seconds to wait.
    pub fn retry(&self, user: UserId) -> Result<(), ApiError> {
        check(&self.retries, &user)
    }

    /// Looking at servers from a request: 60 a minute for a user.
    ///
    /// # Errors
    /// `TooMany` with the seconds to wait.
    pub fn probe(&self, user: UserId) -> Result<(), ApiError> {
        check(&self.probes, &user)
    }

    /// Steps of work that is not asked for yet: 60 times a minute for a user.
    ///
    /// # Errors
    /// `TooMany` with the seconds to wait.
    pub fn preview(&self, user: UserId) -> Result<(), ApiError> {
        check(&self.previews, &user)
    }

    /// A look at the log of a program; a page that follows one takes 20 of these a minute.
    ///
    /// # Errors
    /// `TooMany`, beyond 120 a minute.
    pub fn log(&self, user: UserId) -> Result<(), ApiError> {
        check(&self.logs, &user)
    }
}

fn per_minute(times: u32) -> Quota {
    Quota::per_minute(NonZeroU32::new(times).unwrap_or(NonZeroU32::MIN))
}

/// Whoever has one IPv6 address has its whole /64, and could come from another one every time.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let prefix = address.to_bits() & !u128::from(u64::MAX);
            Ipv6Addr::from_bits(prefix).into()
        }
    }
}

fn check<K: std::hash::Hash + Eq + Clone>(
    limiter: &DefaultKeyedRateLimiter<K>,
    key: &K,
) -> Result<(), ApiError> {
    // Keys come from anybody; those whose time has passed must not stay for ever.
    if limiter.len() > MOST_KEYS {
        limiter.retain_recent();
    }
    limiter.check_key(key).map_err(|refusal| {
        let wait: Duration = refusal.wait_time_from(DefaultClock::default().now());
        ApiError::TooMany {
            retry_after_seconds: wait.as_secs() + 1,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_try_for_one_account_in_a_minute_is_refused_wherever_it_comes_from() {
        let limits = Limits::default();
        for last in 0..10 {
            assert!(
                limits
                    .sign_in(IpAddr::from([10, 0, 0, last]), "ada@example.com")
                    .is_ok()
            );
        }
        let refused = limits.sign_in(IpAddr::from([10, 0, 0, 99]), "ada@example.com");
        assert!(matches!(refused, Err(ApiError::TooMany { .. })));
    }

    #[test]
    fn all_addresses_of_one_ipv6_network_are_one_and_neighbours_are_others() {
        let limits = Limits::default();
        let try_from = |address: &str| {
            let email = format!("{address}@example.com");
            limits.sign_in(address.parse().expect("is an address"), &email)
        };
        for last in 0..20 {
            assert_eq!(try_from(&format!("2001:db8:0:1::{last:x}")), Ok(()));
        }
        assert!(try_from("2001:db8:0:1:ffff::1").is_err());
        assert_eq!(try_from("2001:db8:0:2::1"), Ok(()));
        // An IPv4 address in the clothes of IPv6 is that IPv4 address.
        for last in 0..20 {
            assert_eq!(try_from(&format!("::ffff:192.0.2.{last}")), Ok(()));
        }
    }
}
