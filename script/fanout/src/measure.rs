//! The measurement: subscribers connect, events come at a steady pace, and then as many at once as the peer takes.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use clap::Args;
use serde_json::{Value, json};

use crate::http::Connection;
use crate::marker::Marker;
use crate::peer::{self, Peer};
use crate::process::Process;
use crate::subscribers::Subscribers;
use crate::tally::{Tally, percentile};

/// Memory is looked at when nothing of the handshakes is under way any more.
const SETTLE: Duration = Duration::from_secs(1);
/// What has not come this long after the last that came is lost.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    peer: peer::Options,
    /// The peer's process
    #[arg(long)]
    pid: u32,
    /// Events in a second, while they come at a steady pace
    #[arg(long)]
    rate: u32,
    /// Events at that pace before those whose times count, so that nobody is measured while waking up
    #[arg(long)]
    warm_up: usize,
    /// Events at that pace
    #[arg(long)]
    events: usize,
    /// Events one after the other
    #[arg(long)]
    burst: usize,
}

/// Measures, and prints one JSON object.
pub fn measure(options: &Options) -> Result<()> {
    let peer = Peer::new(&options.peer)?;
    let process = Process::of(options.pid);
    let resident_before = process.resident()?;
    let connecting = Instant::now();
    let mut subscribers = Subscribers::connect(&peer, options.peer.subscribers)?;
    let connecting = connecting.elapsed();
    let settling = Instant::now();
    while settling.elapsed() < SETTLE {
        subscribers.read(Duration::from_millis(50), |_, _| {})?;
    }
    let growth = process.resident()?.saturating_sub(resident_before);

    let mut run = Run {
        process: &process,
        peer: &peer,
        subscribers,
        clock: Instant::now(),
        published: 0,
    };
    let pace = Some(Duration::from_secs(1) / options.rate);
    let warm_up = run.phase(options.warm_up, pace)?;
    let paced = run.phase(options.events, pace)?;
    let burst = run.phase(options.burst, None)?;
    let count = run.subscribers.len();
    print(&json!({
        "subscribers": count,
        "subscribed_per_s": number(count)? / connecting.as_secs_f64(),
        "kb_per_subscriber": number(growth)? / 1000.0 / number(count)?,
        "warm_up": warm_up,
        "paced": paced,
        "burst": burst,
    }));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what was measured is what this is for")]
pub fn print(line: &Value) {
    println!("{line}");
}

/// A count that may be divided by.
fn number(count: impl TryInto<u32>) -> Result<f64> {
    let count = count.try_into().map_err(|_| anyhow!("counted too far"))?;
    Ok(f64::from(count))
}

struct Run<'a> {
    process: &'a Process,
    peer: &'a Peer,
    subscribers: Subscribers<'a>,
    /// One clock for sending and arriving.
    clock: Instant,
    published: usize,
}

impl Run<'_> {
    /// Publishes events, each when it is due or when the one before is through, and waits for their deliveries.
    fn phase(&mut self, events: usize, pace: Option<Duration>) -> Result<Value> {
        let first = self.published;
        self.published += events;
        let mut tally = Tally::new(first, events, self.subscribers.len());
        let (peer, clock) = (self.peer, self.clock);
        let cpu_before = self.process.cpu()?;
        let began_at = clock.elapsed();
        let mut answers = thread::scope(|scope| {
            let publisher = scope.spawn(move || publish(peer, clock, first, events, pace));
            let mut quiet_since = Instant::now();
            while !tally.is_complete() && quiet_since.elapsed() < PATIENCE {
                let before = tally.delivered();
                self.subscribers
                    .read(Duration::from_millis(50), |number, message| {
                        if let Some(marker) = Marker::find(message) {
                            tally.count(number, marker, clock.elapsed());
                        }
                    })?;
                if tally.delivered() > before || !publisher.is_finished() {
                    quiet_since = Instant::now();
                }
            }
            publisher
                .join()
                .map_err(|_| anyhow!("the publisher has panicked"))?
        })?;
        let cpu = self.process.cpu()?.saturating_sub(cpu_before);
        answers.sort_unstable();
        let delivered = tally.delivered();
        let span = tally.last_at().saturating_sub(began_at);
        let (lost, doubled) = (tally.lost(), tally.doubled());
        let latencies = tally.into_latencies();
        let in_ms = |sorted: &[Duration], percent| percentile(sorted, percent).as_secs_f64() * 1e3;
        Ok(json!({
            "delivered": delivered,
            "lost": lost,
            "doubled": doubled,
            "p50_ms": in_ms(&latencies, 50),
            "p99_ms": in_ms(&latencies, 99),
            "max_ms": in_ms(&latencies, 100),
            "deliveries_per_s": number(delivered)? / span.as_secs_f64(),
            "cpu_us_per_delivery": cpu.as_secs_f64() * 1e6 / number(delivered)?,
            "publish_ms_p50": in_ms(&answers, 50),
        }))
    }
}

/// Returns how long each request took.
fn publish(
    peer: &Peer,
    clock: Instant,
    first: usize,
    events: usize,
    pace: Option<Duration>,
) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(peer.address)?;
    let permission = match peer.permission() {
        Some(request) => connection.send(&request)?.to_owned(),
        None => String::new(),
    };
    let mut answers = Vec::with_capacity(events);
    let began_at = clock.elapsed();
    let mut due = began_at;
    for number in first..first + events {
        if let Some(pace) = pace {
            thread::sleep(due.saturating_sub(clock.elapsed()));
            due += pace;
        }
        let sent_at = clock.elapsed();
        connection.send(&peer.publication(&Marker { number, sent_at }.text(), &permission))?;
        answers.push(clock.elapsed().saturating_sub(sent_at));
    }
    Ok(answers)
}
