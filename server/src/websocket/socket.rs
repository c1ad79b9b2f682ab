//! One socket: what it asks, what it hears, and when it ends.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use domain::access::{SignedIn, may_subscribe};
use domain::bus::Topic;
use domain::{Panel, sessions};
use futures::{SinkExt, StreamExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use wire::event::Channel;

use super::fanout::Membership;
use super::outlet::{Line, Outlet};
use super::sockets::{Look, Looks, Seat, Sockets};
use crate::broadcasting::{self, Refusal, Request};

const MOST_SUBSCRIPTIONS: usize = 200;
/// A socket that takes no bytes for this long is given up.
const LONGEST_SEND: Duration = Duration::from_secs(10);

/// Why a connection ends, in the protocol's numbers: clients give up below 4100, come back slowly below
/// 4200, and at once above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    UnknownKey,
    UnknownProtocol,
    SignInFirst,
    SessionEnded,
    OverCapacity,
    PanelStops,
    NoAnswer,
    NothingAsked,
}

impl Closing {
    fn code_and_reason(self) -> (u16, &'static str) {
        match self {
            Self::UnknownKey => (4001, "There is no application with this key."),
            Self::UnknownProtocol => (4007, "The panel speaks version 7 of the protocol."),
            Self::SignInFirst => (4009, "Sign in first."),
            Self::SessionEnded => (4009, "The session has ended."),
            Self::OverCapacity => (4100, "As many sockets are open as may be. Close some."),
            Self::PanelStops => (4200, "The panel stops. Connect again."),
            Self::NoAnswer => (4201, "No answer came to the last ping."),
            Self::NothingAsked => (4202, "No channel was subscribed to."),
        }
    }
}

pub struct Socket {
    stream: WebSocketStream<Line>,
    outlet: Arc<Outlet>,
    panel: Panel,
    sockets: Arc<Sockets>,
    /// `1234.5678`, which signatures are bound to.
    id: String,
    /// Whose it is: by its cookie, or by the first signature it shows. It never becomes another's.
    who: Option<SignedIn>,
    /// When it was last known for certain that the session lives.
    known_at: Instant,
    /// When the last look that counts for it began.
    looked_at: Option<Instant>,
    /// Whether the cookie alone opens channels: the page is the panel's own.
    is_own_page: bool,
    seat: Option<Seat>,
    membership: Membership,
    channels: HashMap<Channel, Joined>,
    opened_at: Instant,
    heard_at: Instant,
    asked_at: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Joined {
    topic: Topic,
    at: Instant,
}

/// The connection is over; nothing is left to say.
struct Gone;

impl Socket {
    /// A socket of `who`, by a cookie that speaks for the page that opened it.
    pub fn new(
        stream: WebSocketStream<Line>,
        panel: Panel,
        sockets: Arc<Sockets>,
        who: Option<SignedIn>,
    ) -> Self {
        let now = Instant::now();
        sockets.keep_looking(&panel.db);
        let outlet = stream.get_ref().0.clone();
        Self {
            membership: sockets.fanout(&panel.db).enter(outlet.clone()),
            outlet,
            seat: sockets.take_seat(who.as_ref().map(SignedIn::session)),
            id: format!("{}.{}", rand::random::<u32>(), rand::random::<u32>()),
            is_own_page: who.is_some(),
            stream,
            panel,
            sockets,
            who,
            known_at: now,
            looked_at: None,
            channels: HashMap::new(),
            opened_at: now,
            heard_at: now,
            asked_at: None,
        }
    }

    /// Serves it to its end, or ends it at once for a reason that is known already.
    pub async fn serve(mut self, refusal: Option<Closing>) {
        let refusal = refusal.or(self.seat.is_none().then_some(Closing::OverCapacity));
        let _ = match refusal {
            Some(refusal) => self.close(refusal).await,
            None => self.listen().await,
        };
    }

    async fn listen(&mut self) -> Result<(), Gone> {
        let pace = self.sockets.pace;
        let established =
            broadcasting::connection_established(&self.id, pace.activity.as_secs().max(1));
        self.send(established).await?;
        let mut closing = self.sockets.closing();
        let mut looks = self.sockets.looks();
        let mut wait = pin!(sleep_until(self.next_wait()));
        loop {
            if self.next_wait() < wait.deadline() {
                wait.as_mut().reset(self.next_wait());
            }
            let is_unseen = self.is_unseen();
            tokio::select! {
                drained = self.outlet.drain() => match drained {
                    Ok(()) => self.tell_of_gap().await?,
                    Err(_) => return Err(Gone),
                },
                message = self.stream.next() => {
                    self.heard_at = Instant::now();
                    self.asked_at = None;
                    match message {
                        Some(Ok(Message::Text(text))) => self.answer(&text).await?,
                        Some(Ok(Message::Binary(_))) => self.complain_about_frame().await?,
                        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                        Some(Err(_)) => return self.say_goodbye(1009, "That frame was too long.").await,
                        Some(Ok(Message::Close(_))) | None => return Err(Gone),
                    }
                }
                Ok(()) = looks.all.changed(), if is_unseen => self.heed(&looks).await?,
                Ok(()) = looks.losses.changed() => self.heed(&looks).await?,
                () = &mut wait => {
                    self.after_silence().await?;
                    wait.as_mut().reset(self.next_wait());
                }
                () = told(&mut closing) => return self.close(Closing::PanelStops).await,
            }
        }
    }

    /// Where events were lost, it is told once for each channel to look again.
    async fn tell_of_gap(&mut self) -> Result<(), Gone> {
        for channel in self.channels.keys().copied().collect::<Vec<_>>() {
            self.send(broadcasting::resync(channel)).await?;
        }
        Ok(())
    }

    async fn answer(&mut self, text: &str) -> Result<(), Gone> {
        match Request::parse(text) {
            Some(Request::Subscribe { channel, auth }) => {
                self.subscribe(&channel, auth.as_deref()).await
            }
            Some(Request::Unsubscribe { channel }) => {
                if let Ok(channel) = channel.parse() {
                    self.leave(channel);
                }
                Ok(())
            }
            Some(Request::Ping) => self.send(broadcasting::pong()).await,
            Some(Request::Pong) => Ok(()),
            Some(Request::Other) => {
                self.send(broadcasting::error(4301, "Client events are not taken."))
                    .await
            }
            None => self.complain_about_frame().await,
        }
    }

    async fn complain_about_frame(&mut self) -> Result<(), Gone> {
        let complaint = broadcasting::error(4302, "This is no message of the protocol.");
        self.send(complaint).await
    }

    async fn subscribe(&mut self, name: &str, auth: Option<&str>) -> Result<(), Gone> {
        let (channel, who) = match self.permission(name, auth).await {
            Ok(permission) => permission,
            Err(refusal) => {
                let refused = broadcasting::subscription_error(name, refusal);
                return self.send(refused).await;
            }
        };
        if self.who.is_none() {
            let Some(seat) = self.sockets.take_seat(Some(who.session())) else {
                return self.close(Closing::OverCapacity).await;
            };
            self.seat = Some(seat);
        }
        let topic = Topic::of(channel, who.user());
        let at = Instant::now();
        if self.who.is_none() {
            self.known_at = at;
        }
        self.who = Some(who);
        self.membership.join(topic).await;
        self.channels.insert(channel, Joined { topic, at });
        self.send(broadcasting::subscription_succeeded(channel))
            .await
    }

    /// The channel of a name, and whoever may hear it on this socket.
    async fn permission(
        &mut self,
        name: &str,
        auth: Option<&str>,
    ) -> Result<(Channel, SignedIn), Refusal> {
        let channel: Channel = name.parse().map_err(|_| Refusal::NotYours)?;
        if self.channels.len() >= MOST_SUBSCRIPTIONS && !self.channels.contains_key(&channel) {
            return Err(Refusal::TooMany);
        }
        let who = self.speaker(channel, auth).await?;
        match may_subscribe(&self.panel.db, &who, channel).await {
            Ok(true) => Ok((channel, who)),
            Ok(false) => Err(Refusal::NotYours),
            Err(error) => Err(undecided(&error)),
        }
    }

    /// The session that asks: the cookie's on a page of the panel, else the one that is signed for.
    async fn speaker(&mut self, channel: Channel, auth: Option<&str>) -> Result<SignedIn, Refusal> {
        let Some(auth) = auth else {
            let own = self.who.clone().filter(|_| self.is_own_page);
            return own.ok_or(Refusal::NotSigned);
        };
        let session = self
            .panel
            .app
            .session_of(auth, &self.id, channel)
            .ok_or(Refusal::NotSigned)?;
        match &self.who {
            Some(who) if who.session() == session => Ok(who.clone()),
            Some(_) => Err(Refusal::NotSigned),
            None => match sessions::by_id(&self.panel.db, session).await {
                Ok(found) => found.ok_or(Refusal::NotSigned),
                Err(error) => Err(undecided(&error)),
            },
        }
    }

    fn leave(&mut self, channel: Channel) {
        if let Some(joined) = self.channels.remove(&channel) {
            self.membership.leave(joined.topic);
        }
    }

    /// Whether no look has begun yet after everything that it may hear by now.
    fn is_unseen(&self) -> bool {
        let newest = self.channels.values().map(|joined| joined.at).max();
        let newest = newest.map_or(self.known_at, |at| at.max(self.known_at));
        self.who.is_some() && self.looked_at.is_none_or(|looked_at| looked_at <= newest)
    }

    /// What no event tells: the session's end, access that was lost.
    async fn heed(&mut self, looks: &Looks) -> Result<(), Gone> {
        let look = looks.all.borrow().clone();
        let (Some(look), Some(who)) = (look, self.who.clone()) else {
            return Ok(());
        };
        self.looked_at = Some(look.began_at);
        if look.began_at > self.known_at && !look.standing.still_lives(&who) {
            return self.close(Closing::SessionEnded).await;
        }
        for channel in self.lost_channels(&look, &who) {
            self.leave(channel);
            let name = channel.to_string();
            self.send(broadcasting::subscription_error(&name, Refusal::NotYours))
                .await?;
        }
        Ok(())
    }

    /// When something is due if nothing is heard.
    fn next_wait(&self) -> Instant {
        let pace = self.sockets.pace;
        let due = match (&self.who, self.asked_at) {
            (None, _) => self.opened_at + pace.unknown,
            (Some(_), Some(asked_at)) => asked_at + pace.answer,
            (Some(_), None) => self.heard_at + pace.activity,
        };
        // One that takes nothing tells nobody.
        due.min(Instant::now() + LONGEST_SEND)
    }

    /// A peer that takes nothing, answers nothing, or never said who it is.
    async fn after_silence(&mut self) -> Result<(), Gone> {
        let pace = self.sockets.pace;
        if self
            .outlet
            .stalled_for()
            .is_some_and(|time| time >= LONGEST_SEND)
        {
            return Err(Gone);
        }
        if self.who.is_none() {
            return if self.opened_at.elapsed() >= pace.unknown {
                self.close(Closing::NothingAsked).await
            } else {
                Ok(())
            };
        }
        match self.asked_at {
            Some(asked_at) if asked_at.elapsed() >= pace.answer => {
                self.close(Closing::NoAnswer).await
            }
            None if self.heard_at.elapsed() >= pace.activity => {
                self.asked_at = Some(Instant::now());
                self.send(broadcasting::ping()).await
            }
            Some(_) | None => Ok(()),
        }
    }

    fn lost_channels(&self, look: &Look, who: &SignedIn) -> Vec<Channel> {
        self.channels
            .iter()
            .filter(|(_, joined)| look.began_at > joined.at)
            .map(|(channel, _)| *channel)
            .filter(|channel| !look.standing.may_still_hear(who, *channel))
            .collect()
    }

    async fn send(&mut self, text: String) -> Result<(), Gone> {
        match timeout(LONGEST_SEND, self.stream.send(Message::text(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    async fn close(&mut self, closing: Closing) -> Result<(), Gone> {
        let (code, reason) = closing.code_and_reason();
        self.send(broadcasting::error(code, reason)).await?;
        self.say_goodbye(code, reason).await
    }

    async fn say_goodbye(&mut self, code: u16, reason: &'static str) -> Result<(), Gone> {
        let frame = CloseFrame {
            code: code.into(),
            reason: Utf8Bytes::from_static(reason),
        };
        let _ = timeout(LONGEST_SEND, self.stream.send(Message::Close(Some(frame)))).await;
        Err(Gone)
    }
}

async fn told(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

fn undecided(error: &domain::Error) -> Refusal {
    tracing::error!(%error, "a subscription could not be decided");
    Refusal::Undecided
}
