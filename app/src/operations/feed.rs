//! An operation's output as it grows: only what is new is fetched.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::prelude::*;
use wire::operations::{OutputInput, OutputPage};
use wire::{ApiError, OperationId, ServerId};

use super::output;
use crate::accounts::SessionGate;
use crate::live::{self, Interest, Listener, Outcome, listen};

/// A piece of output; sharing its text makes re-reading the list cheap.
#[derive(Clone)]
pub struct Piece {
    pub id: i64,
    pub text: Arc<str>,
}

/// How much is here of what was printed so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    All,
    /// All of it was printed so long ago that it is not kept any more.
    Pruned,
    /// More is being fetched.
    Part,
    /// More could not be fetched, and why.
    Failed(String),
}

/// What each step has printed so far.
#[derive(Clone, Copy)]
pub struct Feed {
    last: RwSignal<i64>,
    steps: RwSignal<BTreeMap<i32, ArcRwSignal<Vec<Piece>>>>,
    reach: RwSignal<Reach>,
    listener: StoredValue<Listener>,
}

impl Feed {
    /// Begins with what came with the page, or why nothing did, and follows from there.
    pub fn follow(
        server: ServerId,
        operation: OperationId,
        printed: Result<OutputPage, ApiError>,
    ) -> Self {
        let feed = Self {
            last: RwSignal::new(0),
            steps: RwSignal::new(BTreeMap::new()),
            reach: RwSignal::new(Reach::Part),
            listener: StoredValue::default(),
        };
        feed.take(printed);
        let is_behind = match feed.reach.get_untracked() {
            Reach::All | Reach::Pruned => false,
            Reach::Part | Reach::Failed(_) => true,
        };
        let gate = expect_context::<SessionGate>();
        let interest = Interest::Output(server, operation);
        let listener = listen(interest, is_behind, move || async move {
            let Some(after) = feed.last.try_get_untracked() else {
                return Outcome::Fresh;
            };
            let asked = OutputInput {
                operation_id: operation,
                after,
            };
            let outcome = feed.take(output(asked).await);
            if outcome == Outcome::SignedOut {
                gate.session_ended();
            }
            outcome
        });
        feed.listener.set_value(listener);
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

    /// How much is here.
    pub fn reach(self) -> Signal<Reach> {
        self.reach.into()
    }

    /// Fetches again now.
    pub fn try_again(self) {
        if let Some(listener) = self.listener.try_get_value() {
            live::refetch(&listener);
        }
    }

    fn take(self, answer: Result<OutputPage, ApiError>) -> Outcome {
        let (reach, outcome) = match answer {
            Ok(page) => {
                let (more, pruned) = (page.more, page.pruned);
                self.append(page);
                match (more, pruned) {
                    (true, _) => (Reach::Part, Outcome::More),
                    (false, true) => (Reach::Pruned, Outcome::Fresh),
                    (false, false) => (Reach::All, Outcome::Fresh),
                }
            }
            Err(error) => {
                let outcome = match error {
                    ApiError::SignedOut => Outcome::SignedOut,
                    ApiError::NotFound => Outcome::Fresh,
                    ApiError::Invalid { .. }
                    | ApiError::Conflict { .. }
                    | ApiError::TooMany { .. }
                    | ApiError::Remote { .. }
                    | ApiError::Refused { .. }
                    | ApiError::Internal => Outcome::Unreachable,
                };
                (Reach::Failed(error.to_string()), outcome)
            }
        };
        if self
            .reach
            .try_with_untracked(|known| *known != reach)
            .unwrap_or(false)
        {
            self.reach.try_set(reach);
        }
        outcome
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
