//! Runs a suite: one kernel, one boot, several programs.
//!
//! Owns: [`SuiteRequest`], the making of the guest's image from it, and the boot with its
//! repetitions. Must not: print more than progress; the report is for the caller.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use audit_guest::manifest::{CgroupLayout, Job, MANIFEST_PATH, Manifest};

use super::channel::Channel;
use super::collect::Collector;
use super::foreign::Root;
use super::image::Image;
use super::kernels::{self, Kernel};
use super::library::Loader;
use super::libtest::Transcript;
use super::modules::Modules;
use super::platform::Platform;
use super::qemu::{self, Machine, Parts};
use super::report::{MachineEnd, SuiteOutcome, SuiteReport};
use super::scratch::Scratch;
use super::session::Session;
use super::tools::MKE2FS;
use super::{NotAvailable, guest, userland};

/// One boot in a hundred hangs early under emulation. A healthy one takes 3 to 6 s; each
/// attempt waits this much longer than the one before it, for machines that are busy.
const BOOT_LIMIT: Duration = Duration::from_secs(45);
const BOOT_ATTEMPTS: u32 = 3;
/// How often the guest is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);
/// How long the guest may take from its last word to the machine's end.
const POWER_OFF_MAX: Duration = Duration::from_secs(10);
/// What a disk needs that some kernels have as modules.
const DISK_MODULES: [&str; 3] = ["virtio_pci", "virtio_blk", "ext4"];
/// Each test's time stands behind its result.
const WITH_TIMES: [&str; 2] = ["-Zunstable-options", "--report-time"];
const DISK_DEVICE: &str = "/dev/vda";

/// A program to be run in the guest.
#[derive(Clone, Debug)]
pub struct SuiteJob {
    pub name: String,
    pub kind: JobKind,
    /// `KEY=value` for this job, besides those of the request.
    pub env: Vec<OsString>,
    pub time_limit: Duration,
}

#[derive(Clone, Debug)]
pub enum JobKind {
    /// A Rust test program of this machine; it has the same path in the guest.
    Tests {
        program: PathBuf,
        /// Only tests whose names contain one of these; none: all.
        only: Vec<String>,
        skip: Vec<String>,
    },
    /// A command as the guest knows it.
    Command(Vec<OsString>),
}

/// A file or directory of this machine and its path in the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub source: PathBuf,
    pub path: PathBuf,
}

/// What to boot and what to run there.
#[derive(Clone, Debug)]
pub struct SuiteRequest {
    pub series: String,
    pub jobs: Vec<SuiteJob>,
    /// For all of them together, with the boot; each has its own besides.
    pub time_limit: Option<Duration>,
    /// The root of the workspace, where the guest's init is built.
    pub workspace: PathBuf,
    /// Files and directories; programs among them bring their libraries.
    pub files: Vec<Placed>,
    /// More programs of this machine, by name, at their own paths.
    pub programs: Vec<String>,
    /// Kernel modules to load before the first job.
    pub modules: Vec<String>,
    pub cgroup: CgroupLayout,
    /// `KEY=value` for all jobs, besides `AUDIT_VM=SERIES` and what their own kind needs.
    pub env: Vec<OsString>,
    pub kernel_arguments: Vec<String>,
    /// The guest's clock counts instructions.
    pub icount: bool,
    pub memory_mib: u32,
    pub cpus: u32,
    /// Size of an ext4 disk on /mnt.
    pub disk_mib: Option<u32>,
    /// Where the files of the guest's /out go.
    pub out: Option<PathBuf>,
    /// Whether output is passed on while it comes.
    pub echo: bool,
    /// Whether the kernel's whole console is kept there.
    pub console: Option<PathBuf>,
}

impl SuiteRequest {
    /// A request without jobs, with the usual machine.
    pub fn new(workspace: &Path, series: &str) -> Self {
        Self {
            series: series.into(),
            jobs: Vec::new(),
            time_limit: None,
            workspace: workspace.into(),
            files: Vec::new(),
            programs: Vec::new(),
            modules: Vec::new(),
            cgroup: CgroupLayout::V2,
            env: Vec::new(),
            kernel_arguments: Vec::new(),
            icount: false,
            memory_mib: 2048,
            cpus: 2,
            disk_mib: None,
            out: None,
            echo: false,
            console: None,
        }
    }
}

/// Fetches the kernel if need be, boots it once and runs all jobs.
///
/// What this machine cannot have (QEMU, the kernel, a tool) is an outcome; what went wrong
/// on the way is an error; what went wrong in the guest is in the report.
pub fn run_suite(request: &SuiteRequest) -> anyhow::Result<SuiteOutcome> {
    match try_suite(request) {
        Ok(report) => Ok(SuiteOutcome::Ran(report)),
        Err(error) => match error.downcast::<NotAvailable>() {
            Ok(NotAvailable(reason)) => Ok(SuiteOutcome::NotAvailable(reason)),
            Err(error) => Err(error),
        },
    }
}

fn try_suite(request: &SuiteRequest) -> anyhow::Result<SuiteReport> {
    let (platform, _) = Platform::of(&request.series);
    platform.qemu.find()?;
    let kernel = kernels::obtain(&request.series, &mut None)?;
    let init = guest::build(&request.workspace, platform)?;
    let scratch = Scratch::new()?;
    let place = |name: &str| scratch.path().join(name);
    let image_bytes = image(request, &kernel, &init)?.write(&place("image"))?;
    let disk = request
        .disk_mib
        .map(|mib| disk(&place("disk"), mib))
        .transpose()?;
    let parts = Parts {
        platform,
        kernel: kernel.image(),
        image: place("image"),
        region: place("region"),
        console: place("console"),
        disk,
        memory_mib: request.memory_mib,
        cpus: request.cpus,
        kernel_arguments: request.kernel_arguments.clone(),
        icount: request.icount,
    };
    let mut attempt = 1;
    loop {
        let mut report = boot(request, &parts, attempt)?;
        report.image_bytes = image_bytes;
        let MachineEnd::NotBooted(tail) = &report.end else {
            return Ok(report);
        };
        if attempt == BOOT_ATTEMPTS {
            return Ok(report);
        }
        let series = &request.series;
        eprintln!(
            "vm: {series} did not boot (attempt {attempt} of {BOOT_ATTEMPTS}); its last lines:\n{tail}"
        );
        attempt += 1;
    }
}

/// One attempt.
fn boot(request: &SuiteRequest, parts: &Parts, attempt: u32) -> anyhow::Result<SuiteReport> {
    let mut channel = Channel::create(&parts.region).context("cannot make the ring")?;
    let collector = request.out.as_deref().map(Collector::new).transpose();
    let collector = collector.context("cannot make the directory for /out")?;
    let started = Instant::now();
    let jobs = request
        .jobs
        .iter()
        .map(|job| (job.name.clone(), job.time_limit));
    let deadline = started + BOOT_LIMIT * attempt;
    let mut session = Session::new(jobs, collector, request.echo, deadline);
    let mut machine = Machine::start(parts)?;
    let mut boot = None;
    let latest = request.time_limit.map(|limit| started + limit);
    let on_time = follow(&mut machine, &mut channel, &mut session, latest, || {
        boot.get_or_insert_with(|| started.elapsed());
    })?;
    if session.release().is_none() && on_time && machine.console().is_empty() {
        return Err(machine.complaint());
    }
    end(&mut machine, session.is_done())?;

    let console = machine.console();
    if let Some(path) = &request.console {
        std::fs::write(path, &console).context("cannot write the console")?;
    }
    let tail = || qemu::tail(&console);
    let end = match (session.release(), session.is_done(), on_time) {
        (None, _, _) => MachineEnd::NotBooted(tail()),
        (Some(_), true, _) => MachineEnd::PoweredOff,
        (Some(_), false, true) => MachineEnd::Died(tail()),
        (Some(_), false, false) => MachineEnd::TimedOut(tail()),
    };
    let release = session.release().unwrap_or_default().to_owned();
    let transcripts = session.into_transcripts();
    let mut jobs = transcripts.jobs;
    for (report, job) in jobs.iter_mut().zip(&request.jobs) {
        let is_tests = matches!(job.kind, JobKind::Tests { .. });
        report.transcript = is_tests.then(|| Transcript::parse(&report.stdout));
    }
    Ok(SuiteReport {
        series: request.series.clone(),
        release,
        boot: boot.unwrap_or_default(),
        boot_attempts: attempt,
        image_bytes: 0,
        end,
        jobs,
        notes: transcripts.notes,
        complaints: qemu::complaints(&console),
        files: transcripts.files,
    })
}

/// Follows the guest until it is done, its machine has ended or its time is over; gives
/// false for the last.
fn follow(
    machine: &mut Machine,
    channel: &mut Channel,
    session: &mut Session,
    latest: Option<Instant>,
    mut on_boot: impl FnMut(),
) -> anyhow::Result<bool> {
    loop {
        // Asked before the last look at the ring, so that nothing is missed.
        let ended = machine.ended()?.is_some();
        let bytes = channel.read().context("cannot read the ring")?;
        session.take(&bytes)?;
        if session.release().is_some() {
            on_boot();
        }
        if session.is_done() || ended && bytes.is_empty() {
            return Ok(true);
        }
        let now = Instant::now();
        if now > session.deadline() || latest.is_some_and(|latest| now > latest) {
            return Ok(false);
        }
        if bytes.is_empty() {
            std::thread::sleep(LOOK_INTERVAL);
        }
    }
}

/// Lets a machine that is done power off by itself, and ends all others.
fn end(machine: &mut Machine, done: bool) -> anyhow::Result<()> {
    let started = Instant::now();
    while done && machine.ended()?.is_none() && started.elapsed() < POWER_OFF_MAX {
        std::thread::sleep(LOOK_INTERVAL);
    }
    machine.kill();
    Ok(())
}

fn image(request: &SuiteRequest, kernel: &Kernel, init: &Path) -> anyhow::Result<Image> {
    let (platform, _) = Platform::of(&request.series);
    let loader = match platform.is_here() {
        true => Loader::of_this_machine(),
        false => Root::obtain(platform)?.loader(),
    };
    let mut image = Image::new(loader)?;
    userland::add(&mut image, kernel, &request.programs)?;
    for placed in &request.files {
        if placed.source.is_dir() {
            image.tree(&placed.source, &placed.path)?;
        } else {
            image.file(&placed.source, &placed.path)?;
        }
    }
    let mut manifest = Manifest {
        hostname: userland::HOSTNAME.into(),
        cgroup: request.cgroup,
        disk: request.disk_mib.map(|_| DISK_DEVICE.into()),
        ..Manifest::default()
    };
    let mut modules = request.modules.clone();
    if request.disk_mib.is_some() {
        modules.extend(DISK_MODULES.map(String::from));
    }
    if !modules.is_empty() {
        for module in Modules::open(&kernel.modules())?.closure(&modules)? {
            let path = PathBuf::from(format!("/vm/modules/{}.ko", module.name));
            image.bytes(&path, 0o644, &module.bytes)?;
            manifest.modules.push(path.into());
        }
    }
    for job in &request.jobs {
        if let JobKind::Tests { program, .. } = &job.kind {
            image.file(program, program)?;
        }
        manifest.jobs.push(guest_job(request, job)?);
    }
    image.file(init, Path::new("/init"))?;
    image.bytes(
        Path::new(MANIFEST_PATH),
        0o644,
        manifest.encode().as_bytes(),
    )?;
    Ok(image)
}

fn guest_job(request: &SuiteRequest, job: &SuiteJob) -> anyhow::Result<Job> {
    let args = match &job.kind {
        JobKind::Tests {
            program,
            only,
            skip,
        } => {
            // Skipped tests say so in what they print.
            let how = ["--test-threads=1", "--show-output"].into_iter();
            let how = how.chain(WITH_TIMES).map(OsString::from);
            let mut args: Vec<OsString> = [program.into()].into_iter().chain(how).collect();
            args.extend(only.iter().map(OsString::from));
            args.extend(skip.iter().flat_map(|name| ["--skip".into(), name.into()]));
            args
        }
        JobKind::Command(args) if args.is_empty() => bail!("the job {} has no command", job.name),
        JobKind::Command(args) => args.clone(),
    };
    let mut env = vec![
        format!("AUDIT_VM={}", request.series).into(),
        "RUST_BACKTRACE=1".into(),
        // Leave for a stable test program to tell its times.
        "RUSTC_BOOTSTRAP=1".into(),
    ];
    env.extend(request.env.iter().chain(&job.env).cloned());
    Ok(Job {
        name: job.name.clone(),
        timeout_ms: job.time_limit.as_millis().try_into().unwrap_or(u64::MAX),
        cwd: "/tmp".into(),
        args,
        env,
    })
}

fn disk(path: &Path, mib: u32) -> anyhow::Result<PathBuf> {
    let make =
        || -> std::io::Result<()> { std::fs::File::create(path)?.set_len(u64::from(mib) << 20) };
    make().with_context(|| format!("cannot make a disk of {mib} MiB"))?;
    let status = Command::new(MKE2FS.find()?)
        .args(["-q", "-F", "-t", "ext4"])
        .arg(path)
        .stdin(Stdio::null())
        .status()
        .context("cannot run mke2fs")?;
    if !status.success() {
        bail!("mke2fs cannot make a file system of {mib} MiB");
    }
    Ok(path.into())
}
