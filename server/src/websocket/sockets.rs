//! The sockets that are open: how many there may be, how long they may be silent, and the end of all of them.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use domain::Db;
use domain::standing::Standing;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use wire::SessionId;

use super::fanout::Fanout;

/// Enough for every tab that somebody opens; a page in a loop does not take the panel's memory.
const MOST_OF_ONE_SESSION: usize = 100;
/// Sockets that have not shown yet whose they are.
const MOST_UNKNOWN: usize = 1_000;
/// Sessions whose handshakes lost their Upgrade header on the way.
const MOST_CUT_OFF: usize = 1_000;
/// How long a look may take before the next one is tried.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// When a socket is asked and when it is given up.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Silence after which one side asks whether the other is still there.
    pub activity: Duration,
    /// How long the answer may take.
    pub answer: Duration,
    /// How often the panel looks at sessions and access: the end of either ends a subscription within twice this time.
    pub check: Duration,
    /// How long a socket may go without showing whose it is.
    pub unknown: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            activity: Duration::from_secs(30),
            answer: Duration::from_secs(30),
            check: Duration::from_secs(2),
            unknown: Duration::from_mins(2),
        }
    }
}

/// All sockets of this process.
pub struct Sockets {
    pub pace: Pace,
    taken: Mutex<HashMap<Option<SessionId>, usize>>,
    cut_off: Mutex<HashSet<SessionId>>,
    closing: watch::Sender<bool>,
    fanout: OnceLock<Fanout>,
    is_looking: AtomicBool,
    looks: watch::Sender<Option<Arc<Look>>>,
    losses: watch::Sender<()>,
}

/// What was seen when sessions and access were looked at.
pub struct Look {
    /// It tells nothing of what began later.
    pub began_at: Instant,
    pub standing: Standing,
}

/// What a socket waits for: sockets that look by themselves cost a wake-up each, 500 in a second for a thousand of them.
pub struct Looks {
    /// Each look. Of use to a socket until one began after everything that it holds.
    pub all: watch::Receiver<Option<Arc<Look>>>,
    /// Looks that found something gone that was there before.
    pub losses: watch::Receiver<()>,
}

impl Default for Sockets {
    fn default() -> Self {
        Self::with_pace(Pace::default())
    }
}

impl Sockets {
    pub fn with_pace(pace: Pace) -> Self {
        Self {
            pace,
            taken: Mutex::default(),
            cut_off: Mutex::default(),
            closing: watch::Sender::new(false),
            fanout: OnceLock::new(),
            is_looking: AtomicBool::new(false),
            looks: watch::Sender::new(None),
            losses: watch::Sender::new(()),
        }
    }

    /// Who hands events to the sockets.
    pub(super) fn fanout(&self, db: &Db) -> &Fanout {
        self.fanout.get_or_init(|| Fanout::start(db.bus()))
    }

    /// Looks at sessions and access from now on, for all sockets there will be; nothing more when it does already.
    pub fn keep_looking(self: &Arc<Self>, db: &Db) {
        if !self.is_looking.swap(true, Ordering::Relaxed) {
            tokio::spawn(look_again_and_again(Arc::downgrade(self), db.clone()));
        }
    }

    /// What is seen from now on, and what was seen last.
    pub fn looks(&self) -> Looks {
        Looks {
            all: self.looks.subscribe(),
            losses: self.losses.subscribe(),
        }
    }

    /// A place for a socket of a session, or of nobody known yet; `None` when all are taken.
    pub fn take_seat(self: &Arc<Self>, of: Option<SessionId>) -> Option<Seat> {
        let most = match of {
            Some(_) => MOST_OF_ONE_SESSION,
            None => MOST_UNKNOWN,
        };
        let mut taken = self.taken();
        let count = taken.entry(of).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        if let Some(of) = of {
            self.cut_off().remove(&of);
        }
        Some(Seat {
            sockets: self.clone(),
            of,
        })
    }

    /// Remembers that a session's handshake came without its Upgrade header; false when that is known.
    pub fn note_cut_off(&self, session: SessionId) -> bool {
        let mut cut_off = self.cut_off();
        cut_off.len() < MOST_CUT_OFF && cut_off.insert(session)
    }

    /// Whether that is what became of the session's last handshake.
    pub fn is_cut_off(&self, session: SessionId) -> bool {
        self.cut_off().contains(&session)
    }

    /// Turns true when the panel stops.
    pub fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// Tells every socket to come back soon, and waits a moment for that to be said.
    pub async fn close_all(&self) {
        self.closing.send_replace(true);
        for _ in 0..50 {
            if self.taken().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn note(&self, look: Arc<Look>) {
        let before = self.looks.send_replace(Some(Arc::clone(&look)));
        if before.is_some_and(|before| look.standing.lacks_something_of(&before.standing)) {
            self.losses.send_replace(());
        }
    }

    fn cut_off(&self) -> MutexGuard<'_, HashSet<SessionId>> {
        self.cut_off.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<Option<SessionId>, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While the database does not answer, what was seen last stands: nobody is sent away for its sake.
async fn look_again_and_again(sockets: Weak<Sockets>, db: Db) {
    while let Some(open) = sockets.upgrade() {
        let pace = open.pace.check;
        if !open.taken().is_empty() {
            let began_at = Instant::now();
            match timeout(LONGEST_LOOK, Standing::read(&db)).await {
                Ok(Ok(standing)) => open.note(Arc::new(Look { began_at, standing })),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "who may still listen could not be looked up");
                }
                Err(_) => tracing::warn!("the database did not tell in time who may still listen"),
            }
        }
        drop(open);
        sleep(pace).await;
    }
}

/// One socket's place; free again when dropped.
pub struct Seat {
    sockets: Arc<Sockets>,
    of: Option<SessionId>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.sockets.taken();
        if let Some(count) = taken.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_so_many_seats_and_gets_them_back() {
        let sockets = Arc::new(Sockets::default());
        let one = Some(SessionId(1));
        let mut seats: Vec<_> = (0..MOST_OF_ONE_SESSION)
            .map(|_| sockets.take_seat(one).expect("is free"))
            .collect();
        assert!(sockets.take_seat(one).is_none());
        assert!(sockets.take_seat(Some(SessionId(2))).is_some());
        assert!(sockets.take_seat(None).is_some());
        seats.pop();
        assert!(sockets.take_seat(one).is_some());
        drop(seats);
        assert!(sockets.taken().is_empty());
    }
}
