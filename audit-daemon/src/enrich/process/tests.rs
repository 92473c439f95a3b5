//! Parents stay named, ends are counted once, bounds hold.

use zerocopy::FromZeros;

use super::*;

const TICK: u64 = TICK_NS;

fn table(max: usize) -> ProcessTable {
    ProcessTable::new(NonZeroUsize::new(max).unwrap())
}

fn header(pid: u32, tick: u64) -> Header {
    Header {
        tgid: pid,
        start_ns: tick * TICK,
        comm: *b"sh\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        ..Header::new_zeroed()
    }
}

fn fork(table: &mut ProcessTable, parent: (u32, u64), child: (u32, u64)) {
    let mut event = Fork::new_zeroed();
    event.header = header(child.0, child.1);
    (event.parent_tgid, event.parent_start_ns) = (parent.0, parent.1 * TICK);
    (event.maker_tgid, event.maker_start_ns) = (parent.0, parent.1 * TICK);
    table.forked(&event);
}

fn exec(table: &mut ProcessTable, process: (u32, u64), path: &str) {
    let mut event = Exec::new_zeroed();
    event.header = header(process.0, process.1);
    table.executed(&event, path.as_bytes(), None);
}

fn exit(table: &mut ProcessTable, process: (u32, u64), time_ns: u64) -> bool {
    let mut event = Exit::new_zeroed();
    event.header = Header {
        time_ns,
        ..header(process.0, process.1)
    };
    table.exited(&event)
}

fn path(reference: &Reference) -> Option<&str> {
    reference
        .path
        .as_deref()
        .and_then(|path| std::str::from_utf8(path).ok())
}

#[test]
fn a_child_is_what_its_maker_is_until_it_executes() {
    let mut table = table(10);
    exec(&mut table, (1, 1), "/sbin/init");
    fork(&mut table, (1, 1), (2, 5));
    let child = table.get(Key { pid: 2, tick: 5 }).unwrap();
    assert_eq!(path(&child.reference), Some("/sbin/init"));
    exec(&mut table, (2, 5), "/bin/true");
    let parent = table.parent_of(Key { pid: 2, tick: 5 }, Key { pid: 99, tick: 9 });
    assert_eq!((parent.key.pid, path(&parent)), (1, Some("/sbin/init")));
}

#[test]
fn a_parent_that_is_gone_is_still_named() {
    let mut table = table(10);
    exec(&mut table, (10, 1), "/bin/sh");
    fork(&mut table, (10, 1), (11, 2));
    assert!(exit(&mut table, (10, 1), 5 * TICK));
    table.expire(5 * TICK + ENDED_KEPT_NS);
    assert!(table.get(Key { pid: 10, tick: 1 }).is_none());
    // The kernel says that pid 1 is the parent by now: who made it counts.
    let parent = table.parent_of(Key { pid: 11, tick: 2 }, Key { pid: 1, tick: 0 });
    assert_eq!((parent.key.pid, path(&parent)), (10, Some("/bin/sh")));
}

#[test]
fn a_pid_that_comes_round_is_another_process() {
    let mut table = table(10);
    exec(&mut table, (10, 1), "/bin/old");
    assert!(exit(&mut table, (10, 1), 2 * TICK));
    exec(&mut table, (10, 7), "/bin/new");
    assert_eq!(
        path(&table.get(Key { pid: 10, tick: 1 }).unwrap().reference),
        Some("/bin/old")
    );
    assert_eq!(
        path(&table.get(Key { pid: 10, tick: 7 }).unwrap().reference),
        Some("/bin/new")
    );
}

#[test]
fn the_second_thread_that_saw_the_end_is_folded() {
    let mut table = table(10);
    exec(&mut table, (10, 1), "/bin/threads");
    assert!(exit(&mut table, (10, 1), 5));
    assert!(!exit(&mut table, (10, 1), 6));
}

#[test]
fn the_bound_holds_and_living_evictions_are_counted() {
    let mut table = table(3);
    for pid in 1..=3 {
        exec(&mut table, (pid, 1), "/bin/x");
    }
    exit(&mut table, (1, 1), 5);
    // Touched, so 2 is not the one heard of for longest; 1 has ended and goes uncounted.
    table.get(Key { pid: 2, tick: 1 });
    exec(&mut table, (4, 1), "/bin/x");
    assert_eq!((table.len(), table.counters.evicted), (3, 1));
    assert!(table.get(Key { pid: 3, tick: 1 }).is_none());
}

#[test]
fn ancestors_come_nearest_first_and_end_at_eight() {
    let mut table = table(30);
    exec(&mut table, (1, 1), "/sbin/init");
    for pid in 2..=12 {
        fork(&mut table, (pid - 1, u64::from(pid) - 1), (pid, pid.into()));
    }
    let pids: Vec<u32> = table
        .ancestors(Key { pid: 12, tick: 12 })
        .iter()
        .map(|a| a.key.pid)
        .collect();
    assert_eq!(pids, [11, 10, 9, 8, 7, 6, 5, 4]);
}
