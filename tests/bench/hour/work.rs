//! The work of an hour, by the real programs. What is made on the machine is taken away again.
//!
//! Owns the amounts. Each work says if something that it needs is missing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

/// Whether the work could be done.
pub enum Done {
    Whole,
    Not(String),
}

const QUIET: Duration = Duration::from_secs(10);
const PACKAGES: &[&str] = &["cron", "openssl", "tzdata", "ca-certificates"];
const CONTAINERS: u32 = 10;
const CRON_JOBS: u32 = 12;
/// Cron wakes up once a minute.
const CRON_MAX: Duration = Duration::from_secs(130);
const REQUESTS: u32 = 36_000;
const LISTEN_MAX: Duration = Duration::from_secs(10);
const SERVER: &str = "10.83.0.1";
const CLIENT: &str = "10.83.0.2";

pub fn nothing(_: &Path) -> Result<Done> {
    std::thread::sleep(QUIET);
    Ok(Done::Whole)
}

/// Four packages are unpacked and configured anew, with all that their scripts do.
pub fn packages(_: &Path) -> Result<Done> {
    if let Some(missing) = missing(&["apt-get", "cron"]) {
        return Ok(missing);
    }
    let mut install = Command::new("apt-get");
    install
        .args(["-q", "-y", "install", "--reinstall"])
        .args(PACKAGES);
    ended(install.env("DEBIAN_FRONTEND", "noninteractive"))?;
    Ok(Done::Whole)
}

pub fn containers(dir: &Path) -> Result<Done> {
    if let Some(missing) = missing(&["runc", "busybox"]) {
        return Ok(missing);
    }
    let root = dir.join("rootfs/bin");
    fs::create_dir_all(&root)?;
    let busybox = found("busybox").context("busybox")?;
    fs::copy(busybox, root.join("sh"))?;
    for below in ["proc", "sys", "dev"] {
        fs::create_dir_all(dir.join("rootfs").join(below))?;
    }
    ended(Command::new("runc").arg("spec").current_dir(dir))?;
    let file = dir.join("config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&file)?)?;
    config["process"]["terminal"] = false.into();
    config["process"]["args"] = ["sh", "-c", "echo done"].as_slice().into();
    config["process"]["rlimits"] = serde_json::Value::Array(Vec::new());
    fs::write(&file, config.to_string())?;
    for number in 0..CONTAINERS {
        let id = format!("hour-{}-{number}", std::process::id());
        let mut run = Command::new("runc");
        run.arg("--root").arg(dir.join("state")).args(["run", &id]);
        ended(run.current_dir(dir))?;
    }
    Ok(Done::Whole)
}

/// A file that is taken away again.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        // There is nobody to tell.
        let _ = fs::remove_file(&self.0);
    }
}

/// A process that is ended again.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn cron(dir: &Path) -> Result<Done> {
    if let Some(missing) = missing(&["cron"]) {
        return Ok(missing);
    }
    let marks = dir.join("marks");
    fs::create_dir(&marks)?;
    let name = format!("audit-bench-{}", std::process::id());
    let table = Removed(Path::new("/etc/cron.d").join(name));
    let jobs: String = (0..CRON_JOBS)
        .map(|job| format!("* * * * * root /bin/touch {}/{job}\n", marks.display()))
        .collect();
    fs::write(&table.0, jobs)?;
    let mut cron = Command::new("cron");
    cron.arg("-f")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let running = match cron.spawn() {
        Ok(child) => Ended(child),
        Err(error) => return Ok(Done::Not(format!("cron: {error}"))),
    };
    let until = Instant::now() + CRON_MAX;
    let done = || -> Result<bool> { Ok(fs::read_dir(&marks)?.count() == CRON_JOBS as usize) };
    while !done()? {
        if Instant::now() > until {
            return Ok(Done::Not(
                "cron ran no job (does another one run?)".to_owned(),
            ));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    drop(running);
    Ok(Done::Whole)
}

/// A network namespace for the client, joined to the host's by a pair of devices.
struct Net(String);

impl Net {
    fn new() -> Result<Net> {
        let name = format!("hour{}", std::process::id());
        ip(&["netns", "add", &name])?;
        let net = Net(name);
        let (here, there) = (format!("{}a", net.0), format!("{}b", net.0));
        let (server, client) = (format!("{SERVER}/24"), format!("{CLIENT}/24"));
        ip(&[
            "link", "add", &here, "type", "veth", "peer", "name", &there, "netns", &net.0,
        ])?;
        ip(&["addr", "add", &server, "dev", &here])?;
        ip(&["link", "set", &here, "up"])?;
        ip(&["-n", &net.0, "addr", "add", &client, "dev", &there])?;
        ip(&["-n", &net.0, "link", "set", &there, "up"])?;
        Ok(net)
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        // The devices go with it.
        let _ = ip(&["netns", "del", &self.0]);
    }
}

fn ip(words: &[&str]) -> Result<()> {
    ended(Command::new("ip").args(words))
}

pub fn web(dir: &Path) -> Result<Done> {
    if let Some(missing) = missing(&["nginx", "ab", "ip"]) {
        return Ok(missing);
    }
    let net = Net::new()?;
    let config = dir.join("nginx.conf");
    let place = dir.display();
    fs::write(dir.join("index.html"), "ordinary\n")?;
    // Its workers are others than root.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(dir, mode)?;
    let text = format!(
        "worker_processes 2; pid {place}/pid; error_log {place}/errors; daemon off;\n\
         events {{ worker_connections 256; }}\n\
         http {{ access_log {place}/access; server {{ listen {SERVER}:8083; root {place}; }} }}\n"
    );
    fs::write(&config, text)?;
    let mut nginx = Command::new("nginx");
    nginx
        .arg("-c")
        .arg(&config)
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    let server = nginx.spawn().context("start nginx")?;
    let until = Instant::now() + LISTEN_MAX;
    while std::net::TcpStream::connect((SERVER, 8083)).is_err() {
        ensure!(Instant::now() < until, "nginx does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut load = Command::new("ip");
    load.args([
        "netns",
        "exec",
        &net.0,
        "ab",
        "-q",
        "-n",
        &REQUESTS.to_string(),
        "-c",
        "8",
    ]);
    let loaded = ended(load.arg(format!("http://{SERVER}:8083/index.html")));
    stop(server)?;
    loaded?;
    Ok(Done::Whole)
}

/// Ends the server in order, with its workers.
fn stop(mut server: Child) -> Result<()> {
    let pid = nix::unistd::Pid::from_raw(server.id().cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM)?;
    server.wait()?;
    Ok(())
}

fn ended(command: &mut Command) -> Result<()> {
    command.stdin(Stdio::null());
    let output = command.output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!(
            "{command:?}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

fn found(program: &str) -> Option<PathBuf> {
    ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        .into_iter()
        .map(|dir| Path::new(dir).join(program))
        .find(|path| path.exists())
}

fn missing(programs: &[&str]) -> Option<Done> {
    let program = programs.iter().find(|program| found(program).is_none())?;
    Some(Done::Not(format!(
        "no {program} here: cargo xtask setup --for bench"
    )))
}
