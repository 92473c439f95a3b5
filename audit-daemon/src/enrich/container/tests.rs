//! A table of paths as the runtimes make them, and of paths that only look so.

mod hostile;

use super::*;

const A: &str = "3f0c1d9a8b7e6f5d4c3b2a190817263544536271809fadbecd0123456789abcd";
const B: &str = "c3f8a1d07be94c52a6e0f1b8d2937465c3f8a1d07be94c52a6e0f1b8d2937465";
const POD: &str = "6b1f7a52-0c1e-4f0a-9d57-2f1d2f6c8a10";
const POD_: &str = "6b1f7a52_0c1e_4f0a_9d57_2f1d2f6c8a10";
const STATIC_POD: &str = "0123456789abcdef0123456789abcdef";
const TASK: &str = "f1d2d2f924e986ac86fdf7b36c94bcdf";

/// `{A}` and the like in a path of the tables.
fn fill(pattern: &str) -> String {
    pattern
        .replace("{A}", A)
        .replace("{B}", B)
        .replace("{POD}", POD)
        .replace("{POD_}", POD_)
        .replace("{STATIC}", STATIC_POD)
        .replace("{TASK}", TASK)
}

fn check(path: &str, runtime: Runtime, id: &str, pod: Option<&str>, by: Option<Orchestrator>) {
    let path = fill(path);
    let found = recognise(path.as_bytes()).unwrap_or_else(|| panic!("{path}: no container"));
    assert_eq!(
        (
            found.runtime,
            &*found.id,
            found.pod_uid.as_deref(),
            found.orchestrator
        ),
        (runtime, &*fill(id), pod.map(fill).as_deref(), by),
        "{path}"
    );
}

use Runtime::{
    Buildkit, Containerd, Crio, Crun, Docker, Garden, Lxc, Nspawn, Podman, Runc, Unstated, Youki,
};

/// Path, runtime and id.
const OUTSIDE_KUBERNETES: &[(&str, Runtime, &str)] = &[
    // Docker
    ("/docker/{A}", Docker, "{A}"),
    ("/docker/{A}/init.scope", Docker, "{A}"),
    ("/docker/{A}/system.slice/nginx.service", Docker, "{A}"),
    ("/system.slice/docker-{A}.scope", Docker, "{A}"),
    ("/system.slice/docker-{A}.scope/sub/sub", Docker, "{A}"),
    ("/my.slice/my-team.slice/docker-{A}.scope", Docker, "{A}"),
    ("/system.slice:docker:{A}", Docker, "{A}"),
    (
        "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{A}.scope",
        Docker,
        "{A}",
    ),
    ("/moby/{A}", Docker, "{A}"),
    ("/../../docker/{A}", Docker, "{A}"),
    ("/docker/{A}/docker/{B}", Docker, "{B}"),
    ("/docker/{A}/system.slice/docker-{B}.scope", Docker, "{B}"),
    (
        "/docker/buildkit/v9d3k2j1h0g9f8e7d6c5b4a3z",
        Buildkit,
        "v9d3k2j1h0g9f8e7d6c5b4a3z",
    ),
    (
        "/buildkit/v9d3k2j1h0g9f8e7d6c5b4a3z",
        Buildkit,
        "v9d3k2j1h0g9f8e7d6c5b4a3z",
    ),
    (
        "/system.slice:buildkit:v9d3k2j1h0g9f8e7d6c5b4a3z",
        Buildkit,
        "v9d3k2j1h0g9f8e7d6c5b4a3z",
    ),
    // containerd
    ("/default/c1", Containerd, "c1"),
    ("/default/c1/system.slice/x.service", Containerd, "c1"),
    ("/default/{A}", Containerd, "{A}"),
    ("/k8s.io/c2", Containerd, "c2"),
    ("/docker/{A}/default/c1", Containerd, "c1"),
    ("/system.slice/nerdctl-{A}.scope", Containerd, "{A}"),
    ("/system.slice/cri-containerd-{A}.scope", Containerd, "{A}"),
    (
        "/system.slice/containerd.service/system.slice:cri-containerd:{A}",
        Containerd,
        "{A}",
    ),
    // Podman
    ("/libpod_parent/libpod-{A}", Podman, "{A}"),
    ("/libpod_parent/{B}/libpod-{A}", Podman, "{A}"),
    ("/machine.slice/libpod-{A}.scope", Podman, "{A}"),
    ("/machine.slice/libpod-{A}.scope/container", Podman, "{A}"),
    (
        "/machine.slice/libpod-{A}.scope/container/init.scope",
        Podman,
        "{A}",
    ),
    (
        "/machine.slice/machine-libpod_pod_{B}.slice/libpod-{A}.scope",
        Podman,
        "{A}",
    ),
    (
        "/user.slice/user-7.slice/user@7.service/user.slice/libpod-{A}.scope/container",
        Podman,
        "{A}",
    ),
    (
        "/system.slice/web.service/libpod-payload-{A}",
        Podman,
        "{A}",
    ),
    // LXC
    ("/lxc/web", Lxc, "web"),
    ("/lxc/101/ns/system.slice/cron.service", Lxc, "101"),
    ("/lxc.payload.l1", Lxc, "l1"),
    ("/lxc.payload.l1/system.slice/ssh.service", Lxc, "l1"),
    ("/lxc.payload/web-1", Lxc, "web-1"),
    ("/lxc.payload.outer/lxc.payload.inner", Lxc, "inner"),
    (
        "/user.slice/user-1000.slice/session-4.scope/lxc.payload.u1",
        Lxc,
        "u1",
    ),
    (
        "/machine.slice/machine-lxc\\x2d1234\\x2dold\\x2dbox.scope",
        Lxc,
        "old-box",
    ),
    ("/machine/lxc-77-box.libvirt-lxc", Lxc, "box"),
    ("/machine/box.libvirt-lxc", Lxc, "box"),
    // systemd-nspawn
    ("/machine.slice/machine-deb.scope", Nspawn, "deb"),
    (
        "/machine.slice/machine-my\\x2dbox.scope/payload",
        Nspawn,
        "my-box",
    ),
    (
        "/machine.slice/machine-my\\x2dbox.scope/payload/init.scope",
        Nspawn,
        "my-box",
    ),
    (
        "/machine.slice/systemd-nspawn@deb\\x2d12.service/payload/system.slice/x.service",
        Nspawn,
        "deb-12",
    ),
    ("/machine.slice/machine-a\\x2.scope", Nspawn, "a\\x2"),
    ("/machine.slice/machine-a\\x2fb.scope", Nspawn, "a\\x2fb"),
    ("/machine.slice/machine-a\\x0ab.scope", Nspawn, "a\\x0ab"),
    // plain OCI runtimes with the systemd driver
    ("/system.slice/runc-job.1_a.scope", Runc, "job.1_a"),
    (
        "/user.slice/user-1000.slice/user@1000.service/user.slice/crun-c-1.scope",
        Crun,
        "c-1",
    ),
    ("/system.slice/youki-{A}.scope", Youki, "{A}"),
    ("/system.slice:runc:job", Runc, "job"),
    // others
    (
        "/garden/4b5b7a3e-5a0e-4d5e-6a7b-9d3c",
        Garden,
        "4b5b7a3e-5a0e-4d5e-6a7b-9d3c",
    ),
    ("/system.slice/garden.service/garden/abc", Garden, "abc"),
    ("/actions_job/{A}", Unstated, "{A}"),
    ("/system.slice/isulad-{A}.scope", Unstated, "{A}"),
];

#[test]
fn runtimes_outside_kubernetes() {
    let table = OUTSIDE_KUBERNETES;
    for (path, runtime, id) in table {
        check(path, *runtime, id, None, None);
    }
    assert_eq!(table.len(), 56);
}

#[test]
fn pods_of_kubernetes_and_tasks_of_ecs() {
    const K: Option<Orchestrator> = Some(Orchestrator::Kubernetes);
    const E: Option<Orchestrator> = Some(Orchestrator::Ecs);
    const P: Option<&str> = Some("{POD}");
    let qos = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{POD_}.slice";
    let kind = "/docker/{A}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/\
                kubelet-kubepods-besteffort-pod{POD_}.slice";
    type Row = (
        String,
        Runtime,
        &'static str,
        Option<&'static str>,
        Option<Orchestrator>,
    );
    let table: &[Row] = &[
        ("/kubepods/burstable/pod{POD}/{A}".into(), Unstated, "{A}", P, K),
        ("/kubepods/besteffort/pod{POD}/{A}/init.scope".into(), Unstated, "{A}", P, K),
        ("/kubepods/pod{POD}/{A}".into(), Unstated, "{A}", P, K),
        ("/kubepods/burstable/pod{POD}/crio-{A}".into(), Crio, "{A}", P, K),
        ("/kubepods/besteffort/pod{STATIC}/{A}".into(), Unstated, "{A}", Some("{STATIC}"), K),
        (format!("{qos}/cri-containerd-{{A}}.scope"), Containerd, "{A}", P, K),
        (format!("{qos}/crio-{{A}}.scope"), Crio, "{A}", P, K),
        (format!("{qos}/crio-{{A}}.scope/container"), Crio, "{A}", P, K),
        (format!("{qos}/docker-{{A}}.scope"), Docker, "{A}", P, K),
        (format!("{qos}/{{A}}"), Unstated, "{A}", P, K),
        (
            "/kubepods.slice/kubepods-pod{POD_}.slice/cri-containerd-{A}.scope".into(),
            Containerd, "{A}", P, K,
        ),
        (
            "/kubepods.slice/kubepods-pod{STATIC}.slice/cri-containerd-{A}.scope".into(),
            Containerd, "{A}", Some("{STATIC}"), K,
        ),
        (
            "/system.slice/containerd.service/kubepods-burstable-pod{POD_}.slice:cri-containerd:{A}"
                .into(),
            Containerd, "{A}", P, K,
        ),
        ("/kubepods-besteffort-pod{POD_}.slice:crio:{A}".into(), Crio, "{A}", P, K),
        ("/docker/{A}/kubelet/kubepods/burstable/pod{POD}/{B}".into(), Unstated, "{B}", P, K),
        (format!("{kind}/cri-containerd-{{B}}.scope"), Containerd, "{B}", P, K),
        // Docker inside a pod: the deepest container, still in that pod.
        ("/kubepods/burstable/pod{POD}/{A}/docker/{B}".into(), Docker, "{B}", P, K),
        // A pod uid that is none stays out of the record.
        ("/kubepods/burstable/pod1234/{A}".into(), Unstated, "{A}", None, K),
        ("/ecs/{TASK}/{A}".into(), Unstated, "{A}", None, E),
        ("/ecs/cluster/{TASK}/{A}".into(), Unstated, "{A}", None, E),
        ("/ecs/{TASK}/{TASK}-3062441402".into(), Unstated, "{TASK}-3062441402", None, E),
        ("/ecstasks.slice/ecstasks-{TASK}.slice/docker-{A}.scope".into(), Docker, "{A}", None, E),
    ];
    for (path, runtime, id, pod, by) in table {
        check(path, *runtime, id, *pod, *by);
    }
    assert_eq!(table.len(), 22);
}

#[test]
fn what_only_looks_like_a_container() {
    let short = &A[..63];
    let table = [
        "/",
        "",
        "/init.scope",
        "/user.slice/user-1000.slice/session-3.scope",
        "/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal.slice",
        "/system.slice/docker.service",
        "/system.slice/containerd.service",
        "/system.slice/docker.socket",
        "/docker",
        "/docker/abc",
        "/docker/buildkit",
        &format!("/docker/{short}"),
        &format!("/docker/{}", A.to_uppercase()),
        &format!("/system.slice/docker-{short}.scope"),
        &format!("/system.slice/docker-{A}0.scope"),
        &format!("/system.slice/docker-{A}.service"),
        &format!("/system.slice/var-lib-docker-overlay2-{A}-merged.mount"),
        "/system.slice/run-docker-netns-4b5b7a3e.mount",
        // health checks of Podman run outside, as units named by the container
        &format!("/system.slice/{A}.service"),
        &format!("/system.slice/{A}-1f2e3d4c.service"),
        &format!("/machine.slice/libpod-conmon-{A}.scope"),
        &format!("/libpod_parent/libpod-conmon-{A}"),
        &format!("/libpod_parent/{A}"),
        &format!("/machine.slice/machine-libpod_pod_{A}.slice"),
        "/user.slice/user-1000.slice/user@1000.service/user.slice/podman-pause-8b3e0af1.scope",
        "/user.slice/user-1000.slice/user@1000.service/user.slice/podman-1234.scope",
        &format!("/kubepods.slice/crio-conmon-{A}.scope"),
        &format!("/kubepods/burstable/pod{POD}/crio-conmon-{A}"),
        &format!("/kubepods/burstable/pod{POD}"),
        &format!("/kubepods.slice/kubepods-pod{POD_}.slice"),
        "/kubepods.slice",
        "/kubepods/besteffort",
        "/lxc",
        "/lxc.monitor.web",
        "/lxc.monitor/web",
        "/lxc.pivot",
        "/lxc.payload",
        "/lxc.payload.",
        "/machine.slice",
        "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope",
        "/machine.slice/machine-qemu\\x2d12\\x2dmy\\x2dvm.scope/libvirt/vcpu0",
        "/machine/qemu-1-vm.libvirt-qemu",
        "/machine.slice/machine-.scope",
        "/machine.slice/machine-deb.scope/supervisor",
        "/machine.slice/systemd-nspawn@deb.service/supervisor",
        "/system.slice/runc-.scope",
        "/system.slice/runc-a b.scope",
        "/system.slice/run-rc0ffee.scope",
        "/default",
        "/a/default/c1",
        "/default/x.service",
        "/process_api/d258c5083c3aac85419e26e36b136d9e",
        "/runc1",
        "/payload/system.slice/x.service",
        &format!("/a:{A}"),
        &format!("/ecs/{TASK}"),
        "/ecs/zz/zz-1",
        "/garden",
        &format!("/x-conmon-{A}"),
        &format!("/-{A}"),
    ];
    for path in table {
        assert_eq!(recognise(path.as_bytes()), None, "{path}");
    }
    assert_eq!(table.len(), 60);
}

#[test]
fn the_supervisor_of_a_nested_nspawn_is_in_the_outer_container() {
    check(
        &format!("/docker/{A}/machine-deb.scope/supervisor"),
        Runtime::Docker,
        A,
        None,
        None,
    );
    check(
        &format!("/docker/{A}/machine-deb.scope/payload"),
        Runtime::Nspawn,
        "deb",
        None,
        None,
    );
    check(
        "/machine-a.scope/payload/supervisor",
        Runtime::Nspawn,
        "a",
        None,
        None,
    );
}

#[test]
fn names_below_a_user_manager_may_be_made_up() {
    let rootless = format!("/user.slice/user-7.slice/user@7.service/user.slice/libpod-{A}.scope");
    assert_eq!(
        recognise(rootless.as_bytes()).unwrap().delegated_uid,
        Some(7)
    );
    for path in [
        format!("/machine.slice/libpod-{A}.scope"),
        format!("/user.slice/user-0.slice/user@0.service/libpod-{A}.scope"),
        format!("/user.slice/user@x.service/libpod-{A}.scope"),
    ] {
        assert_eq!(
            recognise(path.as_bytes()).unwrap().delegated_uid,
            None,
            "{path}"
        );
    }
}

#[test]
fn plain_oci_takes_the_end_of_the_first_run_of_no_units() {
    for (path, id) in [
        ("/runc1", Some("runc1")),
        ("/a/b", Some("b")),
        ("/runc1/system.slice/x.service/sub", Some("runc1")),
        ("/runc1/init.scope", Some("runc1")),
        ("/payload/system.slice/x.service", Some("payload")),
        ("/system.slice/job.service/ctr1", Some("ctr1")),
        ("/", None),
        ("", None),
        ("/init.scope", None),
        ("/system.slice", None),
        ("/system.slice/x.service", None),
        ("/user.slice/user-1000.slice/session-1.scope", None),
        ("/system.slice/dev-hugepages.mount", None),
        ("/system.slice/x.socket", None),
        ("/a b", None),
        ("/t\u{e9}st", None),
    ] {
        assert_eq!(plain_oci(path.as_bytes()), id, "{path}");
    }
    assert_eq!(plain_oci(b"/\xff\xfe"), None);
    let long = format!("/{}", "n".repeat(ID_BYTES_MAX + 1));
    assert_eq!(plain_oci(long.as_bytes()), None);
}
