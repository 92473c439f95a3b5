//! Many opens of one process, and what it says of them itself.

use std::fmt::Write as _;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{behind, c_path, object, opened, tried};
use crate::Words;

/// `open-many COUNT PATH FLAGS`: prints how often it got what the name means at the end.
pub fn open_many(words: &mut Words) {
    let (count, path) = (words.number(), words.path());
    let (name, flags) = (c_path(Path::new(&path)), words.number().cast_signed());
    let mut objects = Vec::new();
    for _ in 0..count {
        objects.push(behind(opened(&name, flags).as_raw_fd()));
    }
    let wanted = object(Path::new(&path));
    objects.retain(|object| *object == wanted);
    println!("{}", objects.len());
}

/// `without-room COUNT PATH`: so many opens of PATH for which there is no descriptor left. Prints how many failed so.
pub fn without_room(words: &mut Words) {
    let (count, path) = (words.number(), words.path());
    let name = c_path(Path::new(&path));
    let none = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the structure lives as long as the call.
    let limited = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const none) };
    assert_eq!(limited, 0, "{}", std::io::Error::last_os_error());
    let failed = (0..count).filter(|_| tried(&name, libc::O_RDONLY).err() == Some(libc::EMFILE));
    println!("{}", failed.count());
}

/// Numbers that look like chance and are the same each time (xorshift).
struct Dice(u32);

impl Dice {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % bound
    }
}

/// `mixture SEED SECONDS RATE DIR FILES`: opens of DIR/0, DIR/1 and so on and of names that are not
/// there, to read, to write and both, RATE a second. Prints a line for each: its flags, its name in
/// DIR and its errno.
pub fn mixture(words: &mut Words) {
    let mut dice = Dice(words.number());
    let (seconds, rate) = (words.number(), words.number());
    let (dir, files) = (words.path(), words.number());
    let (begin, each) = (Instant::now(), Duration::from_secs(1) / rate);
    let mut log = String::new();
    for number in 0..seconds * rate {
        let name = match dice.below(5) {
            0 => format!("missing-{}", dice.below(files)),
            _ => dice.below(files).to_string(),
        };
        let flags = [libc::O_RDONLY, libc::O_WRONLY, libc::O_RDWR][dice.below(3) as usize];
        let result = tried(&c_path(&Path::new(&dir).join(&name)), flags);
        let errno = result.err().unwrap_or(0);
        writeln!(log, "{flags} {name} {errno}").expect("a string grows");
        // A pace, not a condition: what is compared must not overflow the rings.
        let due = begin + each * (number + 1);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    print!("{log}");
}
