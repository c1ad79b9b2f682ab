//! An operation's output as it grows: only what is new is fetched.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::prelude::*;
use wire::operations::{OutputInput, OutputPage};
use wire::{ApiError, OperationId, ServerId};

use super::output;
use crate::accounts::SessionGate;
use crate::live::{Interest, Outcome, listen};

/// A piece of output; sharing its text makes re-reading the list cheap.
#[derive(Clone)]
pub struct Piece {
    pub id: i64,
    pub text: Arc<str>,
}

/// What each step has printed so far.
#[derive(Clone, Copy)]
pub struct Feed {
    last: RwSignal<i64>,
    steps: RwSignal<BTreeMap<i32, ArcRwSignal<Vec<Piece>>>>,
}

impl Feed {
    /// Begins with what came with the page and follows from there.
    pub fn follow(server: ServerId, operation: OperationId, printed: OutputPage) -> Self {
        let feed = Self {
            last: RwSignal::new(0),
            steps: RwSignal::new(BTreeMap::new()),
        };
        feed.append(printed);
        let gate = expect_context::<SessionGate>();
        listen(Interest::Output(server, operation), move || async move {
            let Some(after) = feed.last.try_get_untracked() else {
                return Outcome::Fresh;
            };
            match output(OutputInput {
                operation_id: operation,
                after,
            })
            .await
            {
                Ok(page) => {
                    let more = page.more;
                    feed.append(page);
                    if more { Outcome::More } else { Outcome::Fresh }
                }
                Err(ApiError::SignedOut) => {
                    gate.ask();
                    Outcome::SignedOut
                }
                Err(ApiError::NotFound) => Outcome::Fresh,
                Err(
                    ApiError::Invalid { .. }
                    | ApiError::Conflict { .. }
                    | ApiError::TooMany { .. }
                    | ApiError::Remote { .. }
                    | ApiError::Refused { .. }
                    | ApiError::Internal,
                ) => Outcome::Unreachable,
            }
        });
        feed
    }

    /// The output of one step.
    pub fn of_step(self, step: i32) -> ArcRwSignal<Vec<Piece>> {
        if let Some(known) = self.steps.with_untracked(|steps| steps.get(&step).cloned()) {
            return known;
        }
        let new = ArcRwSignal::new(Vec::new());
        self.steps.update_untracked(|steps| {
            steps.insert(step, new.clone());
        });
        new
    }

    fn append(self, page: OutputPage) {
        if self.last.try_get_untracked().is_none() {
            return;
        }
        let mut by_step: BTreeMap<i32, Vec<Piece>> = BTreeMap::new();
        for chunk in page.chunks {
            if chunk.id > self.last.get_untracked() {
                self.last.set(chunk.id);
                by_step.entry(chunk.step).or_default().push(Piece {
                    id: chunk.id,
                    text: chunk.text.into(),
                });
            }
        }
        for (step, pieces) in by_step {
            self.of_step(step).update(|held| held.extend(pieces));
        }
    }
}
