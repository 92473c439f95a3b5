//! Cgroups come, go, come again; containers and namespaces follow them; bounds hold.

use super::*;

const A: &str = "3f0c1d9a8b7e6f5d4c3b2a190817263544536271809fadbecd0123456789abcd";
const B: &str = "c3f8a1d07be94c52a6e0f1b8d2937465c3f8a1d07be94c52a6e0f1b8d2937465";
const HOST: NamespacePair = NamespacePair { mnt: 1, pid: 2 };
const V1: u32 = 4;

fn table(entries_max: usize) -> Cgroups {
    Cgroups::new(entries_max, Some(V1), HOST)
}

fn docker(id: &str) -> Vec<u8> {
    format!("/docker/{id}").into_bytes()
}

fn id_at(table: &Cgroups, unified: u64, v1: u64, namespaces: NamespacePair, at: u64) -> String {
    match table.place(unified, v1, namespaces, at) {
        Placement::Container(container) => container.id.to_string(),
        Placement::Unmarked => "unmarked".into(),
        Placement::Unknown => "unknown".into(),
    }
}

#[test]
fn known_unmarked_and_unknown_differ() {
    let mut table = table(10);
    table.created(UNIFIED, 1, b"/", 0);
    table.created(UNIFIED, 2, &docker(A), 0);
    table.created(V1, 1, b"/", 0);
    table.created(V1, 3, &docker(B), 0);
    let at = |unified, v1| id_at(&table, unified, v1, HOST, 5);
    assert_eq!(at(1, 0), "unmarked");
    assert_eq!(at(2, 1), A);
    assert_eq!(at(1, 3), B, "v2 says the root: hybrid");
    assert_eq!(at(9, 3), B, "one id is enough");
    assert_eq!(at(9, 1), "unknown");
    assert_eq!(at(1, 9), "unknown");
    assert_eq!(at(0, 0), "unmarked");
    assert_eq!(table.counters().unknown, 2);
    assert_eq!(&*table.get(UNIFIED, 2).unwrap().path, &*docker(A));
}

#[test]
fn one_container_is_one_reference() {
    let mut table = table(10);
    table.created(UNIFIED, 1, &docker(A), 0);
    table.created(UNIFIED, 2, format!("/docker/{A}/init.scope").as_bytes(), 0);
    table.created(V1, 3, &docker(A), 0);
    let container = |key| {
        table
            .get(key, if key == V1 { 3 } else { 2 })
            .unwrap()
            .container
            .clone()
    };
    let (first, second) = (container(UNIFIED).unwrap(), container(V1).unwrap());
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(table.living_containers().count(), 1);
    assert_eq!(table.counters().created, 3);
}

#[test]
fn other_hierarchies_and_repeats_are_passed_over() {
    let mut table = table(10);
    table.created(7, 1, &docker(A), 0);
    table.removed(7, 1, 0);
    table.created(UNIFIED, 1, &docker(A), 0);
    table.created(UNIFIED, 1, &docker(A), 9);
    table.removed(UNIFIED, 1, 10);
    table.removed(UNIFIED, 1, 11);
    table.removed(UNIFIED, 5, 11);
    let counters = table.counters();
    assert_eq!(
        (counters.passed_over, counters.created, counters.removed),
        (2, 1, 1)
    );
    assert_eq!((counters.removed_unknown, table.len()), (1, 1));
}

#[test]
fn a_removed_cgroup_resolves_for_its_grace_time() {
    let mut table = table(10);
    table.created(UNIFIED, 1, &docker(A), 0);
    table.removed(UNIFIED, 1, 100);
    table.expire(100 + REMOVED_KEPT_NS - 1);
    assert_eq!(id_at(&table, 1, 0, HOST, 99), A);
    assert_eq!(table.living_containers().count(), 0);
    table.expire(100 + REMOVED_KEPT_NS);
    assert_eq!(id_at(&table, 1, 0, HOST, 99), "unknown");
    assert!(table.is_empty() && table.containers.is_empty() && table.removed.is_empty());
}

#[test]
fn a_cgroup_made_again_is_not_expired_by_its_first_removal() {
    let mut table = table(10);
    table.created(UNIFIED, 1, &docker(A), 0);
    table.removed(UNIFIED, 1, 100);
    table.created(UNIFIED, 1, &docker(B), 200);
    table.expire(u64::MAX);
    assert_eq!(id_at(&table, 1, 0, HOST, 300), B);
    assert_eq!(table.containers.len(), 1);
}

#[test]
fn a_cgroup_made_again_does_not_go_for_its_first_removal() {
    let mut table = table(2);
    table.created(UNIFIED, 1, &docker(A), 0);
    table.removed(UNIFIED, 1, 100);
    table.created(UNIFIED, 1, &docker(B), 200);
    table.created(UNIFIED, 2, b"/x", 200);
    table.created(UNIFIED, 3, b"/y", 200);
    assert_eq!(id_at(&table, 1, 0, HOST, 300), B);
    assert_eq!((table.counters().refused, table.len()), (1, 2));
}

#[test]
fn a_full_table_gives_up_the_removed_then_the_newest_unmarked() {
    let mut table = table(4);
    table.created(UNIFIED, 1, b"/", 0);
    table.created(UNIFIED, 2, b"/system.slice", 0);
    table.created(UNIFIED, 3, &docker(A), 0);
    table.created(UNIFIED, 4, b"/gone", 0);
    table.removed(UNIFIED, 4, 10);
    table.created(UNIFIED, 5, b"/new", 20);
    assert_eq!(table.counters().evicted_removed, 1);
    assert!(table.get(UNIFIED, 4).is_none() && table.get(UNIFIED, 5).is_some());

    table.created(UNIFIED, 6, b"/newer", 20);
    assert_eq!(
        table.counters().refused,
        1,
        "nothing may go for an unmarked one"
    );
    table.created(UNIFIED, 7, &docker(B), 20);
    assert_eq!(table.counters().evicted_living, 1);
    assert!(table.get(UNIFIED, 5).is_none() && table.get(UNIFIED, 1).is_some());
    table.created(UNIFIED, 8, format!("/docker/{A}/a").as_bytes(), 20);
    table.created(UNIFIED, 9, format!("/docker/{A}/b").as_bytes(), 20);
    assert_eq!((table.counters().evicted_living, table.len()), (3, 4));
    table.created(UNIFIED, 10, format!("/docker/{A}/c").as_bytes(), 20);
    assert_eq!((table.counters().refused, table.len()), (2, 4));
}

/// A user may make any number of cgroups with any names below his own manager.
#[test]
fn a_users_flood_of_made_up_containers_does_not_push_out_real_ones() {
    let mut table = table(100);
    table.created(UNIFIED, 1, &docker(A), 0);
    for id in 2..1000 {
        let path = format!("/user.slice/user@1000.service/docker-{id:064x}.scope");
        table.created(UNIFIED, id, path.as_bytes(), id);
    }
    for id in 1000..1050 {
        table.created(UNIFIED, id, format!("/docker/{id:064x}").as_bytes(), id);
    }
    assert_eq!(id_at(&table, 1, 0, HOST, 0), A);
    assert_eq!(id_at(&table, 1049, 0, HOST, 0), format!("{:064x}", 1049));
    let counters = table.counters();
    assert_eq!(
        (counters.refused, counters.evicted_living, table.len()),
        (899, 50, 100)
    );
}

#[test]
fn churn_leaves_nothing_behind() {
    let mut table = table(50);
    for id in 1..10_000 {
        let path = if id % 3 == 0 {
            docker(&format!("{id:064x}"))
        } else {
            b"/x".to_vec()
        };
        table.created(UNIFIED, id, &path, id);
        table.removed(UNIFIED, id, id);
    }
    assert!(table.len() <= 50 && table.expendable.len() <= 100 && table.removed.len() <= 50);
    table.expire(u64::MAX);
    assert!(table.is_empty() && table.containers.is_empty() && table.removed.is_empty());
}

#[test]
fn a_rename_moves_what_is_below() {
    let mut table = table(10);
    table.created(V1, 1, b"/a", 0);
    table.created(V1, 2, b"/a/x", 0);
    table.created(V1, 3, b"/ab", 0);
    table.created(UNIFIED, 4, b"/a", 0);
    table.renamed(V1, 1, &docker(A), 5);
    let path = |hierarchy, id| String::from_utf8(table.get(hierarchy, id).unwrap().path.to_vec());
    assert_eq!(path(V1, 1).unwrap(), format!("/docker/{A}"));
    assert_eq!(path(V1, 2).unwrap(), format!("/docker/{A}/x"));
    assert_eq!(path(V1, 3).unwrap(), "/ab");
    assert_eq!(path(UNIFIED, 4).unwrap(), "/a");
    assert_eq!(id_at(&table, 4, 2, HOST, 6), A);
    assert_eq!(table.len(), 4);
}

mod entering;

mod unmarked_by_path {
    use super::*;

    const OF_C: NamespacePair = NamespacePair { mnt: 10, pid: 20 };

    fn id(container: Option<Arc<ContainerRef>>) -> Option<String> {
        container.map(|container| container.id.to_string())
    }

    #[test]
    fn a_claim_leaves_the_hosts_processes_in_its_cgroup_alone() {
        let mut table = table(100);
        table.created(UNIFIED, 1, b"/", 0);
        table.created(UNIFIED, 2, b"/parent/c1", 0);
        assert_eq!(id(table.plain(1, 0)), None);
        assert_eq!(id(table.plain(2, 0)), Some("c1".into()));
        assert_eq!(id_at(&table, 2, 0, HOST, 5), "unmarked");
    }

    #[test]
    fn who_enters_is_known_by_namespaces_until_the_cgroup_ends() {
        let mut table = table(100);
        table.created(UNIFIED, 1, b"/", 0);
        table.created(UNIFIED, 2, b"/c1", 0);
        let container = table.plain(2, 0).unwrap();
        table.register_namespaces(OF_C, &container, true);
        assert_eq!(id_at(&table, 1, 0, OF_C, 5), "c1");
        // Asked again it is the same one, not one more.
        assert!(Arc::ptr_eq(&table.plain(2, 0).unwrap(), &container));
        table.removed(UNIFIED, 2, 100);
        assert_eq!(id_at(&table, 1, 0, OF_C, 100), "c1");
        assert_eq!(id_at(&table, 1, 0, OF_C, 101), "unmarked");
        table.expire(u64::MAX);
        assert_eq!(
            (table.namespaces().len(), table.living_containers().count()),
            (0, 0)
        );
    }

    #[test]
    fn the_v1_path_counts_where_the_unified_one_says_nothing() {
        let mut table = table(100);
        table.created(UNIFIED, 1, b"/", 0);
        table.created(4, 7, b"/c1", 0);
        assert_eq!(id(table.plain(1, 7)), Some("c1".into()));
        assert_eq!(id(table.plain(1, 0)), None);
    }

    #[test]
    fn what_ran_before_is_found_by_its_path_and_registered() {
        let mut table = table(100);
        table.created(UNIFIED, 1, b"/", 0);
        table.created(UNIFIED, 2, b"/c1", 0);
        table.removed(UNIFIED, 2, 1);
        table.created(UNIFIED, 3, b"/c1", 2);
        let paths = [(9, b"/else".to_vec()), (UNIFIED, b"/c1".to_vec())];
        assert_eq!(
            id(table.plain_by_path(&paths, OF_C, true)),
            Some("c1".into())
        );
        assert_eq!(id_at(&table, 1, 0, OF_C, 5), "c1");
        table.removed(UNIFIED, 3, 100);
        assert_eq!(id_at(&table, 1, 0, OF_C, 101), "unmarked");
    }

    #[test]
    fn where_the_hosts_processes_live_no_claim_can_be_made() {
        let mut table = table(100);
        table.created(UNIFIED, 2, b"/jobs/build", 0);
        table.created(V1, 7, b"/jobs/build", 0);
        let paths = [(UNIFIED, b"/jobs/build".to_vec())];
        table.hosts_live_in(&paths.into());
        assert_eq!(id(table.plain(2, 0)), None);
        assert_eq!(
            id(table.plain(2, 7)),
            Some("build".into()),
            "of another tree nothing is known"
        );
    }

    #[test]
    fn a_marked_cgroup_is_not_claimed_by_another_path() {
        let mut table = table(100);
        table.created(UNIFIED, 1, b"/c1", 0);
        table.created(V1, 7, &docker(A), 0);
        assert_eq!(id(table.plain(1, 7)), None);
    }
}
