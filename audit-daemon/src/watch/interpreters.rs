//! Programs that are not one program: who excludes an interpreter excludes whatever runs in it.
//!
//! OWNS: telling them, and the warnings about excluded programs. MUST NOT: decide about an access.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::set::WatchSet;

/// Shells, languages, editors with macros, debuggers, and programs that only start others; without
/// the version that may stand behind the name.
const INTERPRETERS: [&str; 64] = [
    "ash", "awk", "bash", "bun", "busybox", "csh", "dash", "deno", "dotnet", "doas", "ed",
    "elixir", "emacs", "env", "erl", "escript", "expect", "find", "fish", "gawk", "gdb", "groovy",
    "guile", "irb", "java", "jshell", "julia", "ksh", "lldb", "lua", "luajit", "make", "mawk",
    "mksh", "mono", "nawk", "nice", "node", "nodejs", "nohup", "nsenter", "nvim", "ocaml",
    "octave", "perl", "php", "pwsh", "pypy", "python", "R", "Rscript", "racket", "ruby", "sed",
    "setsid", "sh", "stdbuf", "strace", "tclsh", "tcsh", "toybox", "vim", "xargs", "zsh",
];

/// Is the program at `path` an interpreter, or a script of one? Links are followed.
pub fn is_interpreter(path: &Path) -> bool {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    has_known_name(path) || has_known_name(&real) || is_script(&real)
}

/// What is to be said about excluded programs; `root` is what `/` means.
pub fn warnings(set: &WatchSet, root: &Path) -> Vec<String> {
    let mut warnings = Vec::new();
    for (watch, executable) in set.executables() {
        let path = &executable.path;
        let real: PathBuf = root.join(path.strip_prefix("/").unwrap_or(path));
        let what = if is_interpreter(&real) {
            "is an interpreter or a script: whatever runs in it is excluded too; name programs of \
             their own"
        } else if !real.exists() {
            "does not exist: it excludes nothing until it does"
        } else {
            continue;
        };
        let warning = format!(
            "watch \"{}\": the excluded program {path:?} {what}",
            watch.name
        );
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    warnings
}

fn has_known_name(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return false;
    };
    // The loader runs any program that it is given.
    let loader = name.starts_with("ld-") || name.starts_with("ld.so");
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
    loader || INTERPRETERS.contains(&name) || INTERPRETERS.contains(&plain)
}

fn is_script(path: &Path) -> bool {
    // Neither waits for a FIFO nor wakes a device.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits())
        .open(path);
    let mut begin = [0; 2];
    file.is_ok_and(|mut file| {
        file.metadata().is_ok_and(|metadata| metadata.is_file())
            && file.read_exact(&mut begin).is_ok()
            && begin == *b"#!"
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::config::{Exception, Watch};

    #[test]
    fn names_are_known_with_and_without_version() {
        for (name, expect) in [
            ("/usr/bin/python3.11", true),
            ("/usr/bin/perl", true),
            ("/usr/bin/php8.2", true),
            ("/bin/sh", true),
            ("/lib64/ld-linux-x86-64.so.2", true),
            ("/opt/R", true),
            ("/usr/sbin/sshd", false),
            ("/usr/bin/shred", false),
            ("/usr/bin/sha256", false),
            ("/", false),
        ] {
            assert_eq!(has_known_name(Path::new(name)), expect, "{name}");
        }
    }

    #[test]
    fn the_table_has_no_name_twice() {
        for (at, name) in INTERPRETERS.iter().enumerate() {
            assert!(!INTERPRETERS[..at].contains(name), "{name}");
        }
    }

    #[test]
    fn interpreters_scripts_and_missing_programs_are_warned_about() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let at = |name: &str| root.path().join(name);
        fs::write(at("script"), "#!/bin/x\n").expect("a file");
        fs::write(at("program"), "\x7fELF").expect("a file");
        fs::write(at("short"), "#").expect("a file");
        fs::write(at("dash"), "\x7fELF").expect("a file");
        symlink("dash", at("shell")).expect("a link");
        nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
        let paths = ["script", "program", "short", "shell", "pipe", "missing"];
        let exception = Exception {
            executables: paths.map(|path| format!("/{path}")).to_vec(),
            ..Exception::default()
        };
        let watch = Watch {
            name: "w".to_owned(),
            paths: vec!["/a".to_owned()],
            exclude: vec![exception.clone(), exception],
            ..Watch::default()
        };
        let set = WatchSet::new(vec![watch]).expect("a valid watch");
        let interpreter = |path: &str| {
            format!(
                "watch \"w\": the excluded program \"{path}\" is an interpreter or a script: whatever \
                 runs in it is excluded too; name programs of their own"
            )
        };
        let missing = "watch \"w\": the excluded program \"/missing\" does not exist: it excludes \
                       nothing until it does";
        let expect = [
            interpreter("/script"),
            interpreter("/shell"),
            missing.to_owned(),
        ];
        assert_eq!(warnings(&set, root.path()), expect);
    }
}
