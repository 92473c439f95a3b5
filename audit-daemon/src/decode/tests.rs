//! Whole events come back as they were written; arbitrary bytes never panic.

use audit_common::{
    Header,
    events::{Tail, tag},
    exec::Exec,
};
use proptest::prelude::*;
use zerocopy::{FromZeros, IntoBytes};

use super::*;

fn exec_entry(tails: &[(u16, &[u8])]) -> Vec<u8> {
    let mut event = Exec::new_zeroed();
    event.header.kind = Kind::Exec as u16;
    event.header.version = WIRE_VERSION;
    event.header.number = 7;
    let mut bytes = event.as_bytes().to_vec();
    for (tag, content) in tails {
        let length = content.len() as u32;
        let head = Tail {
            tag: *tag,
            flags: 0,
            stored: length,
            original: length,
        };
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(content);
    }
    let size = bytes.len() as u32;
    bytes[..4].copy_from_slice(&size.to_ne_bytes());
    bytes
}

#[test]
fn an_exec_comes_back_with_each_tail() {
    let entry = exec_entry(&[
        (tag::EXE, b"\x02sh\x03bin"),
        (tag::ENVIRONMENT, b"LD_PRELOAD=/x"),
        (99, b"of a later version"),
        (tag::ARGV, b"sh\0-c\0true\0"),
        (tag::ENVIRONMENT, b"ENV=y"),
    ]);
    let Ok(Event::Exec(event, tails)) = decode(&entry) else {
        panic!("{:?}", decode(&entry))
    };
    assert_eq!(event.header.number, 7);
    assert_eq!(
        tails.exe.map(|part| part.bytes),
        Some(&b"\x02sh\x03bin"[..])
    );
    assert_eq!(
        tails.argv.map(|part| part.bytes),
        Some(&b"sh\0-c\0true\0"[..])
    );
    assert_eq!(tails.cwd, None);
    let environment: Vec<_> = tails.environment().map(|part| part.bytes).collect();
    assert_eq!(environment, [&b"LD_PRELOAD=/x"[..], b"ENV=y"]);
}

#[test]
fn each_false_claim_has_its_error() {
    let good = exec_entry(&[(tag::ARGV, b"sh\0")]);
    assert_eq!(decode(&good[..10]), Err(Malformed::NoHeader(10)));
    let longer = [&good[..], b"x"].concat();
    let (claimed, actual) = (good.len() as u32, good.len() + 1);
    assert_eq!(decode(&longer), Err(Malformed::Size { claimed, actual }));
    let changed = |at: usize, byte: u8| {
        let mut entry = good.clone();
        entry[at] = byte;
        entry
    };
    assert_eq!(decode(&changed(6, 9)), Err(Malformed::Version(9)));
    assert_eq!(decode(&changed(7, 9)), Err(Malformed::Lane(9)));
    // The tail's stored length.
    let tail = changed(size_of::<Exec>() + 4, 200);
    assert_eq!(
        decode(&tail),
        Err(Malformed::Tail {
            claimed: 200,
            left: 15
        })
    );
    let mut short = good[..size_of::<Header>()].to_vec();
    let size = short.len() as u32;
    short[..4].copy_from_slice(&size.to_ne_bytes());
    assert_eq!(
        decode(&short),
        Err(Malformed::Fixed {
            kind: Kind::Exec as u16,
            bytes: size_of::<Header>()
        })
    );
}

#[test]
fn an_unknown_kind_is_an_event_that_can_be_counted() {
    let mut entry = exec_entry(&[]);
    entry[4] = 0xee;
    assert!(matches!(decode(&entry), Ok(Event::Unknown(header)) if header.number == 7));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_every_slice_is_inside(
        kind in 0u16..9, mut entry in proptest::collection::vec(any::<u8>(), 0..1200)
    ) {
        if entry.len() >= 8 {
            let size = entry.len() as u32;
            entry[..4].copy_from_slice(&size.to_ne_bytes());
            entry[4..6].copy_from_slice(&kind.to_ne_bytes());
            (entry[6], entry[7]) = (WIRE_VERSION, 0);
        }
        let range = entry.as_ptr_range();
        if let Ok(Event::Exec(_, tails) | Event::ExecFailed(_, tails)) = decode(&entry) {
            for part in tails.environment().chain(tails.argv).chain(tails.exe) {
                let inside = part.bytes.as_ptr_range();
                prop_assert!(inside.start >= range.start && inside.end <= range.end);
            }
        }
    }

    #[test]
    fn any_cut_of_a_good_entry_is_refused(cut in 0usize..280) {
        let entry = exec_entry(&[(tag::ARGV, b"a\0b\0"), (tag::EXE, b"\x01a")]);
        if cut < entry.len() {
            prop_assert!(decode(&entry[..cut]).is_err());
        }
    }
}
