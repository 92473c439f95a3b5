//! Ways to touch a file unseen, each as small as it can be.
//!
//! Each prints 0 or the errno of the step that the kernel refused. An act that counts prints how
//! often it truly got the file: by what is behind its descriptor, not by the name that it said.

mod mix;
pub mod passing;
mod races;
pub mod ring;

use std::ffi::{CStr, CString, OsStr};
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::entry::syscall;
use crate::{Words, old, refused};

/// Does the act of this name; false if it is none of these.
pub fn act(name: &[u8], words: &mut Words) -> bool {
    match name {
        b"link-open" => link(words),
        b"link-many" => links(words),
        b"move-open" => moved(words),
        b"stay-away" => stays_away(words),
        b"carry-open" => carried(words),
        b"replace-open" => replace(words),
        b"fresh-many" => fresh(words),
        b"mount-open" => mount(words),
        b"pass-open" => passing::pass(words),
        b"ring" => ring::ring(words),
        b"swap-open" => races::swap(words),
        b"rewrite-open" => races::rewrite(words),
        b"dup-over" => races::dup_over(words),
        b"open-many" => mix::open_many(words),
        b"without-room" => mix::without_room(words),
        b"mixture" => mix::mixture(words),
        _ => return false,
    }
    true
}

/// Opens or ends the act with the errno.
fn opened(path: &CStr, flags: i32) -> OwnedFd {
    tried(path, flags).unwrap_or_else(|_| refused())
}

/// Opens by open(2) itself; the errno of a refusal.
fn tried(path: &CStr, flags: i32) -> Result<OwnedFd, i32> {
    // SAFETY: a string and numbers.
    let fd = unsafe { old::open(path.as_ptr(), flags, 0o600) };
    match i32::try_from(fd) {
        // SAFETY: open gave it to us, and nobody else has it.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(errno()),
    }
}

fn errno() -> i32 {
    let error = std::io::Error::last_os_error();
    error.raw_os_error().expect("an errno")
}

/// Waits for a child's end and gives its status.
pub fn ended(pid: libc::pid_t) -> i32 {
    let mut status = 0;
    // SAFETY: a status of our own; the child is ours and waited for only here.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!(waited, pid, "waitpid: {}", std::io::Error::last_os_error());
    status
}

/// Device and inode behind a descriptor.
fn behind(fd: i32) -> (u64, u64) {
    // SAFETY: all zeros are a value of this structure of numbers; the kernel fills it.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: a number and a structure of the right size.
    let done = unsafe { libc::fstat(fd, &raw mut stat) };
    assert_eq!(done, 0, "fstat: {}", std::io::Error::last_os_error());
    (stat.st_dev, stat.st_ino)
}

/// Device and inode of a name; asks without opening.
fn object(path: &Path) -> (u64, u64) {
    let meta = std::fs::metadata(path).expect("stat");
    (meta.dev(), meta.ino())
}

fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_encoded_bytes()).expect("no NUL")
}

fn ok_or_refused<T>(done: std::io::Result<T>) {
    if let Err(error) = done {
        println!("{}", error.raw_os_error().expect("an errno"));
        std::process::exit(0);
    }
}

/// `link-open FILE ALIAS FLAGS`: a new name, used at once.
fn link(words: &mut Words) {
    let (file, alias) = (words.path(), words.c_string());
    let flags = words.number().cast_signed();
    ok_or_refused(std::fs::hard_link(
        file,
        OsStr::new(alias.to_str().expect("UTF-8")),
    ));
    opened(&alias, flags);
    println!("0");
}

/// `link-many COUNT DIR AWAY FLAGS`: the same of DIR/NUMBER by AWAY/NUMBER, spread over many looks of a daemon.
fn links(words: &mut Words) {
    let (count, dir, away) = (words.number(), words.path(), words.path());
    let flags = words.number().cast_signed();
    for number in 0..count {
        let name = |dir: &OsStr| Path::new(dir).join(number.to_string());
        ok_or_refused(std::fs::hard_link(name(&dir), name(&away)));
        opened(&c_path(&name(&away)), flags);
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    println!("0");
}

/// `move-open DIR AWAY NAME FLAGS`: below another name while it is used.
fn moved(words: &mut Words) {
    let (dir, away, name) = (words.path(), words.path(), words.path());
    let flags = words.number().cast_signed();
    ok_or_refused(std::fs::rename(&dir, &away));
    let file = opened(&c_path(&Path::new(&away).join(name)), flags);
    let wrote = std::fs::File::from(file).write_all(b"written");
    ok_or_refused(std::fs::rename(&away, &dir));
    wrote.expect("write");
    println!("0");
}

/// `stay-away ROUNDS DIR AWAY NAME FLAGS`: the same, spread over many looks of a daemon. Without a name it is a
/// file that is moved.
fn stays_away(words: &mut Words) {
    let rounds = words.number();
    let (dir, away, name) = (words.path(), words.path(), words.path());
    let flags = words.number().cast_signed();
    ok_or_refused(std::fs::rename(&dir, &away));
    let mut file = Path::new(&away).to_owned();
    if !name.is_empty() {
        file.push(name);
    }
    for _ in 0..rounds {
        opened(&c_path(&file), flags);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    ok_or_refused(std::fs::rename(&away, &dir));
    println!("0");
}

/// `carry-open DIR NEW NAME FLAGS`: opened where it was, and again where its directory goes to, by the entry
/// that a step asks for.
fn carried(words: &mut Words) {
    let (dir, new, name) = (words.path(), words.path(), words.path());
    let flags = words.number().cast_signed();
    let open = |dir: &OsStr| {
        let path = c_path(&Path::new(dir).join(&name));
        // SAFETY: a string and numbers.
        if unsafe { syscall!(libc::SYS_open, path.as_ptr(), flags, 0) } < 0 {
            refused();
        }
    };
    let [from, to] = [&dir, &new].map(|path| c_path(Path::new(path)));
    open(&dir);
    // SAFETY: two strings.
    if unsafe { syscall!(libc::SYS_rename, from.as_ptr(), to.as_ptr()) } < 0 {
        refused();
    }
    open(&new);
    println!("0");
}

/// `replace-open ROUNDS TEMPORARY FILE FLAGS`: another file under the name, opened at once.
fn replace(words: &mut Words) {
    let (rounds, temporary, file) = (words.number(), words.path(), words.c_string());
    let flags = words.number().cast_signed();
    for _ in 0..rounds {
        std::fs::write(&temporary, b"new").expect("write");
        let to = OsStr::new(file.to_str().expect("UTF-8"));
        ok_or_refused(std::fs::rename(&temporary, to));
        opened(&file, flags);
    }
    println!("0");
}

/// `fresh-many COUNT DIR SUB NAME`: new directories DIR/NUMBER/SUB, in each a new file that is
/// opened again.
fn fresh(words: &mut Words) {
    let (count, dir, sub, name) = (words.number(), words.path(), words.path(), words.path());
    for number in 0..count {
        let place = Path::new(&dir).join(number.to_string());
        std::fs::create_dir(&place).expect("mkdir");
        let deep = place.join(&sub);
        if deep != place.join("") {
            std::fs::create_dir_all(&deep).expect("mkdir");
        }
        let file = c_path(&deep.join(&name));
        opened(&file, libc::O_CREAT | libc::O_EXCL | libc::O_WRONLY);
        opened(&file, libc::O_RDONLY);
    }
    println!("0");
}

/// `mount-open HOW SOURCE TARGET NAME FLAGS`: SOURCE is bound to TARGET and TARGET/NAME opened. HOW:
/// `here`, in this mount namespace, and taken away after; `apart`, in one of its own; `chroot`, in
/// one of its own with the parent of TARGET as root.
fn mount(words: &mut Words) {
    let (how, source, target) = (words.bytes(), words.c_string(), words.c_string());
    let (name, flags) = (words.path(), words.number().cast_signed());
    if how != b"here" {
        // SAFETY: numbers and constant strings.
        let apart = unsafe {
            let private = libc::MS_REC | libc::MS_PRIVATE;
            libc::unshare(libc::CLONE_NEWNS) == 0
                && libc::mount(
                    std::ptr::null(),
                    c"/".as_ptr(),
                    std::ptr::null(),
                    private,
                    std::ptr::null(),
                ) == 0
        };
        if !apart {
            refused();
        }
    }
    let (none, bind) = (std::ptr::null(), libc::MS_BIND);
    // SAFETY: strings that outlive the call, and null where nothing is asked for.
    let bound = unsafe { libc::mount(source.as_ptr(), target.as_ptr(), none, bind, none.cast()) };
    if bound != 0 {
        refused();
    }
    let mut at = Path::new(target.to_str().expect("UTF-8")).to_owned();
    if how == b"chroot" {
        std::os::unix::fs::chroot(at.parent().expect("a parent")).expect("chroot");
        at = Path::new("/").join(at.file_name().expect("a name"));
    }
    let result = tried(&c_path(&at.join(name)), flags).map(|fd| fd.as_raw_fd());
    if how == b"here" {
        // SAFETY: a string and a number. The descriptor was closed above.
        let gone = unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) };
        assert_eq!(gone, 0, "umount: {}", std::io::Error::last_os_error());
    }
    println!("{}", result.err().unwrap_or(0));
}
