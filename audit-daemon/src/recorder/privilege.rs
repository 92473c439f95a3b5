//! Records of acts on privileges, on other processes and on the kernel.
//!
//! Owns the view of such an act, and what is not worth a record: what changed nothing, the same done by
//! each thread of a process, the daemon's own programs, repetitions. What an act is called is `told`'s.

mod folding;
mod names;
mod other;
mod threads;
mod told;

pub use folding::{KINDS_MAX, Same, TOLD_EACH, WINDOW_NS};
pub use threads::Threads;

use audit_common::{
    Header,
    header::flag as header_flag,
    privilege::{Privilege, call, flag},
};

use super::{Recorder, acting::Acting};
use crate::{
    decode::{self, Event, Tails},
    enrich::process::key_of,
    folding::{Folded as Repeated, Verdict},
    record::{
        Ids, Own, PrivilegeAct, PrivilegeView, Reach,
        view::{ActorView, Fact, Folded, Groups, Meta, Privileges},
    },
};
use told::Told;

/// Of the flags of an open: how it is opened, and to be read only.
const ACCESS_MODE: u64 = 3;
const READ_ONLY: u64 = 0;

/// What became of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seen {
    Recorded,
    /// Part of another record, or of one that comes.
    Folded,
    /// Nothing has changed, or it is the daemon's own.
    LeftOut,
}

impl Recorder {
    /// Takes an event; `entry` are its bytes.
    pub fn privilege(&mut self, event: &Privilege, tails: &Tails<'_>, entry: &[u8]) -> Seen {
        if changes_nothing(event, tails) || self.is_own_program(event) {
            return Seen::LeftOut;
        }
        if self.threads.is_told(event) {
            return Seen::Folded;
        }
        let known = self.table.get(key_of(&event.header));
        let executable = known.and_then(|process| process.executable);
        let same = folding::same(event, tails, executable);
        let now_ns = event.header.time_ns;
        if let Some(over) = self.repeats.over(&same, now_ns) {
            self.privilege_repeated(&over);
        }
        let sequence = Some(self.next_sequence);
        if self.repeats.came(same, now_ns, entry, sequence) == Verdict::Folded {
            return Seen::Folded;
        }
        self.write_privilege(event, tails, None);
        Seen::Recorded
    }

    /// Writes what was folded and whose time is over.
    pub fn privilege_repeats(&mut self, now_ns: u64) {
        for over in self.repeats.take(now_ns) {
            self.privilege_repeated(&over);
        }
    }

    fn privilege_repeated(&mut self, over: &Repeated) {
        let Ok(Event::Privilege(event, tails)) = decode::decode(&over.entry) else {
            return;
        };
        let folded = Folded {
            count: over.count,
            first_utc_ns: self.utc(over.first_ns),
            last_utc_ns: self.utc(over.last_ns),
        };
        let first = over.sequence.map(|sequence| self.lines.uid(sequence));
        self.write_privilege(&event, &tails, Some((folded, first.as_deref())));
    }

    /// Does this daemon, or its command line, load its own programs?
    fn is_own_program(&mut self, event: &Privilege) -> bool {
        let attaches = matches!(
            event.call,
            call::BPF_LOAD | call::BPF_ATTACH | call::PERF_OPEN
        );
        if !attaches {
            return false;
        }
        if event.header.tgid == std::process::id() {
            return true;
        }
        let known = self.table.get(key_of(&event.header));
        let executable = known.and_then(|process| process.executable);
        executable.is_some_and(|file| self.own_executable == Some((file.dev, file.ino)))
    }

    /// Of what was folded there is no number of its own, but that of the record that told it first.
    fn write_privilege(
        &mut self,
        event: &Privilege,
        tails: &Tails<'_>,
        folded: Option<(Folded, Option<&str>)>,
    ) {
        let told = Told::of(event, tails, self.utc(event.header.time_ns));
        let meta = super::meta(&self.clock, self.next_sequence, &[], &event.header);
        let labels = std::mem::take(&mut self.settings.labels);
        let meta = Meta {
            labels: &labels,
            event: meta.event.filter(|_| folded.is_none()),
            correlation: folded.and_then(|(_, first)| first),
            ..meta
        };
        let view = Common {
            meta,
            folded: folded.map(|(folded, _)| folded),
            told: &told,
        };
        match event.call {
            call::SETUID..=call::SETGROUPS => self.write_ids(event, tails, &view),
            call::CAPSET | call::PRCTL_AMBIENT => self.write_capabilities(event, &view),
            call::PERSONALITY..=call::NO_NEW_PRIVS => self.write_own(event, &view),
            call::PTRACE..=call::SIGNAL | call::OPEN_MEMORY => self.write_other(event, &view),
            call::PERF_OPEN if !names::is_of_many(event) => self.write_other(event, &view),
            _ => self.write_kernel(event, tails, &view),
        }
        self.settings.labels = labels;
        self.written();
    }

    fn write_ids(&mut self, event: &Privilege, tails: &Tails<'_>, common: &Common<'_>) {
        let header = &event.header;
        let before = header_before(event);
        let actor = Acting::of(self, &before, event.namespace_pid);
        let after = Acting::of(self, header, event.namespace_pid);
        let (parent, ancestry) = (actor.parent(), actor.ancestry());
        let cap_full = self.host.cap_full;
        let mut acting = actor.process(&before, cap_full, parent.as_ref(), &ancestry);
        if event.flags & flag::BEFORE == 0 {
            acting.owner = Fact::Unknown;
        }
        let (groups, old) = (list(tails.groups), list(tails.old_groups));
        let mut process = after.process(header, cap_full, None, &[]);
        process.privileges = Privileges {
            groups: groups.as_ref().map(GroupList::view),
            groups_before: old.as_ref().map(GroupList::view),
            user_ns: user_ns(header),
            ..Privileges::default()
        };
        let ids = match event.call {
            call::SETUID..=call::SETFSUID => Ids::User,
            call::SETGID..=call::SETFSGID => Ids::Group,
            _ => Ids::Groups,
        };
        let act = PrivilegeAct::Ids(ids, process);
        let view = common.view(event, actor.actor(&acting, header), act);
        self.lines.privilege(&mut self.out, &view);
    }

    fn write_capabilities(&mut self, event: &Privilege, common: &Common<'_>) {
        let header = &event.header;
        let acting = Acting::of(self, header, event.namespace_pid);
        let parent = acting.made_by();
        let mut process = acting.process(header, self.host.cap_full, parent.as_ref(), &[]);
        let (now, before) = (&event.caps, &event.before_caps);
        let known = event.flags & flag::BEFORE != 0;
        let changed = |before: u64, now: u64| (known && before != now).then_some((before, now));
        process.privileges = Privileges {
            ambient: changed(before.ambient, now.ambient),
            effective: known.then_some((before.effective, now.effective)),
            permitted: changed(before.permitted, now.permitted),
            user_ns: user_ns(header),
            ..Privileges::default()
        };
        let gain = known && now.effective & !before.effective != 0;
        let act = PrivilegeAct::Capabilities(process, gain);
        let view = common.view(event, acting.actor(&process, header), act);
        self.lines.privilege(&mut self.out, &view);
    }

    /// What it set for itself, of which the words say what it was.
    fn write_own(&mut self, event: &Privilege, common: &Common<'_>) {
        let header = &event.header;
        let acting = Acting::of(self, header, event.namespace_pid);
        let parent = acting.made_by();
        let mut process = acting.process(header, self.host.cap_full, parent.as_ref(), &[]);
        process.privileges.user_ns = user_ns(header);
        let own = match event.call {
            call::PERSONALITY => Own::Personality,
            call::SECUREBITS => Own::Securebits,
            _ => Own::NoNewPrivileges,
        };
        let act = PrivilegeAct::Own(own, process);
        let view = common.view(event, acting.actor(&process, header), act);
        self.lines.privilege(&mut self.out, &view);
    }

    fn write_other(&mut self, event: &Privilege, common: &Common<'_>) {
        let header = &event.header;
        let acting = Acting::of(self, header, event.namespace_pid);
        let target = other::Target::of(self, event);
        let (parent, ancestry) = (acting.parent(), acting.ancestry());
        let mut process = acting.process(header, self.host.cap_full, parent.as_ref(), &ancestry);
        process.privileges.user_ns = user_ns(header);
        let other = target.process(event, self.host.cap_full);
        let known = |value: u64| (value != audit_common::privilege::NO_VALUE).then_some(value);
        let act = match event.call {
            call::VM_READ | call::VM_WRITE => PrivilegeAct::Memory {
                writes: event.call == call::VM_WRITE,
                process: other,
                base: known(event.values[1]),
                bytes: known(event.values[2]),
            },
            call::OPEN_MEMORY => PrivilegeAct::Memory {
                writes: event.values[1] & ACCESS_MODE != READ_ONLY,
                process: other,
                base: None,
                bytes: None,
            },
            call::PTRACE => PrivilegeAct::Process(Reach::Ptrace, other),
            call::PERF_OPEN => PrivilegeAct::Process(Reach::PerfEvent, other),
            call::PIDFD_GETFD => PrivilegeAct::Process(Reach::PidfdGetfd, other),
            _ => PrivilegeAct::Process(Reach::Signal, other),
        };
        let view = common.view(event, acting.actor(&process, header), act);
        self.lines.privilege(&mut self.out, &view);
    }

    fn write_kernel(&mut self, event: &Privilege, tails: &Tails<'_>, common: &Common<'_>) {
        let header = &event.header;
        let acting = Acting::of(self, header, event.namespace_pid);
        let (parent, ancestry) = (acting.parent(), acting.ancestry());
        let mut process = acting.process(header, self.host.cap_full, parent.as_ref(), &ancestry);
        process.privileges.user_ns = user_ns(header);
        let act = common.told.act(event, tails);
        let view = common.view(event, acting.actor(&process, header), act);
        self.lines.privilege(&mut self.out, &view);
    }
}

/// What every record of these has.
struct Common<'a> {
    meta: Meta<'a>,
    folded: Option<Folded>,
    told: &'a Told,
}

impl<'a> Common<'a> {
    fn view(
        &self,
        event: &Privilege,
        actor: ActorView<'a>,
        act: PrivilegeAct<'a>,
    ) -> PrivilegeView<'a> {
        PrivilegeView {
            meta: self.meta,
            actor,
            act,
            detail: self.told.detail.as_deref(),
            errno: event.errno.cast_signed(),
            without_result: event.flags & flag::NO_RESULT != 0,
            folded: self.folded,
        }
    }
}

/// Did a success leave everything as it was? What the kernel could not compare.
fn changes_nothing(event: &Privilege, tails: &Tails<'_>) -> bool {
    let same = |one: Option<decode::Part<'_>>, other: Option<decode::Part<'_>>| matches!((one, other), (Some(one), Some(other)) if one == other && one.flags == 0);
    event.errno == 0
        && match event.call {
            call::SETGROUPS => same(tails.groups, tails.old_groups),
            call::SETHOSTNAME | call::SETDOMAINNAME => same(tails.text, tails.old_text),
            _ => false,
        }
}

/// The process as it was before the call.
fn header_before(event: &Privilege) -> Header {
    let mut header = event.header;
    if event.flags & flag::BEFORE != 0 {
        let [uid, gid, suid, sgid, euid, egid, fsuid, fsgid] = event.before_ids;
        (header.uid, header.gid, header.suid, header.sgid) = (uid, gid, suid, sgid);
        (header.euid, header.egid, header.fsuid, header.fsgid) = (euid, egid, fsuid, fsgid);
        header.cap_effective = event.before_caps.effective;
    }
    header
}

/// Its user namespace, if it is not the host's.
fn user_ns(header: &Header) -> Option<u32> {
    (header.flags & header_flag::HOST_USER_NS == 0).then_some(header.user_ns)
}

struct GroupList {
    first: Vec<u32>,
    count: u64,
}

impl GroupList {
    fn view(&self) -> Groups<'_> {
        Groups {
            first: &self.first,
            count: self.count,
        }
    }
}

fn list(part: Option<decode::Part<'_>>) -> Option<GroupList> {
    let part = part?;
    let (words, _) = part.bytes.as_chunks::<4>();
    Some(GroupList {
        first: words.iter().map(|word| u32::from_ne_bytes(*word)).collect(),
        count: u64::from(part.original) / 4,
    })
}
