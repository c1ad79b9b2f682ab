//! The load generator of `script/bench realtime`. One thread reads all sockets, another one publishes; each delivery is
//! known again by its marker. It shares the machine with what it measures, so it must cost less than that does.

mod frame;
mod http;
mod marker;
mod measure;
mod peer;
mod process;
mod rawfan;
mod subscribers;
mod tally;
mod watch;

use anyhow::Result;
use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[derive(Parser)]
#[command(about)]
enum Command {
    /// Serves as the bound: nothing but one write(2) for each delivery
    Rawfan(rawfan::Options),
    /// Subscribes, publishes, counts, and prints one JSON object
    Measure(measure::Options),
    /// Subscribes and reads until its standard input ends
    Watch(watch::Options),
}

fn main() -> Result<()> {
    allow_many_files()?;
    match Command::parse() {
        Command::Rawfan(options) => rawfan::serve(&options),
        Command::Measure(options) => measure::measure(&options),
        Command::Watch(options) => watch::watch(&options),
    }
}

fn allow_many_files() -> Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: maximum,
        maximum,
    };
    Ok(setrlimit(Resource::Nofile, most)?)
}
