//! Identification: of files that stay, change in place, are replaced, or change while they are read.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs;
use std::io::Write as _;

use super::super::exceptions::FileId;
use super::*;

const SECOND_NS: i64 = 1_000_000_000;

fn version(ino: u64, ctime_ns: i64) -> Version {
    Version {
        id: FileId { dev: 1, ino },
        ctime_ns,
        size: 10,
    }
}

fn hash(first: u8) -> Hash {
    let mut hash = [0; 32];
    hash[0] = first;
    hash
}

/// Tells these versions one after the other, the last one for ever; its contents are numbered by how
/// often they were read.
struct Told {
    versions: VecDeque<Version>,
    reads: u8,
}

impl Told {
    fn new(versions: impl IntoIterator<Item = Version>) -> Told {
        Told {
            versions: versions.into_iter().collect(),
            reads: 0,
        }
    }
}

impl Contents for Told {
    fn version(&mut self) -> io::Result<Version> {
        let last = self.versions.len() == 1;
        let first = self.versions.front().copied().expect("a version");
        if !last {
            self.versions.pop_front();
        }
        Ok(first)
    }

    fn hash(&mut self) -> io::Result<Hash> {
        self.reads += 1;
        Ok(hash(self.reads))
    }
}

/// Long after all that is told.
fn late() -> i64 {
    1_000 * SECOND_NS
}

#[test]
fn what_changes_while_it_is_read_is_read_again() {
    let (a, b) = (version(1, 5), version(1, 6));
    let mut file = Told::new([a, b, b, b]);
    let outcome = contents(&mut file, |_| None, late).expect("told");
    assert_eq!(outcome, Outcome::Read(b, hash(2)));
    // By its size alone, too: clocks can be set.
    let longer = Version { size: 11, ..a };
    let mut file = Told::new([a, longer, longer, longer]);
    let outcome = contents(&mut file, |_| None, late).expect("told");
    assert_eq!(outcome, Outcome::Read(longer, hash(2)));
}

#[test]
fn what_changes_each_time_is_left_alone_for_a_while() {
    let mut file = Told::new((1..).map(|at| version(1, at)).take(20));
    let outcome = contents(&mut file, |_| None, late).expect("told");
    assert_eq!(outcome, Outcome::Young(YOUNG));
    assert_eq!(u32::from(file.reads), ATTEMPTS_MAX);
}

#[test]
fn a_version_that_was_read_is_not_read_again() {
    let a = version(1, 5);
    let known = |version: &Version| (*version == a).then_some(hash(9));
    let mut file = Told::new([a]);
    let outcome = contents(&mut file, known, late).expect("told");
    assert_eq!((outcome, file.reads), (Outcome::Read(a, hash(9)), 0));
    let mut other = Told::new([version(1, 6)]);
    let outcome = contents(&mut other, known, late).expect("told");
    assert_eq!(outcome, Outcome::Read(version(1, 6), hash(1)));
}

#[test]
fn a_change_that_another_could_hide_behind_is_too_young() {
    let fine = 5 * SECOND_NS + 1;
    let whole = 5 * SECOND_NS;
    let ms = |ms: i64| ms * 1_000_000;
    let left =
        |ctime_ns, age_ns| youth_left(ctime_ns, ctime_ns + age_ns).map(|rest| rest.as_millis());
    for (ctime_ns, age_ns, expect) in [
        (fine, 0, Some(100)),
        (fine, ms(60), Some(40)),
        (fine, ms(100), None),
        (whole, ms(100), Some(1_900)),
        (whole, ms(2_000), None),
        // The clock was set back a little, and by much.
        (fine, ms(-60), Some(160)),
        (fine, ms(-100), None),
    ] {
        assert_eq!(left(ctime_ns, age_ns), expect, "{ctime_ns} {age_ns}");
    }
    let mut file = Told::new([version(1, fine)]);
    let outcome = contents(&mut file, |_| None, || fine + ms(60)).expect("told");
    assert_eq!(outcome, Outcome::Young(Duration::from_millis(40)));
    assert_eq!(file.reads, 0);
}

#[test]
fn no_program_is_as_large_as_this() {
    let large = Version {
        size: BYTES_MAX + 1,
        ..version(1, 5)
    };
    let mut file = Told::new([large]);
    let outcome = contents(&mut file, |_| None, late).expect("told");
    assert_eq!(outcome, Outcome::Unfit("is larger than 256 MiB"));
    assert_eq!(file.reads, 0);
}

/// What is remembered after a program was found to be this, at 7, and what is said.
fn found(
    programs: &mut Programs,
    version: Version,
    contents: u8,
) -> (Vec<Identified>, Option<Change>) {
    let outcome = Ok(Outcome::Read(version, hash(contents)));
    let looked = programs.take(Path::new("/bin/a"), outcome, || 7);
    assert_eq!(looked.state, State::Identified(hash(contents)));
    (looked.versions, looked.change)
}

fn since(version: Version, since_ns: u64) -> Identified {
    Identified { version, since_ns }
}

fn changed(before: u8, now: u8) -> Option<Change> {
    Some(Change {
        path: "/bin/a".into(),
        before: hash(before),
        now: hash(now),
        since_ns: 7,
    })
}

#[test]
fn versions_with_the_same_contents_hold_and_others_end_with_them() {
    let mut programs = Programs::default();
    let all = &mut programs;
    let [a, touched, other, edited] = [version(1, 5), version(1, 6), version(2, 7), version(2, 8)];
    assert_eq!(found(all, a, 1), (vec![since(a, 0)], None));
    assert_eq!(found(all, a, 1), (vec![since(a, 0)], None));
    // Another mode: nothing to be said.
    let both = vec![since(a, 0), since(touched, 7)];
    assert_eq!(found(all, touched, 1), (both.clone(), None));
    // A copy in its place is said, though it is the same.
    let three = [both, vec![since(other, 7)]].concat();
    assert_eq!(found(all, other, 1), (three, changed(1, 1)));
    // Other contents: processes of the old ones are excluded no more.
    let now = vec![since(edited, 7)];
    assert_eq!(found(all, edited, 2), (now.clone(), changed(1, 2)));
    // As long as it is too young to be read, they hold.
    let young = programs.take(Path::new("/bin/a"), Ok(Outcome::Young(YOUNG)), || 9);
    assert_eq!((young.versions, young.state), (now, State::Young(YOUNG)));
    // What is not there excludes nothing, and is not forgotten.
    let gone = io::Error::from(io::ErrorKind::NotFound);
    let missing = programs.take(Path::new("/bin/a"), Err(gone), || 9);
    assert_eq!(
        (missing.versions, missing.state),
        (Vec::new(), State::Missing)
    );
    let back = vec![since(a, 7)];
    assert_eq!(found(&mut programs, a, 1), (back, changed(2, 1)));
}

#[test]
fn as_many_versions_are_kept_as_there_is_room_for() {
    let mut programs = Programs::default();
    for at in 0..=VERSIONS_MAX as i64 {
        found(&mut programs, version(1, at), 1);
    }
    let (versions, _) = found(&mut programs, version(1, 1), 1);
    assert_eq!(versions.len(), VERSIONS_MAX);
    assert_eq!(versions[0], since(version(1, 1), 7));
}

/// Real files, by the identity that stat tells.
struct Real {
    dir: tempfile::TempDir,
    programs: RefCell<Programs>,
}

impl Real {
    fn new() -> Real {
        Real {
            dir: tempfile::tempdir().expect("a directory"),
            programs: RefCell::default(),
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn look_once(&self, name: &str) -> Looked {
        let identify: Box<Identify> = Box::new(|file| {
            let stat = nix::sys::stat::fstat(file)?;
            Ok(FileId {
                dev: stat.st_dev,
                ino: stat.st_ino,
            })
        });
        let mut programs = self.programs.borrow_mut();
        programs.look(&self.at(name), &*identify, || 7)
    }

    /// Looks until the file is old enough, as the keeper does.
    fn look(&self, name: &str) -> Looked {
        loop {
            let looked = self.look_once(name);
            match looked.state {
                State::Young(rest) => std::thread::sleep(rest),
                _ => return looked,
            }
        }
    }
}

fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

#[test]
fn a_file_that_is_changed_in_place_is_other_contents() {
    let real = Real::new();
    fs::write(real.at("a"), "one").expect("write");
    let first = real.look("a");
    assert_eq!(first.state, State::Identified(sha256(b"one")));
    assert_eq!((first.versions.len(), first.change), (1, None));
    let mut file = File::options()
        .append(true)
        .open(real.at("a"))
        .expect("open");
    file.write_all(b"!").expect("write");
    drop(file);
    // Too young, and what it was is what is known.
    let young = real.look_once("a");
    assert!(matches!(young.state, State::Young(_)), "{young:?}");
    assert_eq!(young.versions, first.versions);
    let second = real.look("a");
    let change = second.change.expect("a change");
    assert_eq!(
        (change.before, change.now),
        (sha256(b"one"), sha256(b"one!"))
    );
    let [one] = second.versions[..] else {
        panic!("{:?}", second.versions)
    };
    let before = first.versions[0].version;
    assert_eq!((one.version.id, one.version.size), (before.id, 4));
    assert!(one.version.ctime_ns > before.ctime_ns);
}

#[test]
fn a_file_that_is_replaced_or_found_through_a_link_is_the_other_one() {
    let real = Real::new();
    fs::write(real.at("a"), "one").expect("write");
    fs::write(real.at("b"), "two").expect("write");
    std::os::unix::fs::symlink("a", real.at("link")).expect("symlink");
    let (first, by_link) = (real.look("a"), real.look("link"));
    assert_eq!(first.versions, by_link.versions);
    fs::rename(real.at("b"), real.at("a")).expect("rename");
    for name in ["a", "link"] {
        let second = real.look(name);
        let change = second.change.expect("a change");
        assert_eq!(
            (change.before, change.now),
            (sha256(b"one"), sha256(b"two"))
        );
        assert_ne!(second.versions[0].version.id, first.versions[0].version.id);
    }
}

#[test]
fn what_is_no_program_is_not_waited_for() {
    let real = Real::new();
    nix::unistd::mkfifo(&real.at("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
    fs::create_dir(real.at("dir")).expect("mkdir");
    let unfit = State::Unfit("is no file of a local file system".to_owned());
    for name in ["pipe", "dir"] {
        assert_eq!(real.look(name).state, unfit, "{name}");
    }
    assert_eq!(real.look("none").state, State::Missing);
    let proc =
        real.programs
            .borrow_mut()
            .look(Path::new("/proc/self/status"), &|_| unreachable!(), || 7);
    assert_eq!(proc.state, unfit);
}

/// A store through a mapping may leave no trace in the ctime (tmpfs): doubt reads again.
#[test]
fn doubt_reads_what_was_read() {
    let real = Real::new();
    fs::write(real.at("a"), "one").expect("write");
    let first = real.look("a");
    let mut programs = real.programs.borrow_mut();
    let known = programs.known.get_mut(&real.at("a")).expect("known");
    known.hash = hash(1);
    drop(programs);
    assert_eq!(real.look("a").state, State::Identified(hash(1)));
    real.programs.borrow_mut().doubt();
    let again = real.look("a");
    assert_eq!(again.state, first.state);
    let change = again.change.clone().expect("a change");
    assert_eq!((change.before, change.now), (hash(1), sha256(b"one")));
    let since = |looked: &Looked| {
        looked
            .versions
            .iter()
            .map(|one| one.since_ns)
            .collect::<Vec<_>>()
    };
    assert_eq!((since(&first), since(&again)), (vec![0], vec![7]));
}
