//! Names of users, as the machine's own accounts give them.

use std::os::unix::process::CommandExt;
use std::process::Command;

use audit_tests::{Daemon, Record, Records, Setup};

use crate::load;

/// In no /etc/passwd: systemd's dynamic users end below, container ranges begin above.
const NOBODY_HAS: u32 = 499_817;

/// A user of /etc/passwd other than root.
fn some_user() -> (String, u32) {
    let passwd = std::fs::read_to_string("/etc/passwd").expect("/etc/passwd");
    let fields = passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let mut users = fields.filter_map(|f| Some((f.first()?.to_string(), f.get(2)?.parse().ok()?)));
    users
        .find(|(name, uid)| *uid != 0 && name != "nobody")
        .expect("a user besides root")
}

/// Executes as this user until its name has been looked up, and returns the last record.
fn exec_as(daemon: &Daemon, uid: u32, tag: &str, wanted: impl Fn(&Record) -> bool) -> Record {
    let deadline = std::time::Instant::now() + audit_tests::daemon::patience();
    let newest = |records: &Records, number: u64| {
        let argument = format!("{tag}-{number}");
        let found = records
            .iter()
            .find(|record| record.is_exec() && record.mentions(&argument));
        found.cloned()
    };
    for number in 0.. {
        let mut command = Command::new("/bin/true");
        command.arg(format!("{tag}-{number}")).uid(uid).gid(0);
        assert!(command.status().expect("start /bin/true").success());
        let records = daemon.wait_for("the exec", |records| newest(records, number).is_some());
        let record = newest(&records, number).expect("waited for");
        // The first may still be pending: names never hold up a record.
        if wanted(&record) || std::time::Instant::now() > deadline {
            return record;
        }
    }
    unreachable!("numbers do not end")
}

fn is_pending(record: &Record) -> bool {
    record
        .at("unmapped.pending")
        .as_array()
        .into_iter()
        .flatten()
        .any(|path| {
            path.as_str()
                .is_some_and(|path| path.ends_with("user.name"))
        })
}

#[test]
fn a_user_of_this_machine_has_a_name_and_another_number_has_none() {
    let setup = Setup::new();
    let mut daemon = Daemon::start(&setup);
    let (name, uid) = some_user();
    let known = format!("{}-known", setup.marker());
    let record = exec_as(&daemon, uid, &known, |record| !is_pending(record));
    assert_eq!(record.str("process.user.uid"), uid.to_string());
    assert_eq!(record.str("process.user.name"), name);

    let unknown = format!("{}-unknown", setup.marker());
    let record = exec_as(&daemon, NOBODY_HAS, &unknown, |record| !is_pending(record));
    assert_eq!(record.str("process.user.uid"), NOBODY_HAS.to_string());
    assert!(record.at("process.user.name").is_null(), "{}", record.line);
    assert!(!is_pending(&record), "{}", record.line);

    load::exec(setup.marker(), 0);
    let records = daemon.stop();
    let argument = format!("{}-0", setup.marker());
    let roots = records
        .iter()
        .find(|record| record.is_exec() && record.mentions(&argument));
    assert_eq!(roots.expect("root's exec").str("process.user.name"), "root");
}
