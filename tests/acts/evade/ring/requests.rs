//! What is asked of a ring, and how.

use std::ffi::CString;
use std::os::fd::IntoRawFd;
use std::path::Path;

use super::{ENTRIES, FEATURE_CQE_SKIP, Ring, SETUP_SQPOLL, Submission, wait_until_open};
use crate::Words;

const OP_NOP: u8 = 0;
const OP_CONNECT: u8 = 16;
const OP_OPENAT: u8 = 18;
const OP_RENAMEAT: u8 = 35;
const OP_UNLINKAT: u8 = 36;
const OP_MKDIRAT: u8 = 37;
const OP_SYMLINKAT: u8 = 38;
const OP_LINKAT: u8 = 39;
const OP_FSETXATTR: u8 = 41;
const OP_SETXATTR: u8 = 42;
const SQE_IO_LINK: u8 = 1 << 2;
const SQE_ASYNC: u8 = 1 << 4;
const SQE_CQE_SKIP_SUCCESS: u8 = 1 << 6;
const REGISTER_FILES: u32 = 2;
const REGISTER_PERSONALITY: u32 = 9;
/// Of the request itself; of others 0.
const USER_DATA: u64 = 0x1_0000_0001;
const NOBODY: u32 = 65534;

/// Memory that a request points into lives as long as the process.
fn kept(string: CString) -> u64 {
    string.into_raw() as u64
}

fn at_cwd(opcode: u8, name: CString) -> Submission {
    Submission {
        opcode,
        fd: libc::AT_FDCWD,
        address: kept(name),
        user_data: USER_DATA,
        ..Submission::default()
    }
}

/// `open PATH FLAGS | unlink PATH FLAGS | mkdir PATH MODE | rename OLD NEW FLAGS | link OLD NEW FLAGS |
/// symlink TARGET PATH | setxattr PATH NAME VALUE | fsetxattr PATH NAME VALUE |
/// connect ADDRESS FLAGS` (those of a TCP socket)
fn request(words: &mut Words) -> Submission {
    let (name, first) = (words.bytes(), words.c_string());
    let two = |opcode, first, words: &mut Words| Submission {
        length: libc::AT_FDCWD.cast_unsigned(),
        offset: kept(words.c_string()),
        ..at_cwd(opcode, first)
    };
    match &*name {
        b"open" => Submission {
            open_flags: words.number(),
            ..at_cwd(OP_OPENAT, first)
        },
        b"unlink" => Submission {
            open_flags: words.number(),
            ..at_cwd(OP_UNLINKAT, first)
        },
        b"mkdir" => Submission {
            length: words.number(),
            ..at_cwd(OP_MKDIRAT, first)
        },
        b"rename" => {
            let names = two(OP_RENAMEAT, first, words);
            Submission {
                open_flags: words.number(),
                ..names
            }
        }
        b"link" => {
            let names = two(OP_LINKAT, first, words);
            Submission {
                open_flags: words.number(),
                ..names
            }
        }
        b"symlink" => Submission {
            length: 0,
            ..two(OP_SYMLINKAT, first, words)
        },
        b"setxattr" => Submission {
            fd: 0,
            third_address: kept(first),
            ..attribute(OP_SETXATTR, words)
        },
        b"fsetxattr" => {
            // SAFETY: a string and a number; it stays open.
            let fd = unsafe { libc::open(first.as_ptr(), libc::O_RDONLY) };
            assert!(fd >= 0, "{}", std::io::Error::last_os_error());
            Submission {
                fd,
                ..attribute(OP_FSETXATTR, words)
            }
        }
        b"connect" => {
            let server = first.to_str().expect("UTF-8").parse().expect("an address");
            let (address, size) = crate::sockets::raw(server);
            Submission {
                opcode: OP_CONNECT,
                fd: crate::sockets::tcp(words.number().cast_signed()).into_raw_fd(),
                address: (&raw const *Box::leak(Box::new(address))).addr() as u64,
                offset: size.into(),
                user_data: USER_DATA,
                ..Submission::default()
            }
        }
        other => panic!("no such request: {other:?}"),
    }
}

fn attribute(opcode: u8, words: &mut Words) -> Submission {
    let (name, value) = (words.c_string(), words.c_string());
    Submission {
        length: u32::try_from(value.as_bytes().len()).expect("short"),
        offset: kept(value),
        ..at_cwd(opcode, name)
    }
}

fn nothing() -> Submission {
    Submission {
        opcode: OP_NOP,
        ..Submission::default()
    }
}

/// An open that fails, and takes what is linked to it along without a completion.
fn failing() -> Submission {
    Submission {
        flags: SQE_IO_LINK | SQE_CQE_SKIP_SUCCESS,
        user_data: 0,
        ..at_cwd(OP_OPENAT, c"/nowhere/at/all".to_owned())
    }
}

/// `ring HOW REQUEST…`; HOW: words joined by commas. `plain`; `sqpoll` (a thread of the kernel takes
/// it up), `async` (a worker does it), `skip` (a success makes no completion), `fails` (so one is
/// waited for all the same), `direct` (opened into the ring's own table), `full` (completions have no
/// room), `opens` (`f` in a directory, before it is renamed and after that), `cancelled` (by what it is linked to; prints 0), `personality` (as who we were, being nobody
/// by now). ENOSYS: this kernel has it not.
pub fn ring(words: &mut Words) {
    let how = String::from_utf8(words.bytes()).expect("UTF-8");
    let is = |what: &str| how.split(',').any(|word| word == what);
    let is_open = words.peek() == Some(b"open");
    let path = Path::new(words.peek_at(1)).to_owned();
    let second = words.peek_at(2).to_owned();
    let (sqpoll, skip) = (is("sqpoll"), is("skip"));
    let mut request = request(words);
    let ring = Ring::new(u32::from(sqpoll) * SETUP_SQPOLL);
    if (skip || is("cancelled")) && ring.params.features & FEATURE_CQE_SKIP == 0 {
        println!("{}", libc::ENOSYS);
        return;
    }
    request.flags = (u8::from(skip) * SQE_CQE_SKIP_SUCCESS) | (u8::from(is("async")) * SQE_ASYNC);
    if is("direct") {
        let none = -1i32;
        ring.register(REGISTER_FILES, (&raw const none).cast(), 1);
        request.file_index = 1;
    }
    if is("personality") {
        let id = ring.register(REGISTER_PERSONALITY, std::ptr::null(), 0);
        request.personality = u16::try_from(id).expect("a small number");
        // SAFETY: numbers.
        assert_eq!(unsafe { libc::setresuid(NOBODY, NOBODY, NOBODY) }, 0);
    }
    if is("full") {
        // Twice as many completions as entries have room.
        for _ in 0..2 {
            let nothings = std::iter::repeat_with(nothing).take(ENTRIES as usize);
            ring.submit(nothings.collect(), sqpoll);
        }
    }
    if is("cancelled") {
        ring.submit(vec![failing(), request], sqpoll);
        assert_eq!(ring.result(0), -libc::ENOENT);
        println!("0");
        return;
    }
    if is("opens") {
        let _ = std::fs::File::open(path.join("f"));
    }
    ring.submit(vec![request], sqpoll);
    let result = match skip && !is("fails") {
        true => 0,
        false => ring.result(USER_DATA),
    };
    if result < 0 {
        println!("{}", -result);
        return;
    }
    if is("opens") {
        let _ = std::fs::File::open(Path::new(&second).join("f"));
    }
    if is_open && !is("direct") {
        wait_until_open(&path);
    }
    println!("0");
}
