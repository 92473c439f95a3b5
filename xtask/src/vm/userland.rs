//! What a guest has besides the tests: the programs and files of a very small server.
//!
//! Owns: the list of programs that are taken from this machine, busybox for all the others,
//! and the files of /etc.
//!
//! Must not: depend on who runs it: no file of this machine's /etc that could hold a secret
//! goes into a guest.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::image::Image;
use super::kernels::Kernel;
use super::tools::BUSYBOX;

/// Programs that are the real ones if this machine has them; tests run them by name and
/// look at their own paths in records. Everything else is a busybox applet.
const HOST_PROGRAMS: [&str; 34] = [
    "sh", "bash", "true", "false", "sleep", "cat", "env", "echo", "ls", "cp", "mv", "rm", "ln",
    "mkdir", "rmdir", "touch", "chmod", "chown", "id", "dd", "seq", "head", "tail", "wc", "sort",
    "stat", "mount", "umount", "unshare", "nsenter", "setpriv", "setsid", "timeout", "xargs",
];

/// Directories where programs are, in the guest and here.
const PROGRAM_DIRECTORIES: [&str; 4] = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"];
/// Applets that would make the guest someone else's: it has an init already.
const APPLETS_LEFT_OUT: [&str; 4] = ["init", "linuxrc", "poweroff", "reboot"];

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
    daemon:x:1:1:daemon:/:/bin/false\n\
    www-data:x:33:33:www-data:/var/www:/bin/false\n\
    alice:x:1000:1000:Alice:/home/alice:/bin/sh\n\
    bob:x:1001:1001:Bob:/home/bob:/bin/sh\n\
    nobody:x:65534:65534:nobody:/:/bin/false\n";
const GROUP: &str = "root:x:0:\ndaemon:x:1:\ntty:x:5:\nwww-data:x:33:\nstaff:x:50:alice,bob\n\
    alice:x:1000:\nbob:x:1001:\nnogroup:x:65534:\n";
const HOSTS: &str = "127.0.0.1 localhost audit-vm\n::1 localhost\n";
const NSSWITCH: &str = "passwd: files\ngroup: files\nshadow: files\nhosts: files\n";
/// Any 32 digits will do; always the same ones make golden files possible.
const MACHINE_ID: &str = "a0d17a0d17a0d17a0d17a0d17a0d17a0\n";
pub const HOSTNAME: &str = "audit-vm";

/// Fills the image for one kernel. `extra` are further programs of this machine, by name or
/// path; unlike those of the list they must be there.
pub fn add(image: &mut Image, kernel: &Kernel, extra: &[String]) -> anyhow::Result<()> {
    add_files(image, kernel)?;
    for name in HOST_PROGRAMS {
        if let Some(path) = find(image, name) {
            image.as_here(&path)?;
        }
    }
    for name in extra {
        let path =
            find(image, name).with_context(|| format!("no program `{name}` to put there"))?;
        image.as_here(&path)?;
    }
    add_busybox(image)
}

fn add_files(image: &mut Image, kernel: &Kernel) -> anyhow::Result<()> {
    let os_release = format!(
        "NAME=\"audit-daemon test guest\"\nID=audit-vm\nVERSION_ID={}\n\
         PRETTY_NAME=\"audit-daemon test guest (Linux {})\"\n",
        kernel.series, kernel.release
    );
    for (path, permissions, text) in [
        ("/etc/passwd", 0o644, PASSWD),
        ("/etc/group", 0o644, GROUP),
        (
            "/etc/shadow",
            0o640,
            "root:*:19000:0:99999:7:::\nalice:*:19000:0:99999:7:::\n",
        ),
        ("/etc/hosts", 0o644, HOSTS),
        ("/etc/hostname", 0o644, "audit-vm\n"),
        ("/etc/nsswitch.conf", 0o644, NSSWITCH),
        ("/etc/machine-id", 0o444, MACHINE_ID),
        ("/etc/os-release", 0o644, &os_release),
    ] {
        image.bytes(Path::new(path), permissions, text.as_bytes())?;
    }
    for (path, permissions) in [
        ("/root", 0o700),
        ("/home/alice", 0o755),
        ("/home/bob", 0o755),
        ("/var/www", 0o755),
        ("/mnt", 0o755),
        ("/opt", 0o755),
    ] {
        image.directory(Path::new(path), permissions)?;
    }
    // Libraries outside of the built-in directories are found through the cache of this
    // machine: they have the same paths there.
    let cache = Path::new("/etc/ld.so.cache");
    let here = image.here(cache);
    if here.exists() {
        image.file(&here, cache)
    } else {
        Ok(())
    }
}

/// busybox under the name of every program that the guest does not have yet. A machine
/// without busybox has guests without those programs; the tests' own are not among them.
fn add_busybox(image: &mut Image) -> anyhow::Result<()> {
    let Ok(busybox) = BUSYBOX.find() else {
        return Ok(());
    };
    let listed = Command::new(&busybox)
        .arg("--list")
        .output()
        .context("cannot run busybox")?;
    let target = Path::new("/usr/bin/busybox");
    // Only ours can be asked for the list, and only its machine's own can run there.
    let Some(its_own) = find(image, BUSYBOX.name) else {
        return Ok(());
    };
    image.file(&image.here(&its_own), target)?;
    for name in String::from_utf8_lossy(&listed.stdout).lines() {
        let there = PROGRAM_DIRECTORIES
            .iter()
            .any(|directory| image.contains(&Path::new(directory).join(name)));
        if !there && !APPLETS_LEFT_OUT.contains(&name) {
            image.link(&Path::new("/usr/bin").join(name), Path::new("busybox"))?;
        }
    }
    Ok(())
}

/// A program of the guest's machine, by name or path.
fn find(image: &Image, name: &str) -> Option<PathBuf> {
    if name.starts_with('/') {
        return Some(PathBuf::from(name)).filter(|path| image.here(path).exists());
    }
    PROGRAM_DIRECTORIES
        .iter()
        .map(|directory| Path::new(directory).join(name))
        .find(|path| image.here(path).is_file())
}
