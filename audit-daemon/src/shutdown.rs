//! The order in which we stop.
//!
//! 1. The source drains what the rings hold at this moment, then ends.
//! 2. The worker settles all of it: held events, searches, losses at the very end, the last sums.
//! 3. The stop record is written, and everything made durable and acknowledged.
//! 4. The log is closed, its lock released.
//! 5. Only then are programs detached that are not pinned (that is the caller's).
//!
//! Owns nothing but this order.

use std::sync::Arc;

use crate::{
    daemon::RunError,
    enrich::running,
    pipeline::{Pipeline, Shared},
};

/// Why and by whom the daemon is stopped.
pub struct Cause {
    pub reason: &'static str,
    pub sender_pid: Option<u32>,
}

pub fn shut_down(pipeline: Pipeline, cause: &Cause, shared: &Arc<Shared>) -> Result<(), RunError> {
    let sender = cause.sender_pid.and_then(running::one);
    let (mut worker, last) = pipeline.drain().ok_or(RunError::Stage)?;
    worker.recorder().daemon_stop(cause.reason, sender.as_ref());
    worker.hand_over();
    shared.forget_queues();
    let writer = last.finish(worker).ok_or(RunError::Stage)?;
    if !writer.is_settled() {
        let reason = shared.writer().trouble.unwrap_or_default();
        return Err(RunError::NotDurable { reason });
    }
    writer.into_log().close()?;
    Ok(())
}
