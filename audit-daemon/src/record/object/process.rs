//! `process`: any subset of its members, in the order of RECORDS 2.
//!
//! OWNS: `process.uid`, which ids imply which, `xattributes` of a process, and which profiles a
//! subset makes necessary.
//! MUST NOT: decide the subset; each kind passes its [`Parts`].

use crate::record::decimal;
use crate::record::head::Occurring;
use crate::record::limits;
use crate::record::line::{Fit, Line, key};
use crate::record::notes::At;
use crate::record::view::{
    ExecTraits, Fact, Fileless, Gain, Owner, Privileges, ProcessId, ProcessView, Text,
};

/// Which members of a process are written. `pid` and `uid` always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts(u16);

impl Parts {
    pub const ID: Parts = Parts(0);
    pub const NAME: Parts = Parts(1);
    pub const PATH: Parts = Parts(1 << 1);
    pub const FILE: Parts = Parts(1 << 2);
    pub const COMMAND: Parts = Parts(1 << 3);
    pub const DIRECTORY: Parts = Parts(1 << 4);
    pub const ENVIRONMENT: Parts = Parts(1 << 5);
    /// `user`, `group`, `euid`, `egid`, and what differs from them in `xattributes`.
    pub const OWNER: Parts = Parts(1 << 6);
    /// `container` as a reference, and `namespace_pid`.
    pub const CONTAINER: Parts = Parts(1 << 7);
    /// `container` in full, and `namespace_pid`.
    pub const CONTAINER_FULL: Parts = Parts(1 << 8);
    pub const PARENT: Parts = Parts(1 << 9);
    pub const ANCESTRY: Parts = Parts(1 << 10);
    /// What `xattributes` says about an exec.
    pub const EXEC: Parts = Parts(1 << 11);

    /// What a reference keeps.
    pub const REFERENCE: Parts = Parts::NAME
        .and(Parts::PATH)
        .and(Parts::OWNER)
        .and(Parts::CONTAINER);

    /// A process where it is introduced.
    pub const INTRODUCED: Parts = Parts::NAME
        .and(Parts::FILE)
        .and(Parts::COMMAND)
        .and(Parts::DIRECTORY)
        .and(Parts::ENVIRONMENT)
        .and(Parts::OWNER)
        .and(Parts::CONTAINER_FULL)
        .and(Parts::EXEC);

    pub const fn and(self, other: Parts) -> Parts {
        Parts(self.0 | other.0)
    }

    fn has(self, part: Parts) -> bool {
        self.0 & part.0 != 0
    }

    /// The profiles that these parts of `process` need.
    pub fn occurring(self, process: &ProcessView) -> Occurring {
        let in_container =
            matches!(process.container, Fact::Known(_)) || process.namespace_pid.is_some();
        Occurring {
            container: self.has(Parts::CONTAINER.and(Parts::CONTAINER_FULL)) && in_container,
            users: self.has(Parts::OWNER) && matches!(process.owner, Fact::Known(_)),
        }
    }
}

/// A parent inside a process.
const PARENT: Parts = Parts::NAME.and(Parts::PATH);

/// Nanoseconds in a clock tick of /proc, whose USER_HZ is 100 everywhere.
const TICK_NS: u64 = 10_000_000;

impl Line<'_> {
    /// A process object under `key`, standing at `at`.
    pub fn process(&mut self, key: &'static str, at: &At, process: &ProcessView, parts: Parts) {
        self.raw(key);
        self.raw("{");
        self.process_id(at, process.id);
        if parts.has(Parts::NAME)
            && let Some(name) = self.known(&at.field("name"), &process.name)
        {
            self.string(key!("name"), &at.field("name"), name);
        }
        if parts.has(Parts::PATH)
            && let Some(path) = self.known(&at.field("path"), &process.path)
        {
            self.path(key!("path"), &at.field("path"), path);
        }
        if parts.has(Parts::FILE)
            && let Some(file) = self.known(&at.field("file"), &process.file)
        {
            self.file(&at.field("file"), file);
        }
        if parts.has(Parts::COMMAND)
            && let Some(argv) = self.known(&at.field("cmd_line"), &process.command)
        {
            self.command(key!("cmd_line"), &at.field("cmd_line"), argv);
        }
        if parts.has(Parts::DIRECTORY)
            && let Some(path) = self.known(&at.field("working_directory"), &process.directory)
        {
            self.path(
                key!("working_directory"),
                &at.field("working_directory"),
                path,
            );
        }
        if parts.has(Parts::ENVIRONMENT) {
            self.environment(at, process);
        }
        let owner = if parts.has(Parts::OWNER) {
            self.owner(at, &process.owner)
        } else {
            None
        };
        self.containment(at, process, parts);
        if parts.has(Parts::PARENT)
            && let Some(parent) = process.parent
        {
            self.process(
                key!("parent_process"),
                &at.field("parent_process"),
                parent,
                PARENT,
            );
        }
        if parts.has(Parts::ANCESTRY) {
            self.ancestry(at, process);
        }
        let exec = parts.has(Parts::EXEC).then_some(&process.exec);
        self.process_xattributes(at, owner, exec, &process.privileges);
        self.notes.source(&at.field("pid"), process.pid_source);
        self.close();
    }

    /// `pid` and `uid`: `<boot>-<pid>-<start>`.
    fn process_id(&mut self, at: &At, id: ProcessId) {
        self.integer(key!("pid"), u64::from(id.pid));
        let Some(start_ns) = id.start_ns else {
            self.notes.unknown(&at.field("uid"));
            return;
        };
        let fixed = self.fixed;
        self.raw("\"uid\":\"");
        self.raw(&fixed.boot);
        self.raw("-");
        decimal::push_integer(self.out, u64::from(id.pid));
        self.raw("-");
        decimal::push_integer(self.out, start_ns / TICK_NS);
        self.raw("\",");
    }

    fn environment(&mut self, at: &At, process: &ProcessView) {
        let variables = process.environment;
        if variables.is_empty() {
            if process.environment_incomplete {
                self.notes.unknown(&at.field("environment_variables"));
            }
            return;
        }
        let value_bytes_max = if self.fit >= Fit::NoEnvironment {
            0
        } else {
            limits::ENVIRONMENT_VALUE_BYTES_MAX
        };
        self.raw("\"environment_variables\":[");
        for (index, variable) in variables.iter().take(limits::ENVIRONMENT_MAX).enumerate() {
            let at = at.item("environment_variables", index);
            self.raw("{");
            let name = Text::whole(variable.name);
            let name_bytes_max = limits::ENVIRONMENT_NAME_BYTES_MAX;
            self.text(key!("name"), &at.field("name"), &name, name_bytes_max);
            self.text(
                key!("value"),
                &at.field("value"),
                &variable.value,
                value_bytes_max,
            );
            self.close();
        }
        self.close_list();
        if variables.len() > limits::ENVIRONMENT_MAX || process.environment_incomplete {
            let all = variables
                .iter()
                .map(|v| (v.name.len() + v.value.bytes.len() + 2) as u64);
            // What was not looked at has a byte at least.
            let all = all.sum::<u64>() + u64::from(process.environment_incomplete);
            self.notes
                .truncated(&at.field("environment_variables"), all);
        }
    }

    fn owner<'v, 'a>(&mut self, at: &At, owner: &'v Fact<Owner<'a>>) -> Option<&'v Owner<'a>> {
        let Fact::Known(owner) = owner else {
            for name in ["user", "euid", "egid"] {
                self.known(&at.field(name), owner);
            }
            return None;
        };
        self.raw("\"user\":{");
        self.identity(key!("uid"), u64::from(owner.uid));
        self.fact_str(
            key!("name"),
            &at.field("user").field("name"),
            &owner.user_name,
        );
        self.close();
        if owner.gid != owner.egid {
            self.raw("\"group\":{");
            self.identity(key!("uid"), u64::from(owner.gid));
            self.fact_str(
                key!("name"),
                &at.field("group").field("name"),
                &owner.group_name,
            );
            self.close();
        }
        self.integer(key!("euid"), u64::from(owner.euid));
        self.integer(key!("egid"), u64::from(owner.egid));
        Some(owner)
    }

    fn containment(&mut self, at: &At, process: &ProcessView, parts: Parts) {
        let full = parts.has(Parts::CONTAINER_FULL);
        if !full && !parts.has(Parts::CONTAINER) {
            return;
        }
        let at = at.field("container");
        if let Some(container) = self.known(&at, &process.container) {
            if full {
                self.container(&at, container);
            } else {
                self.container_reference(&at, container);
            }
        }
        if let Some(pid) = process.namespace_pid {
            self.integer(key!("namespace_pid"), u64::from(pid));
        }
    }

    fn ancestry(&mut self, at: &At, process: &ProcessView) {
        let all = process.ancestry;
        if all.is_empty() {
            return;
        }
        let count_max = if self.fit >= Fit::NoAncestry {
            1
        } else {
            limits::ANCESTRY_MAX
        };
        self.raw("\"ancestry\":[");
        for (index, ancestor) in all.iter().take(count_max).enumerate() {
            let at = at.item("ancestry", index);
            self.raw("{");
            self.process_id(&at, ancestor.id);
            if let Some(name) = self.known(&at.field("name"), &ancestor.name) {
                self.string(key!("name"), &at.field("name"), name);
            }
            self.close();
        }
        self.close_list();
        if all.len() > count_max {
            // The names are all that varies in length.
            let names = all.iter().map(|ancestor| match ancestor.name {
                Fact::Known(name) => name.len() as u64,
                _ => 0,
            });
            self.notes.truncated(&at.field("ancestry"), names.sum());
        }
    }

    /// `xattributes`, sorted; only what differs from what the other members imply.
    fn process_xattributes(
        &mut self,
        at: &At,
        owner: Option<&Owner>,
        exec: Option<&ExecTraits>,
        privileges: &Privileges,
    ) {
        let start = self.out.len();
        self.raw("\"xattributes\":{");
        let empty = self.out.len();
        self.capabilities(owner, exec, privileges);
        if let Some(fileless) = exec.and_then(|exec| exec.fileless) {
            self.word(key!("fileless"), fileless_word(fileless));
        }
        if let Some(owner) = owner
            && let Some(fsuid) = owner.fsuid.filter(|&fsuid| fsuid != owner.euid)
        {
            self.integer(key!("fsuid"), u64::from(fsuid));
        }
        if let Some(gain) = exec.map(|exec| exec.gain).filter(|gain| gain.any()) {
            self.word(key!("gain"), gain_words(gain));
        }
        let at = at.field("xattributes");
        self.groups(key!("groups"), &at.field("groups"), privileges.groups);
        self.groups(
            key!("groups_before"),
            &at.field("groups_before"),
            privileges.groups_before,
        );
        if let Some(exec) = exec
            && let Some(script) = self.known(&at.field("script"), &exec.script)
        {
            self.path(key!("script"), &at.field("script"), &script.path);
            if let Some(inode) = self.known(&at.field("script_uid"), &script.inode) {
                self.inode(key!("script_uid"), inode);
            }
        }
        if let Some(user_ns) = privileges.user_ns {
            self.identity(key!("user_ns"), user_ns.into());
        }
        if self.out.len() == empty {
            self.out.truncate(start);
        } else {
            self.close();
        }
    }
}

fn fileless_word(fileless: Fileless) -> &'static str {
    match fileless {
        Fileless::Memfd => "memfd",
        Fileless::Deleted => "deleted",
        Fileless::Tmpfs => "tmpfs",
    }
}

fn gain_words(gain: Gain) -> &'static str {
    match (gain.setuid, gain.setgid, gain.file_caps) {
        (true, true, true) => "setuid,setgid,file_caps",
        (true, true, false) => "setuid,setgid",
        (true, false, true) => "setuid,file_caps",
        (true, false, false) => "setuid",
        (false, true, true) => "setgid,file_caps",
        (false, true, false) => "setgid",
        (false, false, true) => "file_caps",
        (false, false, false) => "",
    }
}
