//! Owns: running several things side by side, so many at once, each next one as soon as another has ended.
//! Must not: know what they are.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often it is said that some still run.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// What came of each, in the order of `all`; `None`: its run panicked, or there was nobody left to run it.
pub fn in_turns<I: Sync, T: Send>(
    all: &[I],
    at_once: usize,
    run: impl Fn(&I) -> T + Sync,
) -> Vec<Option<T>> {
    let results: Vec<Mutex<Option<T>>> = all.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let (done, ended) = sync_channel::<()>(all.len());
    let one_by_one = |done: SyncSender<()>| {
        while let Some(at) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|at| *at < all.len())
        {
            let came = run(&all[at]);
            *results[at].lock().unwrap_or_else(PoisonError::into_inner) = Some(came);
            // There is room for as many as there are.
            let _ = done.try_send(());
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..at_once.min(all.len()))
            .map(|_| {
                let (done, one_by_one) = (done.clone(), &one_by_one);
                scope.spawn(move || one_by_one(done))
            })
            .collect();
        drop(done);
        wait_for(all.len(), &ended);
        // What panicked has no result, which says so.
        threads.into_iter().for_each(|thread| drop(thread.join()));
    });
    let whole =
        |result: Mutex<Option<T>>| result.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.into_iter().map(whole).collect()
}

/// Waits for so many to end, and says from time to time that they run.
fn wait_for(all: usize, ended: &Receiver<()>) {
    let (started, mut left) = (Instant::now(), all);
    while left > 0 {
        match ended.recv_timeout(SAID_EVERY) {
            Ok(()) => left -= 1,
            Err(RecvTimeoutError::Timeout) => {
                let minutes = started.elapsed().as_secs() / 60;
                println!("… {left} of {all} guests still running, {minutes} min");
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_run_once_and_no_more_than_so_many_at_once() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let all: Vec<usize> = (0..20).collect();
        let came = in_turns(&all, 3, |one| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::yield_now();
            now.fetch_sub(1, Ordering::SeqCst);
            one * 2
        });
        let expected: Vec<_> = all.iter().map(|one| Some(one * 2)).collect();
        assert_eq!(came, expected);
        assert!(most.into_inner() <= 3);
    }

    #[test]
    fn one_that_panics_is_no_result() {
        let came = in_turns(&[1, 2], 2, |one| {
            assert_eq!(*one, 1);
            *one
        });
        assert_eq!(came, [Some(1), None]);
    }
}
