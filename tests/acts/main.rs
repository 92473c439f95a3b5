//! `audit-acts`: odd acts for the tests, one process each.
//!
//! Owns the acts. Must not: judge what came of them; an act that the kernel refuses prints the
//! errno's number and exits with 0.
//!
//! What to do stands on standard input, words ended by NUL: any bytes can be said, and the exec of
//! this program itself mentions nothing of the test. First come steps, then one act:
//!
//! ```text
//! steps   chdir DIR | cpu | often COUNT PATH FLAGS | move OLD NEW | lose DIR | descend LEVELS NAME
//!         chroot DIR | apart | bind DIR | uid UID | gid GID | login-uid UID
//!         set NAME=VALUE | clear | write FILE (and keep it open)
//!         enter GROUP/cgroup.procs    umask MODE              run COUNT FILE ARG… (and wait for its end)
//!         by-32-bit | by-old-32-bit (calls of acts on files; those with a newer kin of wider arguments)
//! acts    exec FILE ARG…             execvp NAME ARG…           exec-null-argv FILE
//!         exec-with FILE NAME=VALUE…
//!         exec-bad-file              exec-bad-argv FILE         exec-at DIR NAME ARG…
//!         exec-empty FILE ARG…       exec-at-flags FILE         exec-memfd NAME FILE ARG…
//!         exec-memfd-path NAME FILE ARG…                        exec-unlinked FILE ARG…
//!         exec-from-thread THREADS FILE ARG…                    vfork FILE ARG…
//!         posix-spawn FILE ARG…      spawn-many THREADS EACH FILE TAG
//!         fail-many THREADS EACH FILE                           fork-many THREADS EACH
//!         exit CODE                  raise SIGNAL               exit-among THREADS CODE
//!         leader-first THREADS CODE
//!         open PATH FLAGS MODE       creat PATH MODE            openat DIR PATH FLAGS MODE
//!         openat2 DIR PATH FLAGS MODE RESOLVE                   reopen PATH FLAGS
//!         open-by-handle PATH FLAGS  open-shared PATH FLAGS
//!         open-many-by-handle COUNT PATH FLAGS
//!         call NAME COUNT ARGUMENT… is a step; it and the acts of `privilege` are described there
//!         and the calls of `names`, `attributes`, `times` and `roots`, with their arguments in their order
//!         and those of evade/, `sockets` and `beside`, each described there
//!         become FILE (which is told the words that are left)
//! ```

mod attributes;
mod beside;
mod crowd;
mod entry;
mod evade;
mod files;
mod launch;
mod names;
mod old;
mod privilege;
mod roots;
mod sockets;
mod steps;
mod times;

use std::ffi::{CString, OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// The words not yet taken.
pub struct Words(std::vec::IntoIter<Vec<u8>>);

impl Words {
    fn read() -> Words {
        let mut input = Vec::new();
        std::io::stdin()
            .read_to_end(&mut input)
            .expect("standard input");
        assert_eq!(input.pop(), Some(0), "each word ends with NUL");
        let words: Vec<Vec<u8>> = input.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
        Words(words.into_iter())
    }

    pub fn bytes(&mut self) -> Vec<u8> {
        self.0.next().expect("one more word")
    }

    /// The next word, not taken.
    pub fn peek(&self) -> Option<&[u8]> {
        self.0.as_slice().first().map(Vec::as_slice)
    }

    /// The word that many behind that.
    pub fn peek_at(&self, place: usize) -> &OsStr {
        OsStr::from_bytes(self.0.as_slice().get(place).expect("more words"))
    }

    pub fn path(&mut self) -> OsString {
        OsString::from_vec(self.bytes())
    }

    pub fn c_string(&mut self) -> CString {
        CString::new(self.bytes()).expect("words have no NUL")
    }

    pub fn number(&mut self) -> u32 {
        let word = self.bytes();
        let text = OsStr::from_bytes(&word).to_str().expect("a number");
        text.parse().expect("a number")
    }

    pub fn rest(&mut self) -> Vec<CString> {
        let words = self.0.by_ref();
        words
            .map(|word| CString::new(word).expect("words have no NUL"))
            .collect()
    }
}

fn main() {
    let mut words = Words::read();
    let act = steps::all(&mut words);
    match act.as_slice() {
        b"exec" => launch::exec(&mut words),
        b"exec-with" => launch::with_environment(&mut words),
        b"execvp" => launch::execvp(&mut words),
        b"exec-null-argv" => launch::null_argv(&mut words),
        b"exec-bad-file" => launch::bad_file(),
        b"exec-bad-argv" => launch::bad_argv(&mut words),
        b"exec-at" => launch::at(&mut words),
        b"exec-empty" => launch::empty(&mut words),
        b"exec-at-flags" => launch::at_flags(&mut words),
        b"exec-memfd" => launch::memfd(&mut words),
        b"exec-memfd-path" => launch::memfd_path(&mut words),
        b"exec-unlinked" => launch::unlinked(&mut words),
        b"exec-from-thread" => launch::from_thread(&mut words),
        b"vfork" => launch::vfork(&mut words),
        b"become" => launch::become_other(&mut words),
        b"posix-spawn" => launch::posix_spawn(&mut words),
        b"spawn-many" => crowd::spawn_many(&mut words),
        b"fail-many" => crowd::fail_many(&mut words),
        b"fork-many" => crowd::fork_many(&mut words),
        b"open" => files::open(&mut words),
        b"creat" => files::creat(&mut words),
        b"openat" => files::openat(&mut words),
        b"openat2" => files::openat2(&mut words),
        b"reopen" => files::reopen(&mut words),
        b"open-by-handle" => files::open_by_handle(&mut words),
        b"open-many-by-handle" => files::open_many_by_handle(&mut words),
        b"open-shared" => files::open_shared(&mut words),
        b"exit" => crowd::exit(&mut words),
        b"raise" => crowd::raise(&mut words),
        b"exit-among" => crowd::exit_among(&mut words),
        b"sockets-by" => beside::act(&mut words),
        b"leader-first" => crowd::leader_first(&mut words),
        other => {
            let known = names::act(other, &mut words)
                || attributes::act(other, &mut words)
                || times::act(other, &mut words)
                || roots::act(other, &mut words)
                || privilege::act(other, &mut words)
                || sockets::act(other, &mut words)
                || evade::act(other, &mut words);
            assert!(known, "no act {:?}", OsStr::from_bytes(other));
        }
    }
}

/// Ends an act that the kernel refused.
pub fn refused() -> ! {
    let errno = std::io::Error::last_os_error()
        .raw_os_error()
        .expect("an errno");
    println!("{errno}");
    std::process::exit(0)
}
