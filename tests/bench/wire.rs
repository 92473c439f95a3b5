//! Events as the kernel programs would write them, for stages that are fed without a kernel.
//!
//! Owns the made-up command lines and processes. The mix is of what servers run: short commands,
//! long compiler lines, a script, one password in [`COMMANDS`]. Must not know what becomes of them.

use std::collections::HashSet;

use audit_common::{
    Header, Kind, Lane,
    events::{TAIL_BYTES, Tail, tag},
    exec::{Exec, flag},
    exit::Exit,
    fork::Fork,
    header::{UNSET, WIRE_VERSION, flag as header_flag},
};
use zerocopy::{FromZeros, IntoBytes};

/// Executed file, working directory, arguments.
type Command = (&'static str, &'static str, &'static [&'static str]);

const COMMANDS: &[Command] = &[
    (
        "/usr/bin/dash",
        "/",
        &["sh", "-c", "uptime; df -h | grep -v tmpfs"],
    ),
    (
        "/usr/bin/git",
        "/srv/app",
        &["git", "fetch", "--prune", "--tags", "origin"],
    ),
    (
        "/usr/bin/grep",
        "/var/log",
        &["grep", "-rn", "--include=*.log", "timeout", "."],
    ),
    (
        "/usr/bin/ps",
        "/root",
        &["ps", "-eo", "pid,ppid,user,rss,args", "--sort=-rss"],
    ),
    (
        "/usr/bin/systemctl",
        "/",
        &["systemctl", "is-active", "--quiet", "nginx.service"],
    ),
    (
        "/usr/bin/find",
        "/tmp",
        &[
            "find", "/tmp", "-xdev", "-type", "f", "-mtime", "+7", "-delete",
        ],
    ),
    (
        "/usr/bin/awk",
        "/home/deploy",
        &["awk", "-F:", "$3 >= 1000 {print $1}", "/etc/passwd"],
    ),
    (
        "/usr/bin/curl",
        "/",
        &[
            "curl",
            "-fsS",
            "--retry",
            "3",
            "-H",
            "Accept: application/json",
            "https://api.internal.example.org/v1/health?verbose=1",
        ],
    ),
    (
        "/usr/bin/mysqldump",
        "/var/backups",
        &[
            "mysqldump",
            "--single-transaction",
            "-h",
            "db1",
            "--password=correct-horse",
            "shop",
        ],
    ),
    (
        "/usr/bin/python3.11",
        "/opt/jobs",
        &[
            "python3",
            "/opt/jobs/nightly/report.py",
            "--since",
            "2026-11-01",
            "--out",
            "/srv/reports",
        ],
    ),
    (
        "/usr/bin/x86_64-linux-gnu-gcc-12",
        "/srv/build/obj",
        &[
            "gcc",
            "-O2",
            "-g",
            "-Wall",
            "-Wextra",
            "-fPIC",
            "-DNDEBUG",
            "-I../include",
            "-I../deps",
            "-MMD",
            "-MF",
            "net/socket.d",
            "-c",
            "../src/net/socket.c",
            "-o",
            "net/socket.o",
        ],
    ),
    (
        "/usr/lib/jvm/java-17/bin/java",
        "/opt/search",
        &[
            "java",
            "-Xms2g",
            "-Xmx2g",
            "-XX:+UseG1GC",
            "-XX:MaxGCPauseMillis=50",
            "-server",
            "-Djava.io.tmpdir=/var/tmp/search",
            "-Dfile.encoding=UTF-8",
            "-cp",
            "/opt/search/lib/core.jar:/opt/search/lib/net.jar:/opt/search/lib/log.jar",
            "org.example.search.Main",
            "--config",
            "/etc/search/search.yml",
        ],
    ),
];

/// Processes that execute, and as many shells that they are children of, in the stream's execs.
const RESIDENTS: u32 = 4096;
const PARENTS: u32 = 64;
const FIRST_TGID: u32 = 1000;
/// As kernel.pid_max has it by default.
const TGIDS: u32 = 31_000;
const NS_PER_MS: u64 = 1_000_000;

/// One event without its tails, and those.
struct Template {
    event: Exec,
    tails: Vec<u8>,
}

/// Makes events with consecutive numbers.
pub struct Stream {
    templates: Vec<Template>,
    number: u64,
    /// Processes made so far.
    processes: u64,
    time_ns: u64,
}

impl Stream {
    /// Events of CPU 0, from this boot time on.
    pub fn new(time_ns: u64) -> Stream {
        let templates = COMMANDS.iter().map(template).collect();
        Stream {
            templates,
            number: 0,
            processes: 0,
            time_ns,
        }
    }

    pub fn set_time(&mut self, time_ns: u64) {
        self.time_ns = self.time_ns.max(time_ns);
    }

    /// Forks of the processes that [`Stream::exec`] is about.
    pub fn residents(&mut self, mut each: impl FnMut(&[u8])) {
        for index in 0..RESIDENTS {
            let fork = self.fork_of(FIRST_TGID + index, resident_start_ns(index));
            each(fork.as_bytes());
        }
    }

    /// The next exec, by one of the residents.
    pub fn exec(&mut self, into: &mut Vec<u8>) {
        let index = (self.number % u64::from(RESIDENTS)) as u32;
        self.exec_of(FIRST_TGID + index, resident_start_ns(index), into);
    }

    /// A whole life, as three entries: fork, exec, exit.
    pub fn life(&mut self, into: &mut Vec<u8>, mut entry_ends: impl FnMut(&Vec<u8>)) {
        let (tgid, start_ns) = self.newcomer();
        let fork = self.fork_of(tgid, start_ns);
        into.extend_from_slice(fork.as_bytes());
        entry_ends(into);
        self.exec_of(tgid, start_ns, into);
        entry_ends(into);
        let header = self.header::<Exit>(Kind::Exit, tgid, start_ns, 0);
        into.extend_from_slice(
            Exit {
                header,
                ..Exit::new_zeroed()
            }
            .as_bytes(),
        );
        entry_ends(into);
    }

    /// A process that is made, executes and stays.
    pub fn stay(&mut self, into: &mut Vec<u8>, mut entry_ends: impl FnMut(&Vec<u8>)) {
        let (tgid, start_ns) = self.newcomer();
        let fork = self.fork_of(tgid, start_ns);
        into.extend_from_slice(fork.as_bytes());
        entry_ends(into);
        self.exec_of(tgid, start_ns, into);
        entry_ends(into);
    }

    fn newcomer(&mut self) -> (u32, u64) {
        self.processes += 1;
        let tgid = FIRST_TGID + (self.processes % u64::from(TGIDS)) as u32;
        (tgid, self.time_ns + self.processes * NS_PER_MS)
    }

    fn fork_of(&mut self, tgid: u32, start_ns: u64) -> Fork {
        let parent_tgid = 100 + tgid % PARENTS;
        let header = self.header::<Fork>(Kind::Fork, tgid, start_ns, 0);
        Fork {
            header,
            parent_start_ns: NS_PER_MS,
            parent_tgid,
            maker_start_ns: NS_PER_MS,
            maker_tgid: parent_tgid,
            ..Fork::new_zeroed()
        }
    }

    fn exec_of(&mut self, tgid: u32, start_ns: u64, into: &mut Vec<u8>) {
        let which = (self.number % self.templates.len() as u64) as usize;
        let tails_bytes = self.templates[which].tails.len();
        let header = self.header::<Exec>(Kind::Exec, tgid, start_ns, tails_bytes);
        let Template { event, tails } = &self.templates[which];
        let header = Header {
            comm: event.header.comm,
            ..header
        };
        let parent_tgid = 100 + tgid % PARENTS;
        let event = Exec {
            header,
            parent_tgid,
            parent_start_ns: NS_PER_MS,
            ..*event
        };
        into.extend_from_slice(event.as_bytes());
        into.extend_from_slice(tails);
    }

    fn header<T>(&mut self, kind: Kind, tgid: u32, start_ns: u64, tails_bytes: usize) -> Header {
        self.number += 1;
        self.time_ns += 1;
        Header {
            size: (size_of::<T>() + tails_bytes) as u32,
            kind: kind as u16,
            version: WIRE_VERSION,
            lane: Lane::Critical as u8,
            number: self.number,
            time_ns: self.time_ns,
            start_ns,
            cgroup: 1,
            tgid,
            tid: tgid,
            flags: header_flag::HOST_ROOT
                | header_flag::HOST_USER_NS
                | header_flag::HOST_PID_NS
                | header_flag::HOST_MNT_NS,
            login_uid: UNSET,
            session: UNSET,
            ..Header::new_zeroed()
        }
    }
}

fn resident_start_ns(index: u32) -> u64 {
    u64::from(index + 1) * 10 * NS_PER_MS
}

fn template((file, directory, arguments): &Command) -> Template {
    let mut tails = Vec::new();
    let argv: Vec<u8> = arguments
        .iter()
        .flat_map(|word| word.bytes().chain([0]))
        .collect();
    push_tail(&mut tails, tag::EXE, &walk(file));
    push_tail(&mut tails, tag::CWD, &walk(directory));
    push_tail(&mut tails, tag::FILENAME, file.as_bytes());
    push_tail(&mut tails, tag::ARGV, &argv);
    push_tail(&mut tails, tag::TTY, b"pts3");
    let name = file.rsplit('/').next().unwrap_or(file);
    let mut comm = [0; 16];
    for (to, byte) in comm.iter_mut().take(15).zip(name.bytes()) {
        *to = byte;
    }
    let event = Exec {
        header: Header {
            comm,
            ..Header::new_zeroed()
        },
        file_ino: 262_144 + u64::from(name.as_bytes()[0]),
        file_dev: 8 << 20 | 1,
        file_mode: 0o100_755,
        file_links: 1,
        fs_magic: 0xef53,
        flags: flag::BEFORE | flag::ON_ROOT_FS,
        argc: arguments.len() as u32,
        namespace_pid: 1,
        ..Exec::new_zeroed()
    };
    Template { event, tails }
}

/// A path as the kernel walks it: names from the leaf on, each after its length.
fn walk(path: &str) -> Vec<u8> {
    let names = path.split('/').rev().filter(|name| !name.is_empty());
    names
        .flat_map(|name| std::iter::once(name.len() as u8).chain(name.bytes()))
        .collect()
}

fn push_tail(tails: &mut Vec<u8>, tag: u16, bytes: &[u8]) {
    let length = bytes.len() as u32;
    let tail = Tail {
        tag,
        flags: 0,
        stored: length,
        original: length,
    };
    debug_assert_eq!(tail.as_bytes().len(), TAIL_BYTES);
    tails.extend_from_slice(tail.as_bytes());
    tails.extend_from_slice(bytes);
}

/// Different command lines in the mix.
pub fn distinct() -> usize {
    COMMANDS
        .iter()
        .map(|(file, ..)| file)
        .collect::<HashSet<_>>()
        .len()
}

#[cfg(test)]
mod tests {
    use audit_daemon::decode::{Event, decode};

    use super::*;

    #[test]
    fn a_life_decodes_to_its_three_events_with_consecutive_numbers() {
        let (mut bytes, mut ends) = (Vec::new(), vec![0]);
        let mut stream = Stream::new(7);
        stream.life(&mut bytes, |bytes| ends.push(bytes.len()));
        let entries: Vec<&[u8]> = ends
            .windows(2)
            .map(|pair| &bytes[pair[0]..pair[1]])
            .collect();
        let [fork, exec, exit] = entries[..] else {
            panic!("{} entries", entries.len())
        };
        let Ok(Event::Fork(fork)) = decode(fork) else {
            panic!("no fork")
        };
        let Ok(Event::Exec(exec, tails)) = decode(exec) else {
            panic!("no exec")
        };
        let Ok(Event::Exit(exit)) = decode(exit) else {
            panic!("no exit")
        };
        assert_eq!(
            [fork.header.number, exec.header.number, exit.header.number],
            [1, 2, 3]
        );
        assert_eq!(fork.header.tgid, exit.header.tgid);
        assert_eq!(tails.exe.unwrap().bytes, b"\x03git\x03bin\x03usr");
        assert_eq!(
            tails.argv.unwrap().bytes,
            b"git\0fetch\0--prune\0--tags\0origin\0"
        );
    }

    #[test]
    fn every_command_is_another_program() {
        assert_eq!(distinct(), COMMANDS.len());
    }
}
