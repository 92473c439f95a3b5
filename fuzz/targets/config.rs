//! Arbitrary text as a configuration: loaded, or refused in words that a terminal can show.
#![no_main]

use std::{cell::RefCell, fs};

use audit_daemon::{config, daemon};
use audit_fuzz::seeds;
use libfuzzer_sys::fuzz_target;

const SEEDS: &[&[u8]] = &[
    include_bytes!("../../audit-daemon/src/config/default.toml"),
    b"[[mask.rule]]\nname = \"a\"\noptions = [\"--a\"]\npattern = 'x_([0-9a-f]{32})'\n",
    b"[metrics]\nlisten = \"127.0.0.1:9465\"\n[log]\ncap = \"1 GiB\"\nsegment_size = \"1 KiB\"\n",
    b"events.exec.required = \"if-available\"\nrecords.labels = [\"a:b\"]\nlgo.dir = 1\n",
];

thread_local! {
    /// The file that is loaded, in a directory of its own: `conf.d` would stand beside it.
    static PLACE: RefCell<tempfile::TempDir> =
        RefCell::new(tempfile::tempdir().expect("a temporary directory"));
}

fuzz_target!(init: seeds::plant(SEEDS.iter().copied()), |data: &[u8]| {
    PLACE.with_borrow(|place| {
        let file = place.path().join("config.toml");
        fs::write(&file, data).expect("write the file");
        let said = match config::load(Some(&file)) {
            Ok(loaded) => {
                // What it asks for can be made of it, or is refused as well.
                match daemon::masker(&loaded) {
                    Ok(_) => loaded.warnings.join("\n"),
                    Err(error) => error.to_string(),
                }
            }
            Err(errors) => errors.to_string(),
        };
        let active = |c: char| c.is_control() && c != '\n';
        assert!(!said.chars().any(active), "{said:?}");
    });
});
