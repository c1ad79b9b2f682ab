use domain::Error;
use wire::ApiError;
use wire::operations::OperationState;

use super::bench::{Bench, Fault};
use super::kinds::{self, Subject};
use super::remote;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_clicks_at_once_make_one_operation_of_whatever_kind() {
    for kind in kinds::all() {
        let bench = Bench::new().await;
        let subject = Subject::prepare(&bench, kind).await;
        let clicks = all_at_once((0..50).map(|_| subject.request(&bench))).await;
        check(&clicks);
        assert_eq!(subject.standing(&bench).await.operations(), 1, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_retries_at_once_make_one_operation_of_whatever_kind() {
    for kind in kinds::all() {
        let bench = Bench::new().await;
        let subject = Subject::prepare(&bench, kind).await;
        bench.arm(Fault::Remote(remote::Fault::Fails), 1).await;
        subject.request(&bench).await.unwrap();
        bench.work();
        subject.ended(&bench, "the first").await;
        bench.rest().await;
        bench.disarm();
        let failed = subject.standing(&bench).await;
        assert_eq!(failed.state(), Some(OperationState::Failed), "{kind:?}");
        subject.mend(&bench).await;
        let clicks = all_at_once((0..50).map(|_| subject.ask_again(&bench, &failed))).await;
        check(&clicks);
        assert_eq!(subject.standing(&bench).await.operations(), 2, "{kind:?}");
    }
}

/// Those that came second are told so, or are told of the same operation.
fn check(clicks: &[Result<(), Error>]) {
    assert_eq!(clicks.len(), 50);
    assert!(clicks.iter().any(Result::is_ok), "{clicks:?}");
    for click in clicks {
        let is_known = matches!(click, Ok(()) | Err(Error::Known(ApiError::Conflict { .. })));
        assert!(is_known, "{click:?}");
    }
}

async fn all_at_once<F: Future<Output = Result<(), Error>>>(
    clicks: impl Iterator<Item = F>,
) -> Vec<Result<(), Error>> {
    let mut clicks: Vec<_> = clicks.map(Box::pin).collect();
    let mut results: Vec<Option<Result<(), Error>>> = clicks.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (click, result) in clicks.iter_mut().zip(&mut results) {
            if result.is_none()
                && let std::task::Poll::Ready(ended) = click.as_mut().poll(context)
            {
                *result = Some(ended);
            }
        }
        if results.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    results.into_iter().flatten().collect()
}
