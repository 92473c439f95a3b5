//! Hands the paths of the two kernel objects to the compiler. They are made by `cargo xtask build`;
//! without them the crate still compiles (for editors, lints and docs) and refuses to start.

use std::{env, fs, path::PathBuf};

fn main() {
    println!("cargo::rerun-if-env-changed=AUDIT_BPF_DIR");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let from = env::var_os("AUDIT_BPF_DIR").map_or_else(
        || PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set")).join("../target/bpf"),
        PathBuf::from,
    );
    for (flavour, variable) in [
        ("modern", "AUDIT_BPF_MODERN"),
        ("legacy", "AUDIT_BPF_LEGACY"),
    ] {
        let object = from.join(format!("{flavour}.o"));
        println!("cargo::rerun-if-changed={}", object.display());
        let to = out.join(format!("{flavour}.o"));
        let bytes = fs::read(&object).unwrap_or_default();
        fs::write(&to, bytes).expect("OUT_DIR is writable");
        println!("cargo::rustc-env={variable}={}", to.display());
    }
}
