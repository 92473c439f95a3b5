//! Containers for tests: runc, crun and podman by their command lines, on a root directory with
//! nothing but busybox in it.
//!
//! Owns: what it starts, until it has taken it away again: containers, cgroups, images. Must not:
//! use a registry or the network.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use audit_tests::Setup;
use serde_json::{Value, json};

use crate::load;

/// Names that busybox answers to in these containers.
const APPLETS: [&str; 3] = ["sh", "sleep", "true"];
/// From inside: nothing needs more, and the machine may forbid more.
const LIMIT: &str = "4096:4096";

pub fn has(program: &str) -> bool {
    let mut command = Command::new(program);
    command
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

/// The busybox to copy, if there is a static one.
pub fn busybox() -> Option<PathBuf> {
    ["/usr/bin/busybox", "/bin/busybox"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists())
}

/// `<dir>/rootfs`, made once.
fn rootfs(dir: &Path) -> PathBuf {
    let root = dir.join("rootfs");
    if !root.exists() {
        for below in ["bin", "proc", "sys", "dev", "tmp"] {
            std::fs::create_dir_all(root.join(below)).expect("a directory");
        }
        std::fs::copy(busybox().expect("busybox"), root.join("bin/busybox")).expect("copy busybox");
        for applet in APPLETS {
            symlink("busybox", root.join("bin").join(applet)).expect("a link");
        }
    }
    root
}

/// runc or crun, with its state below the test's home.
pub struct Oci {
    program: &'static str,
    dir: PathBuf,
    marker: String,
    started: Vec<String>,
}

impl Oci {
    pub fn new(program: &'static str, setup: &Setup) -> Oci {
        let dir = setup.dir().join(program);
        std::fs::create_dir_all(&dir).expect("a directory");
        Oci {
            program,
            dir,
            marker: setup.marker().to_owned(),
            started: Vec::new(),
        }
    }

    /// The runtime with its global options.
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command
            .arg("--root")
            .arg(self.dir.join("state"))
            .stdin(Stdio::null());
        command
    }

    /// Writes a bundle: what runs in it, and, if not the runtime's choice, its cgroup.
    pub fn bundle(&self, id: &str, args: &[&str], cgroup: Option<&str>) -> PathBuf {
        let bundle = self.dir.join(id);
        std::fs::create_dir_all(&bundle).expect("a directory");
        load::run(self.command().arg("spec").current_dir(&bundle));
        let file = bundle.join("config.json");
        let text = std::fs::read(&file).expect("the runtime's own example");
        let mut config: Value = serde_json::from_slice(&text).expect("JSON");
        config["process"]["terminal"] = json!(false);
        config["process"]["args"] = json!(args);
        if let Some(process) = config["process"].as_object_mut() {
            process.remove("rlimits");
        }
        config["root"] = json!({ "path": rootfs(&self.dir), "readonly": true });
        if let Some(cgroup) = cgroup {
            config["linux"]["cgroupsPath"] = json!(cgroup);
        }
        std::fs::write(&file, config.to_string()).expect("write the bundle");
        bundle
    }

    /// A cgroup of this test's for a container.
    pub fn cgroup(&self, id: &str) -> String {
        format!("/{}/{id}", self.marker)
    }

    /// Starts it in the foreground; the caller waits for it.
    pub fn start(&mut self, id: &str, bundle: &Path) -> Child {
        self.started.push(id.to_owned());
        let mut command = self.command();
        command.arg("run").arg("--bundle").arg(bundle).arg(id);
        command
            .stdout(Stdio::null())
            .spawn()
            .expect("start the runtime")
    }

    /// Starts it in the background, and returns its pid on the host.
    #[track_caller]
    pub fn start_detached(&mut self, id: &str, bundle: &Path) -> u32 {
        self.started.push(id.to_owned());
        let mut command = self.command();
        command
            .args(["run", "--detach", "--bundle"])
            .arg(bundle)
            .arg(id);
        // Not a pipe: the container keeps it, and we would wait for its end.
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.expect("start the runtime").success(), "{command:?}");
        let state = load::run(self.command().args(["state", id]));
        let state: Value = serde_json::from_str(&state).expect("JSON");
        state["pid"]
            .as_u64()
            .and_then(|pid| pid.try_into().ok())
            .expect("its pid")
    }
}

impl Drop for Oci {
    fn drop(&mut self) {
        for id in &self.started {
            // Most have ended, and were deleted by the runtime itself.
            let mut command = self.command();
            command
                .args(["delete", "--force", id])
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let _ = command.status();
        }
        remove_cgroups(&self.marker);
    }
}

/// Removes a cgroup below the root of every hierarchy, if nothing is in it.
fn remove_cgroups(name: &str) {
    let root = Path::new("/sys/fs/cgroup");
    let trees = std::fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    for tree in trees.chain([root.to_owned()]) {
        // In most trees it is not there.
        let _ = std::fs::remove_dir(tree.join(name));
    }
}

/// podman, with its storage below the test's home.
pub struct Podman {
    dir: PathBuf,
    image: String,
}

impl Podman {
    pub fn new(setup: &Setup) -> Podman {
        let dir = setup.dir().join("podman");
        std::fs::create_dir_all(&dir).expect("a directory");
        let podman = Podman {
            image: format!("{}:latest", setup.marker()),
            dir,
        };
        let archive = podman.dir.join("image.tar");
        load::run(
            Command::new("tar")
                .arg("-C")
                .arg(rootfs(&podman.dir))
                .arg("-cf")
                .args([archive.as_path(), Path::new(".")]),
        );
        load::run(
            podman
                .command()
                .args(["import", "--quiet"])
                .arg(&archive)
                .arg(&podman.image),
        );
        podman
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new("podman");
        command.arg("--root").arg(self.dir.join("root"));
        command.arg("--runroot").arg(self.dir.join("run"));
        command.args(["--storage-driver", "vfs", "--runtime", "runc"]);
        command.args(["--cgroup-manager", "cgroupfs", "--events-backend", "file"]);
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, name: &str, detach: bool, args: &[&str]) -> Command {
        let (nofile, nproc) = (format!("nofile={LIMIT}"), format!("nproc={LIMIT}"));
        let mut command = self.command();
        command.args(["run", "--rm", "--network", "none", "--log-driver", "none"]);
        command
            .args(["--ulimit", &nofile, "--ulimit", &nproc])
            .arg("--cidfile")
            .arg(self.id_file(name));
        if detach {
            command.arg("--detach");
        }
        command.arg(&self.image).args(args).stdout(Stdio::null());
        command
    }

    fn id_file(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.id"))
    }

    /// Starts it in the foreground; the caller waits for it.
    pub fn start(&self, name: &str, args: &[&str]) -> Child {
        self.run(name, false, args).spawn().expect("start podman")
    }

    #[track_caller]
    pub fn start_detached(&self, name: &str, args: &[&str]) {
        let mut command = self.run(name, true, args);
        assert!(
            command.status().expect("start podman").success(),
            "{command:?}"
        );
    }

    /// The full id of a container that was started.
    #[track_caller]
    pub fn id(&self, name: &str) -> String {
        std::fs::read_to_string(self.id_file(name))
            .expect("podman wrote the id")
            .trim()
            .to_owned()
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        for args in [
            ["rm", "--force", "--all", "--time=0"].as_slice(),
            &["rmi", "--force", "--all"],
        ] {
            let mut command = self.command();
            command
                .args(args)
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            if !command.status().is_ok_and(|status| status.success()) {
                eprintln!("warning: {command:?} failed");
            }
        }
        // Stays behind empty.
        remove_cgroups("libpod_parent");
    }
}
