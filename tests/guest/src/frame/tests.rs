//! Owns: the bytes of frames as they are documented, and streams cut, damaged and lying.
//! Must not: need a guest.

use super::*;

fn encoded(kind: Kind, job: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode(kind, job, payload, &mut out);
    out
}

#[test]
fn the_bytes_are_as_documented() {
    assert_eq!(
        encoded(Kind::Stdout, 3, b"hi"),
        [0xA5, 0x1F, 3, 0, 3, 0, 0, 0, 2, 0, 0, 0, b'h', b'i']
    );
}

#[test]
fn frames_come_out_whole_however_the_bytes_are_cut() {
    let mut stream = encoded(Kind::Booted, NO_JOB, b"7.3.4");
    stream.extend(encoded(Kind::Started, 0, b""));
    stream.extend(encoded(Kind::Stderr, 0, &[0, 255, b'\n']));
    for cut in 1..=stream.len() {
        let mut decoder = Decoder::default();
        let mut frames = Vec::new();
        for part in stream.chunks(cut) {
            decoder.push(part);
            while let Some(frame) = decoder.next_frame().unwrap() {
                frames.push(frame);
            }
        }
        assert_eq!(
            frames,
            [
                Frame {
                    kind: Kind::Booted,
                    job: NO_JOB,
                    payload: b"7.3.4".to_vec()
                },
                Frame {
                    kind: Kind::Started,
                    job: 0,
                    payload: Vec::new()
                },
                Frame {
                    kind: Kind::Stderr,
                    job: 0,
                    payload: vec![0, 255, b'\n']
                },
            ]
        );
    }
}

#[test]
fn every_kind_survives_the_round_trip() {
    for number in 0..=255u8 {
        let Some(kind) = Kind::from_number(number) else {
            assert!(number == 0 || number > 9, "{number} has no kind");
            continue;
        };
        assert_eq!(kind as u8, number);
    }
}

#[test]
fn bytes_that_are_no_frame_are_an_error_and_stay_one() {
    let mut decoder = Decoder::default();
    decoder.push(b"hello world, this is no frame");
    assert_eq!(decoder.next_frame(), Err(FrameError::OutOfStep));
    assert_eq!(decoder.next_frame(), Err(FrameError::OutOfStep));

    let mut bytes = encoded(Kind::Note, 0, b"");
    bytes[2] = 77;
    let mut decoder = Decoder::default();
    decoder.push(&bytes);
    assert_eq!(decoder.next_frame(), Err(FrameError::UnknownKind(77)));

    let mut bytes = encoded(Kind::Note, 0, b"");
    bytes[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut decoder = Decoder::default();
    decoder.push(&bytes);
    assert_eq!(decoder.next_frame(), Err(FrameError::TooLong(u32::MAX)));
}

#[test]
fn endings_survive_the_round_trip() {
    for exit in [
        Exit::Code(0),
        Exit::Code(-1),
        Exit::Signal(9),
        Exit::TimedOut,
        Exit::NotStarted(2),
    ] {
        let ending = Ending {
            exit,
            run_us: 1_234_567_890_123,
        };
        assert_eq!(Ending::decode(&ending.encode()), Ok(ending));
    }
    assert_eq!(
        Ending::decode(&[0; 12]),
        Err(FrameError::BadPayload(Kind::Ended))
    );
    assert_eq!(
        Ending::decode(&[9; 13]),
        Err(FrameError::BadPayload(Kind::Ended))
    );
}

#[test]
fn entries_survive_the_round_trip() {
    for kind in [
        EntryKind::Directory,
        EntryKind::File,
        EntryKind::Link(OsString::from_vec(b"../\xff".to_vec())),
    ] {
        let path = PathBuf::from(OsString::from_vec(b"a/b \n\xfe".to_vec()));
        let entry = Entry {
            kind,
            mode: 0o4755,
            path,
        };
        assert_eq!(Entry::decode(&entry.encode()), Ok(entry));
    }
}

#[test]
fn entries_that_lie_about_their_length_are_errors() {
    let entry = Entry {
        kind: EntryKind::File,
        mode: 0,
        path: PathBuf::from("x"),
    };
    let good = entry.encode();
    for end in 0..good.len() {
        assert_eq!(
            Entry::decode(&good[..end]),
            Err(FrameError::BadPayload(Kind::Entry)),
            "{end}"
        );
    }
    let mut trailing = good;
    trailing.push(b'!');
    assert_eq!(
        Entry::decode(&trailing),
        Err(FrameError::BadPayload(Kind::Entry))
    );
}
