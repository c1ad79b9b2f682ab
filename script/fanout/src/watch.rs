//! Subscribers that do nothing but listen, while somebody else measures what the panel does for them.

use std::io::{Read, stdin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::measure::print;
use crate::peer::{self, Peer, contains};
use crate::subscribers::Subscribers;

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    peer: peer::Options,
}

/// Prints a line once all are subscribed, and at the end of standard input how many changes of servers they heard of.
pub fn watch(options: &Options) -> Result<()> {
    let peer = Peer::new(&options.peer)?;
    let mut subscribers = Subscribers::connect(&peer, options.peer.subscribers)?;
    print(&json!({ "subscribed": subscribers.len() }));
    let is_over = AtomicBool::new(false);
    let mut heard: u64 = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ = stdin().read_to_end(&mut Vec::new());
            is_over.store(true, Ordering::Release);
        });
        while !is_over.load(Ordering::Acquire) {
            subscribers.read(Duration::from_millis(50), |_, message| {
                heard += u64::from(contains(message, b"ServerUpdated"));
            })?;
        }
        anyhow::Ok(())
    })?;
    print(&json!({ "heard": heard }));
    Ok(())
}
