//! What an act is called: names, numbers and words out of its values.
//!
//! Owns these readings. Must not look anything up: same event, same words.

use audit_common::privilege::{NO_VALUE, Privilege, call, flag, namespace};

use super::names;
use crate::{
    decode::{Part, Tails},
    record::{
        Clock, KernelAct, KernelObject, Module, PrivilegeAct,
        names::{Code, signal},
        view::{Fact, FileView, Inode, Source, Text},
    },
    recorder::path,
};

const NS_PER_S: i64 = 1_000_000_000;
const ADJ_SETOFFSET: u64 = 0x100;

/// The words of one act, for a view to borrow.
pub struct Told {
    pub detail: Option<String>,
    name: Vec<u8>,
    path: Vec<u8>,
    kind: Option<String>,
    clock: Option<Clock>,
}

impl Told {
    /// `now_utc_ns`: by the clock as it was.
    pub fn of(event: &Privilege, tails: &Tails<'_>, now_utc_ns: i64) -> Told {
        let text = tails.text.map_or(&[][..], |part| part.bytes);
        let mut path = Vec::new();
        if let Some(file) = &tails.file {
            path::join(file, &mut path);
        }
        let is_program = matches!(event.call, call::BPF_LOAD | call::BPF_ATTACH);
        Told {
            detail: detail(event, tails),
            name: name(event, text),
            path,
            kind: (is_program && (tails.text.is_some() || event.errno != 0))
                .then(|| names::program_type(event.values[0])),
            clock: clock(event, now_utc_ns),
        }
    }

    /// The act on the kernel that it is.
    pub fn act<'a>(&'a self, event: &Privilege, tails: &Tails<'a>) -> PrivilegeAct<'a> {
        if (call::INIT_MODULE..=call::DELETE_MODULE).contains(&event.call) {
            return PrivilegeAct::Module {
                loads: event.call != call::DELETE_MODULE,
                module: self.module(event, tails),
            };
        }
        let object = match event.call {
            call::UNSHARE | call::CLONE => KernelObject::MadeNamespaces {
                user: makes_user(event),
            },
            call::SETNS => KernelObject::EnteredNamespaces,
            call::BPF_LOAD => KernelObject::LoadedProgram,
            call::BPF_ATTACH => KernelObject::AttachedProgram,
            call::KEXEC_LOAD | call::KEXEC_FILE_LOAD => KernelObject::Kexec,
            call::SETTIMEOFDAY..=call::CLOCK_ADJTIME => KernelObject::Clock,
            call::SETHOSTNAME | call::SETDOMAINNAME => KernelObject::HostName,
            call::PERF_OPEN => KernelObject::PerfEvent,
            call::USERFAULTFD => KernelObject::FaultHandler,
            call::SWAPON => KernelObject::SwapOn,
            call::SWAPOFF => KernelObject::SwapOff,
            _ => KernelObject::Reboot,
        };
        let change = match (object, tails.old_text, tails.text) {
            (KernelObject::HostName, Some(old), Some(new)) => Some((text(&old), text(&new))),
            _ => None,
        };
        PrivilegeAct::Kernel(KernelAct {
            object,
            name: Text {
                source: source(event),
                ..Text::whole(&self.name)
            },
            kind: self.kind.as_deref(),
            path: self.path(event, tails),
            system_call: names::system_call(event),
            change,
            clock: self.clock,
        })
    }

    fn path<'a>(&'a self, event: &Privilege, tails: &Tails<'a>) -> Fact<Text<'a>> {
        if matches!(event.call, call::SWAPON | call::SWAPOFF) {
            let path = tails.text.filter(|part| !part.unreadable());
            return path.map_or(Fact::Unknown, |part| {
                Fact::Known(Text {
                    source: Source::AsGiven,
                    ..text(&part)
                })
            });
        }
        match self.path.is_empty() {
            true => Fact::Absent,
            false => Fact::Known(Text::whole(&self.path)),
        }
    }

    fn module<'a>(&'a self, event: &Privilege, tails: &Tails<'a>) -> Module<'a> {
        if event.flags & flag::OBJECT != 0 {
            let unproven = event.flags & flag::UNPROVEN != 0;
            return Module::File(FileView {
                path: Text {
                    source: if unproven {
                        Source::Unproven
                    } else {
                        Source::Kernel
                    },
                    ..Text::whole(&self.path)
                },
                inode: Fact::Known(Inode {
                    major: event.dev >> 20,
                    minor: event.dev & 0xf_ffff,
                    number: event.ino,
                    mode: event.mode,
                }),
                ..FileView::default()
            });
        }
        match tails.text {
            Some(part) if !part.bytes.is_empty() => Module::Name(Text {
                source: match event.call {
                    call::DELETE_MODULE => Source::AsGiven,
                    _ => Source::Kernel,
                },
                ..text(&part)
            }),
            _ => Module::Unknown,
        }
    }
}

/// How the name was learnt.
fn source(event: &Privilege) -> Source {
    match event.flags & flag::TOLD != 0 {
        true => Source::AsGiven,
        false => Source::Kernel,
    }
}

fn text<'a>(part: &Part<'a>) -> Text<'a> {
    Text {
        cut_from: part.truncated().then_some(part.original.into()),
        ..Text::whole(part.bytes)
    }
}

fn makes_user(event: &Privilege) -> bool {
    let [(_, user), ..] = namespace::NAMES;
    event.namespaces[0] != 0 || asked_for(event) & user != 0
}

/// Flags of the namespaces that were to be made or entered.
fn asked_for(event: &Privilege) -> u64 {
    match event.call {
        call::UNSHARE | call::SETNS => event.values[0],
        call::CLONE => event.values[1],
        _ => 0,
    }
}

/// What stands as the name of a thing of the kernel.
fn name(event: &Privilege, text: &[u8]) -> Vec<u8> {
    match event.call {
        call::UNSHARE | call::SETNS | call::CLONE => namespaces(event, text).into_bytes(),
        call::BPF_LOAD | call::BPF_ATTACH if text.is_empty() => b"unnamed".to_vec(),
        call::BPF_LOAD | call::BPF_ATTACH => text.to_vec(),
        call::KEXEC_LOAD | call::KEXEC_FILE_LOAD => b"kexec".to_vec(),
        call::SETTIMEOFDAY..=call::CLOCK_ADJTIME => names::clock(event.values[0]).into_bytes(),
        call::SETHOSTNAME => b"hostname".to_vec(),
        call::SETDOMAINNAME => b"domainname".to_vec(),
        call::PERF_OPEN => b"perf_event".to_vec(),
        call::USERFAULTFD => b"userfaultfd".to_vec(),
        call::SWAPON | call::SWAPOFF => b"swap".to_vec(),
        _ => b"reboot".to_vec(),
    }
}

/// `user:[…] mnt:[…]`; of what failed only which it was to be.
fn namespaces(event: &Privilege, kind: &[u8]) -> String {
    let made: Vec<String> = namespace::NAMES
        .iter()
        .zip(event.namespaces)
        .filter(|(_, number)| *number != 0 && event.errno == 0)
        .map(|((name, _), number)| format!("{name}:[{number}]"))
        .collect();
    if !made.is_empty() {
        return made.join(" ");
    }
    let flags = asked_for(event);
    let asked = namespace::NAMES
        .iter()
        .filter(|(_, flag)| flags & flag != 0);
    let asked: Vec<&str> = asked.map(|(name, _)| *name).collect();
    match (event.values[1], asked.is_empty()) {
        (number, _) if event.call == call::SETNS && number != 0 => {
            format!("{}:[{number}]", String::from_utf8_lossy(kind))
        }
        (_, false) => asked.join(" "),
        (_, true) => "unknown".to_owned(),
    }
}

fn detail(event: &Privilege, tails: &Tails<'_>) -> Option<String> {
    let value = event.values[0];
    Some(match event.call {
        call::SETUID..=call::SETFSGID if event.errno != 0 => names::asked(event),
        call::PRCTL_AMBIENT => names::ambient(event),
        call::PTRACE => names::ptrace(value).to_owned(),
        call::OPEN_MEMORY => "opened /proc/PID/mem".to_owned(),
        call::PIDFD_GETFD => format!("fd {}", value as u32),
        call::SIGNAL => match signal(value as u32) {
            Code::Name(name) => name.to_owned(),
            Code::Numbered(prefix, number) => format!("{prefix}{number}"),
        },
        call::PERF_OPEN => names::perf_event(event),
        call::USERFAULTFD => names::userfaultfd(event)?,
        call::PERSONALITY => names::personality(event),
        call::SECUREBITS => names::securebits(event),
        call::NO_NEW_PRIVS if event.errno != 0 => format!("PR_SET_NO_NEW_PRIVS {value}"),
        call::BPF_ATTACH => attachment(event, tails)?,
        call::ADJTIMEX | call::CLOCK_ADJTIME => names::modes(event.values[3])?,
        call::KEXEC_LOAD | call::KEXEC_FILE_LOAD => names::kexec_flags(event)?,
        call::REBOOT if event.values[1] == 0 => "wrong magic numbers".to_owned(),
        call::REBOOT => names::reboot(value),
        _ => return None,
    })
}

/// How and where a program was attached.
fn attachment(event: &Privilege, tails: &Tails<'_>) -> Option<String> {
    let point = tails.second_name.filter(|part| !part.bytes.is_empty());
    let point = point.map(|part| String::from_utf8_lossy(part.bytes).into_owned());
    // Of 0 nobody can say whether it was given.
    let how = (event.values[1] != 0).then(|| names::attach_type(event.values[1]));
    match (how, point) {
        (Some(how), Some(point)) => Some(format!("{how} {point}")),
        (how, point) => how.or(point),
    }
}

/// Before and after, of the wall clock.
fn clock(event: &Privilege, from_utc_ns: i64) -> Option<Clock> {
    let [clock, seconds, nanoseconds, modes, ..] = event.values;
    if event.errno != 0 || clock != 0 || nanoseconds == NO_VALUE {
        return None;
    }
    let time_ns = seconds
        .cast_signed()
        .saturating_mul(NS_PER_S)
        .saturating_add(nanoseconds.cast_signed());
    let to_utc_ns = match event.call {
        call::SETTIMEOFDAY | call::CLOCK_SETTIME => time_ns,
        call::ADJTIMEX | call::CLOCK_ADJTIME if modes & ADJ_SETOFFSET != 0 => {
            from_utc_ns.saturating_add(time_ns)
        }
        _ => return None,
    };
    Some(Clock {
        from_utc_ns,
        to_utc_ns,
    })
}
