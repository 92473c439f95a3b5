//! The thread that asks NSS, one question after the other.
//!
//! Owns the calls into libc. Must not be waited for: a module of NSS may hang as long as it likes
//! (a dead LDAP server), and then only this thread hangs with it.

use std::ffi::{CStr, c_char, c_int};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::thread;

use super::{KnownName, NamesError, Sort};

const THREAD: &str = "names-nss";
/// Enough for any user, and for a group of some ten members.
const BUFFER_BYTES: usize = 1024;
/// A group with 100,000 members has some 2 MiB of names.
const BUFFER_BYTES_MAX: usize = 8 * 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) sort: Sort,
    pub(super) id: u32,
}

#[derive(Debug)]
pub(super) struct Answered {
    pub(super) request: Request,
    pub(super) answer: Answer,
}

/// What a resolver says about an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Known(Arc<KnownName>),
    /// All sources were asked, and none has it.
    Absent,
    /// A source could not be asked.
    Failed,
}

/// Where names come from; tests bring resolvers that hang or fail.
pub trait Resolver: Send {
    fn resolve(&mut self, sort: Sort, id: u32) -> Answer;
}

/// The C library's name service switch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nss;

impl Resolver for Nss {
    fn resolve(&mut self, sort: Sort, id: u32) -> Answer {
        match sort {
            Sort::User => ask(|buffer| passwd_name(id, buffer)),
            Sort::Group => ask(|buffer| group_name(id, buffer)),
        }
    }
}

/// Answers until the questions or those who want the answers are gone.
pub(super) fn start(
    mut resolver: impl Resolver + 'static,
    requests: Receiver<Request>,
    answers: SyncSender<Answered>,
) -> Result<(), NamesError> {
    let serve = move || {
        for request in requests {
            let answer = resolver.resolve(request.sort, request.id);
            if answers.send(Answered { request, answer }).is_err() {
                return;
            }
        }
    };
    let thread = thread::Builder::new().name(THREAD.into()).spawn(serve);
    thread.map(drop).map_err(|source| NamesError::Thread {
        thread: THREAD,
        source,
    })
}

/// The name that a call left in its buffer, or its error number.
type Called = Result<Option<KnownName>, c_int>;

/// Calls with ever larger buffers.
fn ask(call: impl Fn(&mut Vec<u8>) -> Called) -> Answer {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match call(&mut buffer) {
            Ok(Some(name)) => return Answer::Known(Arc::new(name)),
            Ok(None) => return Answer::Absent,
            Err(libc::EINTR) => {}
            Err(libc::ERANGE) if buffer.len() < BUFFER_BYTES_MAX => {
                buffer.resize(buffer.len() * 4, 0);
            }
            // "Not found", as the manual lists it: some modules say it so.
            Err(libc::ENOENT | libc::ESRCH) => return Answer::Absent,
            Err(_) => return Answer::Failed,
        }
    }
}

fn passwd_name(uid: u32, buffer: &mut Vec<u8>) -> Called {
    let mut entry = MaybeUninit::<libc::passwd>::uninit();
    let mut found = ptr::null_mut();
    let (room, bytes) = (buffer.len(), buffer.as_mut_ptr().cast::<c_char>());
    // SAFETY: entry, buffer and found are ours and outlive the call; `room` is the buffer's size.
    let error = unsafe { libc::getpwuid_r(uid, entry.as_mut_ptr(), bytes, room, &mut found) };
    if error != 0 {
        return Err(error);
    }
    if found.is_null() {
        return Ok(None);
    }
    // SAFETY: on success with a result, libc has filled entry, and `found` points to it.
    let name = unsafe { (*found).pw_name };
    // SAFETY: pw_name is null or a C string within `buffer`, which is still borrowed.
    Ok(unsafe { copied(name) })
}

fn group_name(gid: u32, buffer: &mut Vec<u8>) -> Called {
    let mut entry = MaybeUninit::<libc::group>::uninit();
    let mut found = ptr::null_mut();
    let (room, bytes) = (buffer.len(), buffer.as_mut_ptr().cast::<c_char>());
    // SAFETY: entry, buffer and found are ours and outlive the call; `room` is the buffer's size.
    let error = unsafe { libc::getgrgid_r(gid, entry.as_mut_ptr(), bytes, room, &mut found) };
    if error != 0 {
        return Err(error);
    }
    if found.is_null() {
        return Ok(None);
    }
    // SAFETY: on success with a result, libc has filled entry, and `found` points to it.
    let name = unsafe { (*found).gr_name };
    // SAFETY: gr_name is null or a C string within `buffer`, which is still borrowed.
    Ok(unsafe { copied(name) })
}

/// # Safety
/// `name` must be null or point to a NUL-terminated string that stays as it is for this call.
unsafe fn copied(name: *const c_char) -> Option<KnownName> {
    if name.is_null() {
        return None;
    }
    // SAFETY: not null, and the caller promises the rest.
    KnownName::from_bytes(unsafe { CStr::from_ptr(name) }.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_grow_within_their_bound() {
        let sizes = std::cell::RefCell::new(Vec::new());
        let answer = ask(|buffer| {
            sizes.borrow_mut().push(buffer.len());
            if buffer.len() < 16 * 1024 {
                Err(libc::ERANGE)
            } else {
                Ok(None)
            }
        });
        assert_eq!(
            (answer, &**sizes.borrow()),
            (Answer::Absent, &[1024, 4096, 16384][..])
        );
        let calls = std::cell::Cell::new(0);
        let endless = ask(|_| {
            calls.set(calls.get() + 1);
            Err(libc::ERANGE)
        });
        assert_eq!((endless, calls.get()), (Answer::Failed, 8));
    }

    #[test]
    fn errors_are_failures_but_not_found_is_an_absence() {
        assert_eq!(ask(|_| Err(libc::EIO)), Answer::Failed);
        assert_eq!(ask(|_| Err(libc::EMFILE)), Answer::Failed);
        assert_eq!(ask(|_| Err(libc::ENOENT)), Answer::Absent);
        let calls = std::cell::Cell::new(0);
        let interrupted = ask(|_| {
            calls.set(calls.get() + 1);
            if calls.get() < 3 {
                Err(libc::EINTR)
            } else {
                Ok(KnownName::from_bytes(b"x"))
            }
        });
        assert!(matches!(interrupted, Answer::Known(name) if &**name == "x"));
    }

    #[test]
    fn the_c_library_knows_root_and_not_everybody() {
        for sort in [Sort::User, Sort::Group] {
            let Answer::Known(name) = Nss.resolve(sort, 0) else {
                panic!("no root")
            };
            assert_eq!(&**name, "root");
            assert_eq!(Nss.resolve(sort, 3_999_999_999), Answer::Absent);
        }
    }
}
