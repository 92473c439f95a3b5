//! The bytes of known acts. `UPDATE_GOLDEN=1` rewrites the files; read the diff like code.

use std::path::{Path, PathBuf};

use super::examples::{self, Example};
use super::{
    examples_act, examples_container, examples_daemon, examples_exec, examples_file, examples_net,
    examples_privilege,
};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/record")
}

pub fn all() -> Vec<Example> {
    let mut all = examples::all();
    all.extend(examples_exec::all());
    all.extend(examples_file::all());
    all.extend(examples_act::all());
    all.extend(examples_privilege::all());
    all.extend(examples_container::all());
    all.extend(examples_net::all());
    all.extend(examples_daemon::all());
    all
}

#[test]
fn every_example_is_reproduced_byte_for_byte() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut differing = Vec::new();
    for (name, line) in all() {
        let path = directory().join(name).with_extension("json");
        let mut text = line;
        text.push('\n');
        if update {
            std::fs::write(&path, &text).unwrap();
            continue;
        }
        let golden = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if golden != text {
            differing.push(format!("{name}\n golden {golden} ours   {text}"));
        }
    }
    assert!(
        differing.is_empty(),
        "{} differ:\n{}",
        differing.len(),
        differing.join("\n")
    );
}

#[test]
fn every_golden_file_has_an_example() {
    let mut names: Vec<String> = all().into_iter().map(|(name, _)| name.to_owned()).collect();
    let mut files: Vec<String> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    names.sort();
    files.sort();
    assert_eq!(names, files);
}
