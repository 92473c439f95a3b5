//! A host is read from files as they are, whole or broken.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;

const INITIAL: [(&str, u32); 5] = [
    ("pid", 4026531836),
    ("user", 4026531837),
    ("mnt", 4026531841),
    ("time", 4026531834),
    ("cgroup", 4026531835),
];

/// A root directory with what a host has.
struct Root(tempfile::TempDir);

impl Root {
    fn new() -> Root {
        let root = Root(tempfile::tempdir().unwrap());
        root.write("proc/sys/kernel/hostname", "web-1\n");
        root.write(
            "proc/sys/kernel/random/boot_id",
            "0d5be3a4-91c7-4f0e-8a26-c7f4b1e9d350\n",
        );
        root.write("proc/sys/kernel/osrelease", "6.12.41+deb13-amd64\n");
        root.write("proc/sys/kernel/cap_last_cap", "40\n");
        root.write("sys/devices/system/cpu/possible", "0-3\n");
        root.write("etc/machine-id", "4a1f0c9be27d4e35b0c6d3f18a5e7c92\n");
        root.write("etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 13\"\n");
        root.write("proc/cpuinfo", "processor : 0\nflags\t\t: fpu vme sse\n");
        for (name, number) in INITIAL {
            root.namespace("self", name, number);
            root.namespace("1", name, number);
        }
        root
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.0.path().join(path)).unwrap();
    }

    fn namespace(&self, process: &str, name: &str, number: u32) {
        let link = self
            .0
            .path()
            .join("proc")
            .join(process)
            .join("ns")
            .join(name);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&link);
        symlink(format!("{name}:[{number}]"), link).unwrap();
    }

    fn host(&self) -> Host {
        Host::read_from(self.0.path()).unwrap()
    }
}

#[test]
fn a_plain_host() {
    let host = Root::new().host();
    assert_eq!(host.hostname, "web-1");
    assert_eq!(host.machine_id, "4a1f0c9be27d4e35b0c6d3f18a5e7c92");
    assert_eq!(host.boot_id, "0d5be3a4-91c7-4f0e-8a26-c7f4b1e9d350");
    assert_eq!(host.os_pretty_name, "Debian GNU/Linux 13");
    assert_eq!(host.kernel_release, "6.12.41+deb13-amd64");
    assert_eq!(host.cap_full, 0x1ff_ffff_ffff);
    assert_eq!((host.cpus_possible, host.cpu_numbers_end), (4, 4));
    assert_eq!(
        (host.device_type_id(), host.page_bytes.is_power_of_two()),
        (0, true)
    );
    assert_eq!(host.namespaces.source, NamespaceSource::Init);
    assert_eq!(
        (host.namespaces.mnt, host.namespaces.pid),
        (4026531841, 4026531836)
    );
    assert_eq!(host.problems, []);
}

#[test]
fn the_machine_id_has_stand_ins_that_are_told() {
    let root = Root::new();
    let uuid = "4C4C4544-0042-3510-8054-B7C04F4E3232";
    for (path, text) in [
        ("etc/machine-id", "uninitialized\n"),
        ("etc/machine-id", ""),
        ("etc/machine-id", "00000000000000000000000000000000\n"),
        ("etc/machine-id", "4a1f0c9be27d4e35b0c6d3f18a5e7c9g\n"),
    ] {
        root.write(path, text);
        assert_eq!(
            root.host().machine_id_source,
            MachineIdSource::HostnameHash,
            "{text}"
        );
    }
    let by_name = root.host();
    assert_eq!(by_name.machine_id, root.host().machine_id);
    assert_eq!(by_name.machine_id.len(), 32);
    let problem = HostProblem::NoMachineId {
        stand_in: MachineIdSource::HostnameHash,
    };
    assert_eq!(by_name.problems, [problem]);
    assert_eq!(by_name.fatal_problems().count(), 0);

    root.write(
        "sys/class/dmi/id/product_uuid",
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF\n",
    );
    assert_eq!(root.host().machine_id_source, MachineIdSource::HostnameHash);
    root.write("sys/class/dmi/id/product_uuid", uuid);
    assert_eq!(
        root.host().machine_id,
        "4c4c45440042351080 54b7c04f4e3232".replace(' ', "")
    );
    root.write(
        "var/lib/dbus/machine-id",
        "3d1219c7c4c5404aaa1f6d2a48adfda4",
    );
    assert_eq!(root.host().machine_id_source, MachineIdSource::Dbus);
    root.write("etc/machine-id", "4A1F0C9BE27D4E35B0C6D3F18A5E7C92");
    let host = root.host();
    assert_eq!(host.machine_id_source, MachineIdSource::MachineId);
    assert_eq!(host.machine_id, "4a1f0c9be27d4e35b0c6d3f18a5e7c92");
}

#[test]
fn virtual_machines_are_told() {
    let with = |files: &[(&str, &str)]| {
        let root = Root::new();
        for (path, text) in files {
            root.write(path, text);
        }
        root.host().machine == Machine::Virtual
    };
    let vendor = "sys/class/dmi/id/sys_vendor";
    let product = "sys/class/dmi/id/product_name";
    let flag = ("proc/cpuinfo", "flags : fpu hypervisor sse\n");
    assert!(with(&[flag]));
    assert!(!with(&[(
        "proc/cpuinfo",
        "flags : fpu xhypervisor\nmodel name : hypervisor\n"
    )]));
    assert!(with(&[("sys/hypervisor/type", "xen\n")]));
    assert!(!with(&[
        ("sys/hypervisor/type", "xen\n"),
        ("proc/xen/capabilities", "control_d\n")
    ]));
    assert!(with(&[(vendor, "QEMU\n")]));
    assert!(with(&[(vendor, "VMware, Inc.\n")]));
    assert!(with(&[(vendor, "Amazon EC2\n"), (product, "m5.large\n")]));
    assert!(!with(&[(vendor, "Amazon EC2\n"), (product, "m5.metal\n")]));
    assert!(with(&[
        (vendor, "Microsoft Corporation\n"),
        (product, "Virtual Machine\n")
    ]));
    assert!(!with(&[
        (vendor, "Microsoft Corporation\n"),
        (product, "Surface\n")
    ]));
    assert!(!with(&[(vendor, "Dell Inc.\n"), (product, "PowerEdge\n")]));
    assert!(with(&[(
        "proc/device-tree/hypervisor/compatible",
        "linux,kvm\0"
    )]));
}

#[test]
fn namespaces_that_make_records_wrong_are_fatal() {
    let problem_of = |name: &str| {
        let root = Root::new();
        root.namespace("self", name, 77);
        root.namespace("1", name, if name == "mnt" { 4026531841 } else { 77 });
        let problems = root.host().problems;
        assert_eq!(problems.len(), 1, "{name}: {problems:?}");
        (problems[0].clone(), problems[0].is_fatal())
    };
    assert_eq!(
        problem_of("pid"),
        (HostProblem::OtherPidNamespace { own: 77 }, true)
    );
    assert_eq!(
        problem_of("user"),
        (HostProblem::OtherUserNamespace { own: 77 }, true)
    );
    assert_eq!(
        problem_of("time"),
        (HostProblem::OtherTimeNamespace { own: 77 }, true)
    );
    assert_eq!(
        problem_of("cgroup"),
        (HostProblem::OtherCgroupNamespace { own: 77 }, false)
    );
    let mnt = HostProblem::OtherMountNamespace {
        own: 77,
        host: 4026531841,
    };
    assert_eq!(problem_of("mnt"), (mnt, false));
}

#[test]
fn an_init_that_cannot_be_asked_is_said() {
    let root = Root::new();
    root.remove("proc/1/ns/mnt");
    let host = root.host();
    assert_eq!(
        (host.namespaces.source, host.namespaces.mnt),
        (NamespaceSource::Own, 4026531841)
    );
    assert_eq!(host.problems.len(), 1);
    assert!(matches!(
        host.problems[0],
        HostProblem::HostMountNamespaceUnknown { .. }
    ));
    root.namespace("self", "mnt", 4026531832);
    assert_eq!(
        root.host().problems,
        [],
        "6.18 gives the first mount namespace a fixed number"
    );
}

#[test]
fn a_kernel_without_time_namespaces_is_fine_but_one_without_proc_is_not() {
    let root = Root::new();
    root.remove("proc/self/ns/time");
    root.remove("proc/self/ns/cgroup");
    assert_eq!(root.host().problems, []);
    root.remove("proc/self/ns/pid");
    assert_eq!(root.host().fatal_problems().count(), 1);
}

#[test]
fn missing_and_hostile_files_are_errors_that_name_them() {
    for (path, text, said) in [
        (
            "proc/sys/kernel/cap_last_cap",
            "64",
            "\"64\", which is no number of a capability",
        ),
        (
            "proc/sys/kernel/cap_last_cap",
            "x",
            "/proc/sys/kernel/cap_last_cap says",
        ),
        (
            "proc/sys/kernel/random/boot_id",
            "nonsense",
            "which is no UUID",
        ),
        (
            "sys/devices/system/cpu/possible",
            "\u{1b}[31m",
            "which is no list of CPUs",
        ),
    ] {
        let root = Root::new();
        root.write(path, text);
        let error = Host::read_from(root.0.path()).unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains('\u{1b}'), "{error}");
    }
    let root = Root::new();
    root.remove("proc/sys/kernel/hostname");
    let error = Host::read_from(root.0.path()).unwrap_err().to_string();
    assert!(
        error.starts_with("cannot read /proc/sys/kernel/hostname"),
        "{error}"
    );

    root.write("proc/sys/kernel/hostname", &"\u{e9}".repeat(4000));
    assert_eq!(root.host().hostname.len(), 254);
    for (last, full) in [("63", u64::MAX), ("0", 1)] {
        root.write("proc/sys/kernel/cap_last_cap", last);
        assert_eq!(root.host().cap_full, full);
    }
}

#[test]
fn this_machine_can_be_read() {
    let host = Host::read().unwrap();
    assert_eq!((host.boot_id.len(), host.machine_id.len()), (36, 32));
    assert_eq!(hostname_now().unwrap(), host.hostname);
}
