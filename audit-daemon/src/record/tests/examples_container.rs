//! Programs that were started in containers, and the names of the golden files.

use super::super::view::*;
use super::super::*;
use super::examples::{Example, file, labels, line, plain_owner, text};
use super::examples_exec::launched;
use super::{at, event, id};

pub fn all() -> Vec<Example> {
    vec![
        ("14-process-exec-container", container()),
        ("exec-container-pending", container_pending()),
    ]
}

fn in_container(utc_ns: i64, sequence: u64, container: ContainerView) -> String {
    let shim = ProcessView {
        id: id(5188, 90_110),
        path: Fact::Known(text(b"/usr/bin/containerd-shim-runc-v2")),
        ..ProcessView::default()
    };
    let process = ProcessView {
        directory: Fact::Known(text(b"/app")),
        owner: Fact::Known(Owner {
            user_name: Fact::Absent,
            ..plain_owner(101, "")
        }),
        container: Fact::Known(container),
        namespace_pid: Some(1),
        ..launched(
            id(5210, 90_112),
            "api",
            file(b"/app/api", 0, 62, 77_120),
            b"/app/api\0--listen\0:8443\0",
        )
    };
    let labels = labels();
    let event = event(Lane::Critical, 1, 40_319);
    let meta = Meta {
        utc_ns,
        sequence,
        event,
        correlation: None,
        labels: &labels,
    };
    let actor = ActorView {
        process: Some(&shim),
        ..ActorView::default()
    };
    line(|lines, out| {
        lines.exec(
            out,
            &ExecView {
                meta,
                actor,
                process,
            },
        )
    })
}

const CONTAINER_ID: &str = "c3f8a1d07be94c52a6e0f1b8d2937465c3f8a1d07be94c52a6e0f1b8d2937465";

fn container() -> String {
    let image = Image {
        digest: "sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d",
        name: Some("registry.example/payments/api:2.4.1"),
    };
    let container = ContainerView {
        uid: CONTAINER_ID,
        name: Fact::Known("api"),
        image: Fact::Known(image),
        runtime: Fact::Known("containerd"),
        pod_uid: Some("6b1f7a52-0c1e-4f0a-9d57-2f1d2f6c8a10"),
        pod: Fact::Known(Pod {
            name: "api-7d9f5c-k2x8p",
            namespace: "payments",
        }),
    };
    in_container(at(44, 685_231_867), 1_048_590, container)
}

fn container_pending() -> String {
    let container = ContainerView {
        uid: CONTAINER_ID,
        name: Fact::Pending,
        image: Fact::Pending,
        runtime: Fact::Known("containerd"),
        pod_uid: Some("6b1f7a52-0c1e-4f0a-9d57-2f1d2f6c8a10"),
        pod: Fact::Pending,
    };
    in_container(at(44, 685_231_867), 1_048_590, container)
}
