//! The bytes on disk, pinned: the doc of the module and the code must not drift apart.

use std::path::Path;

use super::super::names;
use super::sim::Sim;
use super::{DIR, append, open, segment};

#[test]
fn the_files_of_a_small_log() {
    let sim = Sim::default();
    let (mut log, _) = open(&sim);
    let id = log.identity().log_id.to_string();
    append(&mut log, 2, 0);
    let sealed = log.rotate().unwrap();
    append(&mut log, 1, 0);
    log.commit().unwrap();
    drop(log);

    let expected = format!(
        concat!(
            r#"{{"time":1,"time_dt":"2026-11-20T10:16:34.000000000Z","metadata":{{"uid":"{0}.0","sequence":0}},"message":""}}"#,
            "\n",
            r#"{{"time":1,"time_dt":"2026-11-20T10:16:34.000000001Z","metadata":{{"uid":"{0}.1","sequence":1}},"message":""}}"#,
            "\n",
        ),
        id
    );
    let text = |path: &Path| String::from_utf8(sim.read(path).unwrap()).unwrap();
    assert_eq!(text(&segment(0)), expected);
    let names: Vec<_> = sim
        .files()
        .into_iter()
        .map(|(path, _)| path.strip_prefix(DIR).unwrap().display().to_string())
        .collect();
    assert_eq!(
        names,
        [
            "00000000000000000000.jsonl",
            "00000000000000000002.jsonl",
            "durable",
            "identity.json",
            "sealed.jsonl"
        ]
    );
    let in_dir = |name: &str| Path::new(DIR).join(name);
    assert_eq!(
        text(&in_dir(names::IDENTITY)),
        format!("{{\"format\":1,\"log_id\":\"{id}\"}}\n")
    );
    let mark = text(&in_dir(names::MARK));
    assert!(
        mark.starts_with("00000000000000000002 00000000000000000116 00000000000000000003 "),
        "{mark}"
    );
    assert_eq!(
        text(&in_dir(names::CATALOG)),
        format!(
            concat!(
                r#"{{"format":1,"removed_below":0}}"#,
                "\n",
                r#"{{"name":"00000000000000000000.jsonl","size":232,"sha256":"{}","#,
                r#""first":0,"last":1,"records":2}}"#,
                "\n"
            ),
            sealed.sha256.unwrap()
        )
    );
}
