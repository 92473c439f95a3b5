//! Processes that enter a container by its namespaces only.

use super::*;

const OF_A: NamespacePair = NamespacePair { mnt: 10, pid: 20 };
const OF_B: NamespacePair = NamespacePair { mnt: 11, pid: 21 };

/// Host root cgroup 1, container A in cgroup 2, B in 3.
fn with_containers() -> (Cgroups, Arc<ContainerRef>, Arc<ContainerRef>) {
    let mut table = table(100);
    table.created(UNIFIED, 1, b"/", 0);
    table.created(UNIFIED, 2, &docker(A), 0);
    table.created(UNIFIED, 3, &docker(B), 0);
    let get = |id| table.get(UNIFIED, id).unwrap().container.clone().unwrap();
    let (a, b) = (get(2), get(3));
    (table, a, b)
}

#[test]
fn by_both_namespaces_or_one() {
    let (mut table, a, _) = with_containers();
    table.register_namespaces(OF_A, &a, true);
    let at = |mnt, pid| id_at(&table, 1, 0, NamespacePair { mnt, pid }, 5);
    assert_eq!(at(10, 20), A);
    assert_eq!(at(10, 2), A, "nsenter -m");
    assert_eq!(at(1, 20), A, "nsenter -p");
    assert_eq!(at(1, 2), "unmarked");
    assert_eq!(at(0, 0), "unmarked");
    assert_eq!(at(12, 22), "unmarked");
    assert_eq!(
        id_at(&table, 77, 0, OF_A, 5),
        A,
        "an unknown cgroup does not hide it"
    );
}

#[test]
fn the_hosts_namespaces_are_never_a_containers() {
    let (mut table, a, _) = with_containers();
    table.register_namespaces(HOST, &a, true);
    table.register_namespaces(NamespacePair { mnt: 10, pid: 2 }, &a, true);
    assert_eq!(id_at(&table, 1, 0, HOST, 5), "unmarked");
    assert_eq!(table.namespaces().len(), 1);
}

#[test]
fn the_cgroup_counts_more_than_the_namespaces() {
    let (mut table, a, b) = with_containers();
    table.register_namespaces(OF_A, &a, true);
    table.register_namespaces(OF_B, &b, true);
    assert_eq!(id_at(&table, 3, 0, OF_A, 5), B);
}

#[test]
fn a_visitor_does_not_take_a_namespace_over_but_an_init_does() {
    let (mut table, a, b) = with_containers();
    table.register_namespaces(OF_A, &a, true);
    table.register_namespaces(NamespacePair { mnt: 10, pid: 2 }, &b, false);
    assert_eq!(id_at(&table, 1, 0, OF_A, 5), A);
    table.register_namespaces(OF_A, &b, true);
    assert_eq!(id_at(&table, 1, 0, OF_A, 5), B);
}

#[test]
fn a_pods_shared_pid_namespace_answers_for_nobody() {
    let (mut table, a, b) = with_containers();
    table.register_namespaces(NamespacePair { mnt: 10, pid: 20 }, &a, true);
    table.register_namespaces(NamespacePair { mnt: 11, pid: 20 }, &b, false);
    let at = |mnt, pid| id_at(&table, 1, 0, NamespacePair { mnt, pid }, 5);
    assert_eq!(
        (at(10, 20), at(11, 20), at(1, 20)),
        (A.into(), B.into(), "unmarked".into())
    );
}

/// The kernel hands a freed number out again at once.
#[test]
fn an_ended_container_answers_only_for_its_own_time() {
    let (mut table, a, b) = with_containers();
    table.register_namespaces(OF_A, &a, true);
    table.removed(UNIFIED, 2, 100);
    assert_eq!(id_at(&table, 1, 0, OF_A, 100), A);
    assert_eq!(id_at(&table, 1, 0, OF_A, 101), "unmarked");
    table.register_namespaces(OF_A, &a, false);
    assert_eq!(
        id_at(&table, 1, 0, OF_A, 101),
        "unmarked",
        "an ended one cannot register"
    );
    table.register_namespaces(OF_A, &b, false);
    assert_eq!(id_at(&table, 1, 0, OF_A, 101), B);
    table.expire(u64::MAX);
    assert_eq!(
        id_at(&table, 1, 0, OF_A, 101),
        B,
        "A's end does not take B's away"
    );
    assert_eq!(table.namespaces().len(), 2);
    table.removed(UNIFIED, 3, 200);
    table.expire(u64::MAX);
    assert!(table.namespaces().is_empty());
}

#[test]
fn a_container_that_restarts_without_end_stays_bounded() {
    let (mut table, a, _) = with_containers();
    for round in 0..1000u32 {
        let pair = NamespacePair {
            mnt: 100 + 2 * round,
            pid: 101 + 2 * round,
        };
        table.register_namespaces(pair, &a, true);
        assert_eq!(
            id_at(&table, 1, 0, pair, u64::from(round)),
            A,
            "round {round}"
        );
        let cgroup = 1000 + u64::from(round);
        table.removed(
            UNIFIED,
            if round == 0 { 2 } else { cgroup },
            u64::from(round),
        );
        table.created(UNIFIED, cgroup + 1, &docker(A), u64::from(round));
        table.expire(u64::from(round));
        assert!(table.len() <= 100);
    }
    assert!(
        table.namespaces().len() <= 66,
        "{}",
        table.namespaces().len()
    );
    assert_eq!(table.namespaces().refused(), 0);
}

#[test]
fn a_container_that_makes_namespaces_without_end_is_refused() {
    let (mut table, a, b) = with_containers();
    for mnt in 100..1100 {
        table.register_namespaces(NamespacePair { mnt, pid: 0 }, &a, false);
    }
    assert_eq!(
        (table.namespaces().len(), table.namespaces().refused()),
        (64, 936)
    );
    table.register_namespaces(OF_B, &b, true);
    assert_eq!(id_at(&table, 1, 0, OF_B, 5), B);
}
