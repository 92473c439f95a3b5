//! `priv.*`: a process changed what it may do, reached into another one, or changed the kernel.
//!
//! OWNS: the view that these kinds share, and their severity. One file per family writes what is its own.
//! MUST NOT: judge who may do such a thing.

mod kernel;
mod module;
mod process;

pub use kernel::{Clock, KernelAct, KernelObject};

use super::Lines;
use super::head::{Head, Kind, Occurring, Outcome};
use super::line::Line;
use super::notes::At;
use super::view::{ActorView, FileView, Folded, Meta, ProcessView, Text};

#[derive(Debug, Clone, Copy)]
pub struct PrivilegeView<'a> {
    pub meta: Meta<'a>,
    pub actor: ActorView<'a>,
    pub act: PrivilegeAct<'a>,
    pub detail: Option<&'a str>,
    /// 0 is success.
    pub errno: i32,
    /// It was told before it was done.
    pub without_result: bool,
    pub folded: Option<Folded>,
}

/// What was done.
#[derive(Debug, Clone, Copy)]
pub enum PrivilegeAct<'a> {
    /// Ids or groups: the process as it is afterwards.
    Ids(Ids, ProcessView<'a>),
    /// Capabilities, likewise; whether any was gained.
    Capabilities(ProcessView<'a>, bool),
    /// What a process set for itself: the process.
    Own(Own, ProcessView<'a>),
    /// A handle to a process, or a signal to it.
    Process(Reach, ProcessView<'a>),
    Memory {
        writes: bool,
        process: ProcessView<'a>,
        base: Option<u64>,
        bytes: Option<u64>,
    },
    Module {
        loads: bool,
        module: Module<'a>,
    },
    Kernel(KernelAct<'a>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    User,
    Group,
    Groups,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    Personality,
    Securebits,
    NoNewPrivileges,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Ptrace,
    PidfdGetfd,
    PerfEvent,
    Signal,
}

/// A module, by its file or by its name only.
#[derive(Debug, Clone, Copy)]
pub enum Module<'a> {
    File(FileView<'a>),
    Name(Text<'a>),
    Unknown,
}

impl Lines {
    /// Appends one line, without LF.
    pub fn privilege(&mut self, out: &mut Vec<u8>, view: &PrivilegeView) {
        self.write(out, |line| {
            let (kind, severity) = kind(&view.act);
            let outcome = match (view.without_result, view.errno) {
                (true, _) => Outcome::Unknown,
                (false, 0) => Outcome::Success,
                (false, errno) => Outcome::Errno(errno),
            };
            let head = Head {
                severity,
                outcome,
                detail: view.detail,
                occurring: line.occurring(view),
                ..Head::default()
            };
            line.head(kind, &view.meta, &head.folded(view.folded));
            line.act(view);
            line.end(view.actor.session_ip, |line| line.more(&view.act));
        });
    }
}

impl Line<'_> {
    /// Profiles of actor and target together.
    fn occurring(&self, view: &PrivilegeView) -> Occurring {
        let parts = self.actor_parts();
        let actor = view.actor.process.filter(|_| !is_reflexive(&view.act));
        let of_actor = actor.map_or_else(Occurring::default, |p| parts.occurring(p));
        let of_target = process::target(&view.act)
            .map_or_else(Occurring::default, |p| process::PARTS.occurring(p));
        Occurring {
            container: of_actor.container || of_target.container,
            users: of_actor.users || of_target.users,
        }
    }

    fn act(&mut self, view: &PrivilegeView) {
        let actor = &view.actor;
        if is_reflexive(&view.act)
            && let Some(process) = process::target(&view.act)
        {
            self.reflexive_actor(actor, process.id.pid);
        } else {
            self.actor(actor, self.actor_parts());
        }
        match &view.act {
            PrivilegeAct::Ids(_, process) | PrivilegeAct::Process(_, process) => {
                self.target_process(process, process::PARTS);
            }
            PrivilegeAct::Capabilities(process, _) => {
                if process.privileges.effective.is_none() {
                    let process = At::root("process");
                    let bag = process.field("xattributes");
                    self.notes.unknown(&bag.field("cap_eff_before"));
                }
                self.target_process(process, process::WITH_PARENT);
            }
            PrivilegeAct::Own(_, process) => self.target_process(process, process::WITH_PARENT),
            PrivilegeAct::Memory {
                process,
                base,
                bytes,
                ..
            } => {
                self.target_process(process, process::PARTS);
                self.memory(*base, *bytes);
            }
            PrivilegeAct::Module { module, .. } => self.module(module),
            PrivilegeAct::Kernel(act) => self.kernel(act),
        }
    }

    /// What stands behind the notes.
    fn more(&mut self, act: &PrivilegeAct) {
        if let PrivilegeAct::Kernel(act) = act {
            self.kernel_change(act);
        }
    }
}

/// Is the acting process itself what the record is about?
fn is_reflexive(act: &PrivilegeAct) -> bool {
    matches!(act, PrivilegeAct::Capabilities(..) | PrivilegeAct::Own(..))
}

/// The kind of an act, and its severity.
fn kind(act: &PrivilegeAct) -> (&'static Kind, u8) {
    match act {
        PrivilegeAct::Ids(Ids::User, _) => (&SETUID, 1),
        PrivilegeAct::Ids(Ids::Group, _) => (&SETGID, 1),
        PrivilegeAct::Ids(Ids::Groups, _) => (&SETGROUPS, 1),
        PrivilegeAct::Capabilities(_, gain) => (&CAPSET, if *gain { 2 } else { 1 }),
        PrivilegeAct::Own(Own::Personality, _) => (&PERSONALITY, 1),
        PrivilegeAct::Own(Own::Securebits, _) => (&SECUREBITS, 1),
        PrivilegeAct::Own(Own::NoNewPrivileges, _) => (&NO_NEW_PRIVS, 1),
        PrivilegeAct::Process(Reach::Ptrace, _) => (&PTRACE, 2),
        PrivilegeAct::Process(Reach::PerfEvent, _) => (&PERF_OPEN, 2),
        PrivilegeAct::Process(Reach::PidfdGetfd, _) => (&PIDFD_GETFD, 2),
        PrivilegeAct::Process(Reach::Signal, _) => (&SIGNAL, 2),
        PrivilegeAct::Memory { writes: true, .. } => (&VM_WRITE, 2),
        PrivilegeAct::Memory { writes: false, .. } => (&VM_READ, 2),
        PrivilegeAct::Module { loads: true, .. } => (&MODULE_LOAD, 2),
        PrivilegeAct::Module { loads: false, .. } => (&MODULE_UNLOAD, 2),
        PrivilegeAct::Kernel(act) => kernel::kind(act),
    }
}

macro_rules! kinds {
    ($($name:ident = $category:literal $class:literal $activity:literal $code:literal),* $(,)?) => {
        $(const $name: $crate::record::head::Kind = $crate::record::head::Kind {
            ids: concat!(
                "\"class_uid\":", $class, ",\"category_uid\":", $category, ",\"activity_id\":", $activity
            ),
            code: concat!("\"event_code\":\"", $code, "\""),
            host_profile: false,
            full_device: false,
        };)*
    };
}
use kinds;

kinds! {
    SETUID = 1 1007 "5,\"type_uid\":100705," "priv.setuid",
    SETGID = 1 1007 "99,\"activity_name\":\"Set Group ID\",\"type_uid\":100799," "priv.setgid",
    SETGROUPS = 1 1007 "99,\"activity_name\":\"Set Groups\",\"type_uid\":100799," "priv.setgroups",
    CAPSET = 1 1007 "99,\"activity_name\":\"Set Capabilities\",\"type_uid\":100799," "priv.capset",
    PERSONALITY = 1 1007 "99,\"activity_name\":\"Set Personality\",\"type_uid\":100799," "priv.personality",
    SECUREBITS = 1 1007 "99,\"activity_name\":\"Set Securebits\",\"type_uid\":100799," "priv.securebits",
    NO_NEW_PRIVS = 1 1007 "99,\"activity_name\":\"Set No New Privileges\",\"type_uid\":100799," "priv.no_new_privs",
    PERF_OPEN = 1 1007 "3,\"type_uid\":100703," "priv.perf_open",
    PTRACE = 1 1007 "3,\"type_uid\":100703," "priv.ptrace",
    PIDFD_GETFD = 1 1007 "3,\"type_uid\":100703," "priv.pidfd_getfd",
    SIGNAL = 1 1007 "99,\"activity_name\":\"Signal\",\"type_uid\":100799," "priv.signal",
    VM_WRITE = 1 1004 "8,\"type_uid\":100408," "priv.vm_write",
    VM_READ = 1 1004 "7,\"type_uid\":100407," "priv.vm_read",
    MODULE_LOAD = 1 1002 "1,\"type_uid\":100201," "priv.module_load",
    MODULE_UNLOAD = 1 1002 "2,\"type_uid\":100202," "priv.module_unload",
}
