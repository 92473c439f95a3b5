//! Privileges that changed, and what was done to other processes and to the kernel.

use super::super::view::*;
use super::super::*;
use super::examples::{
    CAPS_ALL, DEPLOY, Example, ROOT, bash, deploy_session, file, labels, line, text,
};
use super::{at, event, id};

/// Seconds and nanoseconds behind 10:16, and how far behind the first of them its numbers are.
type When = (i64, i64, u64);

fn told(when: When, actor: ActorView<'_>, act: PrivilegeAct<'_>, detail: Option<&str>) -> String {
    let labels = labels();
    let (seconds, nanos, place) = when;
    let view = PrivilegeView {
        meta: Meta {
            utc_ns: at(60 + seconds, nanos),
            sequence: 1_048_622 + place,
            // One record between them is no kernel event.
            event: event(Lane::Critical, 2, 77_126 + place - u64::from(place > 7)),
            correlation: None,
            labels: &labels,
        },
        actor,
        act,
        detail,
        errno: 0,
        without_result: false,
        folded: None,
    };
    line(|lines, out| lines.privilege(out, &view))
}

fn by(pid: u32, tick: u64, path: &'static [u8], owner: Owner<'static>) -> ProcessView<'static> {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap();
    ProcessView {
        id: id(pid, tick),
        name: Fact::Known(name),
        path: Fact::Known(text(path)),
        owner: Fact::Known(owner),
        ..ProcessView::default()
    }
}

fn kernel(
    object: KernelObject,
    name: &'static [u8],
    system_call: &'static str,
) -> KernelAct<'static> {
    KernelAct {
        object,
        name: text(name),
        kind: None,
        path: Fact::Absent,
        system_call,
        change: None,
        clock: None,
    }
}

pub fn all() -> Vec<Example> {
    let mut all = vec![
        ("50-priv-setuid", setuid()),
        ("51-priv-capset", capset()),
        ("priv-capset-unseen", capset_unseen()),
        ("priv-bpf-load-untold", untold_program()),
        ("55-priv-module-load", module_load()),
    ];
    all.extend(others());
    all.extend(kernels());
    all.extend(programs());
    all.extend(rarely());
    all.extend(beside());
    all
}

/// One of each kind that the others leave out.
fn beside() -> Vec<Example> {
    let newgrp = by(4207, 83_258, b"/usr/bin/newgrp", ROOT);
    let nsenter = by(4209, 83_259, b"/usr/bin/nsenter", ROOT);
    let done = |place, process, act, detail| {
        let actor = deploy_session(Some(process));
        told((33, 370_778_742, place), actor, act, detail)
    };
    let group = PrivilegeAct::Ids(Ids::Group, bash());
    let groups = ProcessView {
        privileges: Privileges {
            groups: Some(Groups {
                first: &[4, 27],
                count: 2,
            }),
            ..Privileges::default()
        },
        ..bash()
    };
    let groups = PrivilegeAct::Ids(Ids::Groups, groups);
    let on_kernel = |object, name, call| PrivilegeAct::Kernel(kernel(object, name, call));
    let entered = on_kernel(
        KernelObject::EnteredNamespaces,
        b"mnt:[4026532842]",
        "setns",
    );
    let kexec = on_kernel(KernelObject::Kexec, b"kexec", "kexec_file_load");
    let descriptor = PrivilegeAct::Process(Reach::PidfdGetfd, bash());
    let read = PrivilegeAct::Memory {
        writes: false,
        process: bash(),
        base: Some(0x7f31_c0a0_1000),
        bytes: Some(4096),
    };
    let unloaded = PrivilegeAct::Module {
        loads: false,
        module: Module::Name(Text {
            source: Source::AsGiven,
            ..text(b"wireguard")
        }),
    };
    vec![
        ("priv-setgid", done(23, &newgrp, group, None)),
        ("priv-setgroups", done(24, &newgrp, groups, None)),
        ("priv-setns", done(25, &nsenter, entered, None)),
        (
            "priv-kexec",
            done(26, &nsenter, kexec, Some("KEXEC_FILE_ON_CRASH")),
        ),
        (
            "priv-pidfd-getfd",
            done(27, &nsenter, descriptor, Some("fd 3")),
        ),
        ("priv-vm-read", done(28, &nsenter, read, None)),
        ("priv-module-unload", done(29, &nsenter, unloaded, None)),
    ]
}

/// What few programs do.
fn rarely() -> Vec<Example> {
    let perf = by(4201, 83_255, b"/usr/bin/perf", ROOT);
    let setpriv = ProcessView {
        parent: None,
        ..by(4203, 83_256, b"/usr/bin/setpriv", ROOT)
    };
    let swapon = by(4205, 83_257, b"/usr/sbin/swapon", ROOT);
    let device = KernelAct {
        path: Fact::Known(Text {
            source: Source::AsGiven,
            ..text(b"/dev/vda2")
        }),
        ..kernel(KernelObject::SwapOn, b"swap", "swapon")
    };
    let done = |place: u64, process, act, detail| {
        let actor = deploy_session(Some(process));
        told((31, 370_778_742, place), actor, act, detail)
    };
    let kernel =
        |object, name, system_call| PrivilegeAct::Kernel(kernel(object, name, system_call));
    let all = kernel(KernelObject::PerfEvent, b"perf_event", "perf_event_open");
    let faults = kernel(KernelObject::FaultHandler, b"userfaultfd", "userfaultfd");
    let off = PrivilegeAct::Kernel(KernelAct {
        object: KernelObject::SwapOff,
        system_call: "swapoff",
        ..device
    });
    let of_bash = PrivilegeAct::Process(Reach::PerfEvent, bash());
    let own = |place, own, detail| {
        let act = PrivilegeAct::Own(own, setpriv);
        told((31, 370_778_742, place), deploy_session(None), act, detail)
    };
    let cycles = "PERF_TYPE_HARDWARE 0x0";
    let on_cpu = "PERF_TYPE_TRACEPOINT 0x138, cpu 3";
    vec![
        ("priv-perf-open", done(15, &perf, of_bash, Some(cycles))),
        ("priv-perf-all", done(16, &perf, all, Some(on_cpu))),
        (
            "priv-userfaultfd",
            done(17, &perf, faults, Some("UFFD_USER_MODE_ONLY|O_CLOEXEC")),
        ),
        (
            "priv-personality",
            own(18, Own::Personality, Some("ADDR_NO_RANDOMIZE, was 0")),
        ),
        (
            "priv-securebits",
            own(19, Own::Securebits, Some("SECBIT_NOROOT, was 0")),
        ),
        ("priv-no-new-privs", own(20, Own::NoNewPrivileges, None)),
        (
            "priv-swapon",
            done(21, &swapon, PrivilegeAct::Kernel(device), None),
        ),
        ("priv-swapoff", done(22, &swapon, off, None)),
    ]
}

fn setuid() -> String {
    let before = Owner {
        euid: 0,
        fsuid: Some(0),
        caps: CAPS_ALL,
        ..DEPLOY
    };
    let sudo = by(4119, 83_245, b"/usr/bin/sudo", before);
    let rooted = ProcessView {
        owner: Fact::Known(ROOT),
        ..sudo
    };
    let act = PrivilegeAct::Ids(Ids::User, rooted);
    told((16, 497_731_867, 0), deploy_session(Some(&sudo)), act, None)
}

fn capset() -> String {
    let maker = by(4158, 83_250, b"/usr/bin/sudo", ROOT);
    let full = 0x1ff_ffff_ffff;
    let owner = Owner {
        caps: Some(Caps {
            effective: 0x3000,
            full,
        }),
        ..ROOT
    };
    let dropped = ProcessView {
        parent: Some(&maker),
        privileges: Privileges {
            effective: Some((full, 0x3000)),
            ..Privileges::default()
        },
        ..by(4160, 83_250, b"/usr/bin/tcpdump", owner)
    };
    let act = PrivilegeAct::Capabilities(dropped, false);
    told((17, 230_153_742, 1), deploy_session(None), act, None)
}

/// The call was not seen to begin: nobody knows what was before.
fn capset_unseen() -> String {
    let process = by(4160, 83_250, b"/usr/bin/tcpdump", ROOT);
    let act = PrivilegeAct::Capabilities(process, false);
    told((29, 230_153_742, 13), deploy_session(None), act, None)
}

/// Nobody tells of which type it is.
fn untold_program() -> String {
    let bpftool = by(4191, 83_254, b"/usr/sbin/bpftool", ROOT);
    let act = kernel(KernelObject::LoadedProgram, b"x", "bpf");
    let actor = deploy_session(Some(&bpftool));
    let act = PrivilegeAct::Kernel(act);
    told((30, 230_153_742, 14), actor, act, None)
}

fn others() -> Vec<Example> {
    let gdb = by(4171, 83_252, b"/usr/bin/gdb", DEPLOY);
    let by_gdb = deploy_session(Some(&gdb));
    let attached = PrivilegeAct::Process(Reach::Ptrace, bash());
    let request = Some("PTRACE_ATTACH");
    let written = PrivilegeAct::Memory {
        writes: true,
        process: bash(),
        base: Some(0x7f31_c0a0_1000),
        bytes: Some(512),
    };
    let bash = bash();
    let sshd = by(812, 1_044, b"/usr/sbin/sshd", ROOT);
    let killed = PrivilegeAct::Process(Reach::Signal, sshd);
    let by_bash = deploy_session(Some(&bash));
    let (traced, wrote) = ((19, 843_434_992, 3), (20, 286_794_367, 4));
    let signalled = (28, 370_778_742, 12);
    vec![
        ("53-priv-ptrace", told(traced, by_gdb, attached, request)),
        ("54-priv-vm-write", told(wrote, by_gdb, written, None)),
        (
            "priv-signal",
            told(signalled, by_bash, killed, Some("SIGTERM")),
        ),
    ]
}

fn module_load() -> String {
    let kmod = ProcessView {
        name: Fact::Known(b"modprobe"),
        ..by(4180, 83_253, b"/usr/bin/kmod", ROOT)
    };
    let path = b"/usr/lib/modules/6.12.41+deb13-amd64/kernel/net/wireguard/wireguard.ko.xz";
    let module = PrivilegeAct::Module {
        loads: true,
        module: Module::File(file(path, 253, 1, 270_011)),
    };
    let actor = deploy_session(Some(&kmod));
    told((21, 737_966_242, 5), actor, module, None)
}

fn kernels() -> Vec<Example> {
    let bash = bash();
    let date = by(4195, 83_254, b"/usr/bin/date", ROOT);
    let hostname = by(4197, 83_254, b"/usr/bin/hostname", ROOT);
    let new_user = KernelObject::MadeNamespaces { user: true };
    let namespaces = kernel(new_user, b"user:[4026532841] mnt:[4026532842]", "unshare");
    let clock = KernelAct {
        clock: Some(Clock {
            from_utc_ns: at(91, 412_000),
            to_utc_ns: at(91 - 3600, 0),
        }),
        ..kernel(KernelObject::Clock, b"CLOCK_REALTIME", "clock_settime")
    };
    let name = KernelAct {
        change: Some((text(b"web-1"), text(b"web-2"))),
        ..kernel(KernelObject::HostName, b"hostname", "sethostname")
    };
    let reboot = kernel(KernelObject::Reboot, b"reboot", "reboot");
    let done = |when, process, act, detail| {
        let actor = deploy_session(Some(process));
        told(when, actor, PrivilegeAct::Kernel(act), detail)
    };
    let command = Some("LINUX_REBOOT_CMD_RESTART");
    let [user, set, named, restarted] = [
        (18, 689_138_117, 2),
        (23, 163_747_492, 7),
        (25, 370_778_742, 9),
        (27, 370_778_742, 11),
    ];
    vec![
        ("52-priv-userns", done(user, &bash, namespaces, None)),
        ("57-priv-clock-set", done(set, &date, clock, None)),
        ("59-priv-hostname", done(named, &hostname, name, None)),
        ("priv-reboot", done(restarted, &date, reboot, command)),
    ]
}

fn programs() -> Vec<Example> {
    let bpftool = by(4191, 83_254, b"/usr/sbin/bpftool", ROOT);
    let loaded = KernelAct {
        kind: Some("tracing"),
        ..kernel(KernelObject::LoadedProgram, b"trace_open", "bpf")
    };
    let attached = KernelAct {
        object: KernelObject::AttachedProgram,
        ..loaded
    };
    let done = |when, act, detail| {
        let actor = deploy_session(Some(&bpftool));
        told(when, actor, PrivilegeAct::Kernel(act), detail)
    };
    let place = Some("trace_fentry vfs_open");
    vec![
        ("56-priv-bpf-load", done((22, 540_700_617, 6), loaded, None)),
        (
            "priv-bpf-attach",
            done((26, 370_778_742, 10), attached, place),
        ),
    ]
}
