//! Names of users and groups, without ever waiting for one.
//!
//! Owns [`Names`]: what the pipeline's one thread asks, and two threads behind it. One watches
//! /etc/passwd and /etc/group ([`files`]), the other asks NSS ([`resolver`]), which may hang for
//! minutes on a dead directory server.
//!
//! Must not block, lock or allocate in [`Names::lookup_user`]: the tables belong to the caller,
//! answers come over bounded channels that [`Names::tick`] empties. Must not hold on to a thread
//! that hangs: nobody joins the resolver.
//!
//! Where a name comes from: the local files first (known from the first event on, and at once
//! again when a file changes), else NSS, each id at most once at a time. A host whose
//! nsswitch.conf puts another source before `files`, with other names for the same ids, is shown
//! the local ones.
//!
//! Invariants:
//! - every answer is one of [`Name`]'s four, and they are never mixed: `Absent` only if a resolver
//!   said that there is no such id, `Pending` only while a first answer may still come in time;
//! - at most `entries_max` ids per table, the least recently asked go first, counted;
//! - an answer is renewed after its time to live, and meanwhile given as it was, but no longer
//!   than [`STALE_MAX`].

mod files;
mod name;
mod resolver;
mod table;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

pub use name::KnownName;
pub use resolver::{Answer, Nss, Resolver};
use resolver::{Answered, Request};
use table::{Asked, Table};

/// Ids asked for lately. 200 bytes each: 1.6 MiB for both tables when full.
pub const ENTRIES_MAX_DEFAULT: usize = 4096;
/// A directory server that is slower than this is answered by "unknown" until it answers.
pub const LOOKUP_WAIT_MAX: Duration = Duration::from_secs(5);
/// Renewal of names, of absences, and of failures.
pub const KNOWN_TTL: Duration = Duration::from_secs(600);
pub const ABSENT_TTL: Duration = Duration::from_secs(60);
pub const FAILED_TTL: Duration = Duration::from_secs(10);
/// A name that could not be renewed for so long may be somebody else's by now.
pub const STALE_MAX: Duration = Duration::from_secs(3600);
/// Questions that wait for NSS. It answers one after the other; more only get older.
const REQUESTS_MAX: usize = 256;
/// Answers between two ticks; when full the resolver waits, not the pipeline.
const ANSWERS_MAX: usize = 256;
/// "No id" in the kernel: an unset login uid, or the -1 of chown.
const NO_ID: u32 = u32::MAX;

/// What is known of the name of an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    Known(Arc<KnownName>),
    /// There is no such user or group.
    Absent,
    /// Asked for; a later record will know.
    Pending,
    /// It could not be learnt: the resolver hangs, fails, or has too much to do. Tried again.
    Unknown,
}

/// Users or groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sort {
    User = 0,
    Group = 1,
}

#[derive(Clone, Debug)]
pub struct NamesSettings {
    pub entries_max: usize,
    pub passwd: PathBuf,
    pub group: PathBuf,
    /// How often the two files are looked at.
    pub files_check: Duration,
}

impl Default for NamesSettings {
    fn default() -> Self {
        NamesSettings {
            entries_max: ENTRIES_MAX_DEFAULT,
            passwd: PathBuf::from("/etc/passwd"),
            group: PathBuf::from("/etc/group"),
            files_check: Duration::from_secs(1),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NamesCounters {
    /// Lookups answered by a name or an absence.
    pub hits: u64,
    /// Of these, from the local files.
    pub hits_local: u64,
    /// Lookups answered by "pending" and by "unknown".
    pub pending: u64,
    pub unknown: u64,
    /// Questions sent to the resolver, and its answers.
    pub asked: u64,
    pub answered: u64,
    /// Answers that only said that the resolver failed.
    pub failed: u64,
    /// Questions that were not answered in [`LOOKUP_WAIT_MAX`].
    pub timeouts: u64,
    /// Lookups whose question found no room in the queue.
    pub queue_full: u64,
    pub evicted: u64,
    /// Times that a local file was read anew.
    pub files_read: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum NamesError {
    #[error("cannot start the thread {thread}: {source}; is the limit of tasks reached?")]
    Thread {
        thread: &'static str,
        source: std::io::Error,
    },
}

/// The hot path's side. One owner, one thread.
pub struct Names {
    tables: [Table; 2],
    local: [files::Local; 2],
    local_news: Receiver<files::News>,
    /// Dropped with the rest, it ends the thread that watches the files.
    _watch_owner: SyncSender<files::Never>,
    requests: SyncSender<Request>,
    answers: Receiver<Answered>,
    /// As of the last tick: a clock read per lookup would cost as much as the lookup.
    now: Instant,
    counters: NamesCounters,
}

impl Names {
    /// Reads the local files and starts both threads, with NSS behind.
    pub fn start(settings: &NamesSettings) -> Result<Names, NamesError> {
        Names::start_with(settings, Nss)
    }

    pub fn start_with(
        settings: &NamesSettings,
        resolver: impl Resolver + 'static,
    ) -> Result<Names, NamesError> {
        let (requests, requests_in) = sync_channel(REQUESTS_MAX);
        let (answers_out, answers) = sync_channel(ANSWERS_MAX);
        let (news_out, local_news) = sync_channel(2);
        let (watch_owner, owner) = sync_channel(0);
        let (local, watch) = files::Watch::open(settings);
        watch.start(owner, news_out)?;
        resolver::start(resolver, requests_in, answers_out)?;
        Ok(Names {
            tables: [
                Table::new(settings.entries_max),
                Table::new(settings.entries_max),
            ],
            local,
            local_news,
            _watch_owner: watch_owner,
            requests,
            answers,
            now: Instant::now(),
            counters: NamesCounters {
                files_read: 2,
                ..NamesCounters::default()
            },
        })
    }

    pub fn lookup_user(&mut self, uid: u32) -> Name {
        self.lookup(Sort::User, uid)
    }

    pub fn lookup_group(&mut self, gid: u32) -> Name {
        self.lookup(Sort::Group, gid)
    }

    /// Takes in what the threads found out since. Call it for each batch of events.
    pub fn tick(&mut self, now: Instant) {
        self.now = now;
        while let Ok(news) = self.local_news.try_recv() {
            self.local[news.sort as usize] = news.local;
            self.counters.files_read += 1;
        }
        while let Ok(Answered { request, answer }) = self.answers.try_recv() {
            self.counters.answered += 1;
            self.counters.failed += u64::from(answer == Answer::Failed);
            self.tables[request.sort as usize].answered(request.id, answer, now);
        }
    }

    pub fn counters(&self) -> NamesCounters {
        let [users, groups] = &self.tables;
        NamesCounters {
            evicted: users.evicted() + groups.evicted(),
            timeouts: users.timeouts() + groups.timeouts(),
            ..self.counters
        }
    }

    fn lookup(&mut self, sort: Sort, id: u32) -> Name {
        if id == NO_ID {
            return Name::Absent;
        }
        if let Some(name) = self.local[sort as usize].get(id) {
            self.counters.hits += 1;
            self.counters.hits_local += 1;
            return Name::Known(name.clone());
        }
        let requests = &self.requests;
        let counters = &mut self.counters;
        let name = self.tables[sort as usize].lookup(id, self.now, || {
            match requests.try_send(Request { sort, id }) {
                Ok(()) => {
                    counters.asked += 1;
                    Asked::Sent
                }
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                    counters.queue_full += 1;
                    Asked::Refused
                }
            }
        });
        match name {
            Name::Known(_) | Name::Absent => counters.hits += 1,
            Name::Pending => counters.pending += 1,
            Name::Unknown => counters.unknown += 1,
        }
        name
    }
}
