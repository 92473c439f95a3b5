//! One search is one intent; what is not the same search is not folded.

use audit_common::Lane;
use zerocopy::FromZeros;

use super::*;
use crate::{accounts::Accounts, decode::Part, source::Acknowledgement};

struct Tried {
    searches: PathSearches,
    accounts: Accounts,
    over: Vec<(u64, Vec<u8>)>,
}

fn header(tid: u32, time_ns: u64) -> Header {
    Header {
        tgid: 7,
        tid,
        start_ns: 1,
        time_ns,
        ..Header::new_zeroed()
    }
}

impl Tried {
    fn new() -> Tried {
        let accounts = Accounts::resume(Acknowledgement::default());
        Tried {
            searches: PathSearches::default(),
            accounts,
            over: Vec::new(),
        }
    }

    fn missing(&mut self, tid: u32, time_ns: u64, path: &[u8], argv: &[u8]) -> bool {
        let header = header(tid, time_ns);
        let part = |bytes| {
            Some(Part {
                bytes,
                original: 0,
                flags: 0,
            })
        };
        let mut tails = Tails::default();
        (tails.filename, tails.argv) = (part(path), part(argv));
        let ticket = self.accounts.read(Lane::Bulk, time_ns, &header);
        let over = &mut self.over;
        let judgement = self
            .searches
            .missing(&header, &tails, path, ticket, |search| {
                over.push((search.count, search.first.to_vec()));
            });
        matches!(judgement, Judgement::Folded)
    }
}

#[test]
fn directories_of_one_search_are_one() {
    let mut tried = Tried::new();
    assert!(!tried.missing(7, 1, b"/usr/local/bin/x", b"x\0"));
    assert!(tried.missing(7, 2, b"/usr/bin/x", b"x\0"));
    assert!(tried.missing(7, 3, b"/bin/x", b"x\0"));
    let mut over = Vec::new();
    tried
        .searches
        .expired(3 + HOLD_NS - 1, |search| over.push(search.count));
    assert_eq!(over, [0; 0]);
    tried
        .searches
        .expired(3 + HOLD_NS, |search| over.push(search.count));
    assert_eq!(over, [3]);
    assert!(tried.searches.is_empty());
}

#[test]
fn another_name_or_other_arguments_are_another_search() {
    let mut tried = Tried::new();
    assert!(!tried.missing(7, 1, b"/bin/x", b"x\0"));
    assert!(!tried.missing(7, 2, b"/bin/y", b"x\0"));
    assert!(!tried.missing(7, 3, b"/usr/bin/y", b"y\0-v\0"));
    assert_eq!(
        tried.over,
        [(1, b"/bin/x".to_vec()), (1, b"/bin/y".to_vec())]
    );
}

#[test]
fn tasks_do_not_share_a_search() {
    let mut tried = Tried::new();
    assert!(!tried.missing(7, 1, b"/bin/x", b"x\0"));
    assert!(!tried.missing(8, 2, b"/usr/bin/x", b"x\0"));
    assert_eq!(tried.searches.len(), 2);
}

#[test]
fn success_of_the_same_name_ends_it_as_found() {
    let mut tried = Tried::new();
    tried.missing(9, 1, b"/bin/x", b"x\0");
    // Thread 9 executed and is the leader, 7, now.
    let (search, found) = tried
        .searches
        .executed(&header(7, 2), 9, b"/usr/bin/x")
        .unwrap();
    assert_eq!((search.count, found), (1, true));
    tried.missing(9, 3, b"/bin/x", b"x\0");
    let (_, found) = tried
        .searches
        .executed(&header(7, 4), 9, b"/usr/bin/z")
        .unwrap();
    assert!(!found);
    assert!(
        tried
            .searches
            .executed(&header(7, 5), 9, b"/usr/bin/x")
            .is_none()
    );
}

#[test]
fn the_end_of_a_process_ends_the_searches_of_all_its_threads() {
    let mut tried = Tried::new();
    tried.missing(7, 1, b"/bin/x", b"x\0");
    tried.missing(8, 2, b"/bin/y", b"y\0");
    let mut over = 0;
    tried.searches.ended(&header(7, 3), |_| over += 1);
    assert_eq!((over, tried.searches.len()), (2, 0));
}

#[test]
fn the_oldest_search_makes_room() {
    let mut tried = Tried::new();
    for tid in 0..=SEARCHES_MAX as u32 {
        tried.missing(tid, u64::from(tid), b"/bin/x", b"x\0");
    }
    assert_eq!((tried.searches.len(), tried.over.len()), (SEARCHES_MAX, 1));
}
