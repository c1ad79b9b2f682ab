//! What a step prints, on its way into the database: read by offset, so that nothing is lost or
//! doubled, whoever reads on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use ssh::{Output, Stream};
use tokio::sync::{Notify, Semaphore};
use tokio::time::sleep;

use super::Run;
use crate::output::{Reader, Said};
use crate::plan::Step;

/// Of each step's output, this much of the beginning is kept, and as much of the end as `TAIL`.
const HEAD: usize = 768 * 1024;
const TAIL: usize = 256 * 1024;
/// So much is not kept waiting: a server that prints without end must not fill memory, nor a hundred at once.
const FULL: usize = 8 * 1024;
/// Steps that store output at the same time. The database takes one writer; what the others would hold meanwhile (26 MB
/// for a hundred that stream) stays on their servers.
static TURNS: Semaphore = Semaphore::const_new(2);
/// Output is stored, and announced, at most five times a second where it comes at a usual speed.
const FLUSH: Duration = Duration::from_millis(200);
/// More facts than any of our scripts has.
const MOST_FACTS: usize = 100;
const PIECE: usize = 32 * 1024;

/// What a run of a step left behind.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub said: Marks,
    /// How many bytes at the end of the step's output are of this run.
    pub printed: usize,
}

/// What a step reported by marks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    pub summary: Option<String>,
    pub error: Option<String>,
    pub facts: Vec<(String, String)>,
}

/// How far a step's output is read; stored with the last piece of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Bytes of the output on the server that need not be read again.
    pub offset: u64,
    /// Bytes of text that are stored.
    stored: usize,
    marks: Marks,
}

/// Bytes between the connection and the database. A connection that is not read from waits, so all
/// it takes to keep this small is to `drain` it when it is due.
#[derive(Clone, Default)]
pub struct Incoming {
    bytes: Arc<Mutex<Vec<u8>>>,
    full: Arc<Notify>,
}

impl Incoming {
    fn drain(&self) -> Vec<u8> {
        std::mem::take(&mut *self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// After a while, or at once when much has come.
    pub async fn is_due(&self) {
        tokio::select! {
            () = sleep(FLUSH) => {}
            () = self.full.notified() => {}
        }
    }
}

impl Output for Incoming {
    fn write(&mut self, _: Stream, bytes: &[u8]) {
        let mut waiting = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.extend_from_slice(bytes);
        if waiting.len() >= FULL {
            self.full.notify_one();
        }
    }
}

/// Stores a step's output: the head as it comes, of the rest only the tail, with the count of what
/// was left out.
pub struct Keeper<'a> {
    run: &'a Run<'a>,
    position: i32,
    reader: Reader,
    /// Where the reader began.
    base: u64,
    progress: Progress,
    printed: usize,
    tail: String,
    left_out: usize,
    way: Way,
}

/// When output is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    AsItComes,
    /// All at once, so that either all or nothing of it is there.
    AtTheEnd,
    Never,
}

impl<'a> Keeper<'a> {
    /// Reads on where `progress` ends.
    pub fn new(run: &'a Run<'a>, step: &Step, position: i32, progress: Progress) -> Self {
        let reader = Reader::masking(&run.secrets);
        Self {
            run,
            position,
            reader: if step.is_users_command {
                reader.heeding_no_marks()
            } else {
                reader
            },
            base: progress.offset,
            printed: progress.stored,
            progress,
            tail: String::new(),
            left_out: 0,
            way: Way::AsItComes,
        }
    }

    /// For a step that runs again from its beginning after a cut. One that ran to its end before, of which only how it
    /// ended could not be stored any more, has its output already.
    pub fn for_whole_runs(
        run: &'a Run<'a>,
        step: &Step,
        position: i32,
        before: Option<&str>,
    ) -> Self {
        let mut keeper = Self::new(run, step, position, Progress::default());
        keeper.way = match before {
            None => Way::AtTheEnd,
            Some(_) => Way::Never,
        };
        keeper
    }

    /// Where to read on after a cut: what was read is in the database or in this keeper.
    pub fn read_to(&self) -> u64 {
        self.base + self.reader.read_bytes()
    }

    /// Stores what has come.
    pub async fn take(&mut self, incoming: &Incoming) -> Result<()> {
        let _turn = TURNS.acquire().await?;
        self.read(incoming.drain()).await
    }

    pub async fn read(&mut self, bytes: Vec<u8>) -> Result<()> {
        // By pieces, so that the head ends about where it should.
        for piece in bytes.chunks(PIECE) {
            let said = self.reader.read(piece);
            // Only whole lines: whoever reads on begins at one.
            let offset = self.base + self.reader.whole_bytes();
            self.keep(said, offset).await?;
        }
        Ok(())
    }

    /// Everything was read.
    pub async fn end(mut self) -> Result<Report> {
        let said = self.reader.end();
        // A last line without an end is one all the same: whoever comes again must not read it again.
        self.keep(said, self.read_to()).await?;
        if !self.tail.is_empty() {
            let note = match self.left_out {
                0 => String::new(),
                bytes => format!("[{bytes} bytes left out]\n"),
            };
            let text = note + &self.tail;
            self.progress.offset = self.read_to();
            self.print(text).await?;
        }
        Ok(Report {
            said: self.progress.marks,
            printed: self.printed,
        })
    }

    async fn keep(&mut self, said: Vec<Said>, offset: u64) -> Result<()> {
        let mut text = String::new();
        for said in said {
            let marks = &mut self.progress.marks;
            match said {
                Said::Text(line) => text.push_str(&line),
                Said::Summary(summary) => marks.summary = Some(summary),
                Said::Fact { key, value } => {
                    let fact = (key, value);
                    if marks.facts.len() < MOST_FACTS && !marks.facts.contains(&fact) {
                        marks.facts.push(fact);
                    }
                }
                Said::Error(sentence) => marks.error = Some(sentence),
            }
        }
        if text.is_empty() {
            return Ok(());
        }
        self.printed += text.len();
        if self.progress.stored < HEAD && self.way == Way::AsItComes {
            self.progress.stored += text.len();
            self.progress.offset = offset;
            return self.print(text).await;
        }
        // The stored offset stays at the end of the head: the tail is in memory only.
        self.tail.push_str(&text);
        let most = match self.way {
            Way::AsItComes | Way::Never => TAIL,
            Way::AtTheEnd => HEAD + TAIL,
        };
        self.left_out += keep_end(&mut self.tail, most);
        Ok(())
    }

    async fn print(&self, text: String) -> Result<()> {
        if self.way == Way::Never {
            return Ok(());
        }
        let progress = serde_json::to_string(&self.progress)?;
        let db = &self.run.panel.db;
        let claim = self.run.claim;
        let print = claim.print(db, self.position, text, Some(progress));
        // In a box: it is part of every step that runs, and runs itself for a moment.
        Ok(Box::pin(print).await?)
    }
}

/// Cuts the front so that at most `most` bytes stay; returns how many went.
pub fn keep_end(text: &mut String, most: usize) -> usize {
    if text.len() <= most {
        return 0;
    }
    let mut cut = text.len() - most;
    while !text.is_char_boundary(cut) {
        cut += 1;
    }
    cut = behind_colour(text.as_bytes(), cut);
    text.drain(..cut);
    cut
}

/// A sequence for a colour goes as a whole: half of it would be text.
fn behind_colour(text: &[u8], cut: usize) -> usize {
    const LONGEST: usize = 16;
    let begin = cut.saturating_sub(LONGEST);
    let Some(escape) = text[begin..cut].iter().rposition(|byte| *byte == 0x1b) else {
        return cut;
    };
    match text[begin + escape..].iter().position(|byte| *byte == b'm') {
        Some(end) => cut.max(begin + escape + end + 1),
        None => cut,
    }
}

#[cfg(test)]
mod tests {
    use wire::colours::plain;

    use super::*;

    #[test]
    fn a_cut_leaves_no_half_of_a_colour() {
        let whole = "ab\u{1b}[0;31mred\u{1b}[0m and more";
        for most in 0..=whole.len() {
            let mut text = whole.to_owned();
            let went = keep_end(&mut text, most);
            assert_eq!(went + text.len(), whole.len());
            assert!(text.len() <= most);
            let shown = plain(&text);
            assert!("abred and more".ends_with(&shown), "{most}: {shown:?}");
        }
    }
}
