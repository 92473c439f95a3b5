//! `cargo xtask vm`: the project's tests on real kernels, under emulation.
//!
//! A run is: take a distribution's kernel from the cache or the archive (`kernels`, `apt`),
//! put the tests and a small user space into an initramfs (`image`, `userland`, `cpio`), boot
//! it under QEMU (`qemu`), follow what the guest says over a shared ring (`channel`,
//! `session`), and report (`report`, `libtest`). The guest's side is the crate audit-guest.
//!
//! Owns: all of that, and [`run_suite`] for the `test` command. One boot serves all programs.
//!
//! Must not: need root or KVM, install anything, or fail where the machine lacks something:
//! that is [`SuiteOutcome::NotAvailable`] with its reason.
//!
//! Invariants: no process but its own QEMU is ended; nothing stays but the kernel cache.

mod apt;
mod args;
mod channel;
mod collect;
mod cpio;
mod cross;
mod elf;
mod foreign;
mod guest;
mod image;
mod kernels;
mod library;
mod libtest;
mod modules;
mod platform;
mod programs;
mod qemu;
mod report;
mod scratch;
mod session;
mod suite;
mod tools;
mod userland;
mod version;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::build;
use args::{Action, Args};
use platform::Platform;

pub use kernels::{KNOWN_SERIES, TIER_SERIES};
pub use libtest::TestResult;
pub use report::{JobReport, MachineEnd, SuiteOutcome, SuiteReport};
pub use suite::{JobKind, Placed, SuiteJob, SuiteRequest, run_suite};
pub use tools::{PACKAGES, PACKAGES_ARM64};

/// Something that this machine does not have, with what and why: a reason to skip.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotAvailable(pub String);

/// The command. Ends the process itself when the exit code is to be the guest's.
pub fn run(args: Vec<String>) -> anyhow::Result<()> {
    let args = Args::parse(args)?;
    match args.action {
        Action::Help => print!("{}", args::HELP),
        Action::List => list()?,
        Action::Fetch => fetch(&args.series)?,
        Action::Run => {
            let code = boot_all(&args)?;
            if code != 0 {
                std::process::exit(code);
            }
        }
    }
    Ok(())
}

/// Puts kernels into the cache, with one look at the archive for all of them. The error says
/// [`NotAvailable`] if it lies with the machine or the archive.
pub fn fetch(series: &[String]) -> anyhow::Result<()> {
    let mut archive = None;
    for series in series {
        let kernel = kernels::obtain(series, &mut archive)?;
        println!("{series:<8} {} ({})", kernel.version, kernel.release);
    }
    Ok(())
}

/// Makes sure that guests with these kernels can be had, fetching what is not in the cache:
/// to be asked before anything is built for them. Gives the reason for each that cannot.
pub fn make_ready(series: &[String]) -> anyhow::Result<Vec<(String, Option<NotAvailable>)>> {
    let mut archive = None;
    let ready = |series: &String| {
        let result = match Platform::of(series).0.qemu.find() {
            Ok(_) => kernels::obtain(series, &mut archive).map(drop),
            Err(missing) => Err(missing.into()),
        };
        match result {
            Ok(()) => Ok((series.clone(), None)),
            Err(error) => error
                .downcast()
                .map(|reason| (series.clone(), Some(reason))),
        }
    };
    series.iter().map(ready).collect()
}

fn list() -> anyhow::Result<()> {
    println!("cache: {}", kernels::cache()?.display());
    for series in KNOWN_SERIES.into_iter().chain(kernels::FOREIGN_SERIES) {
        let state = match kernels::cached(series)? {
            Some(kernel) => format!("{} ({})", kernel.version, kernel.release),
            None => "not fetched".into(),
        };
        let tier = if TIER_SERIES.contains(&series) {
            "  [in cargo xtask test]"
        } else {
            ""
        };
        println!("{series:<10} {state}{tier}");
    }
    Ok(())
}

fn boot_all(args: &Args) -> anyhow::Result<i32> {
    let mut code = 0;
    let mut series = Vec::new();
    for (name, missing) in make_ready(&args.series)? {
        match missing {
            None => series.push(name),
            Some(reason) => {
                eprintln!("vm: {name} skipped: {reason}");
                code = report::EXIT_NO_BOOT;
            }
        }
    }
    if series.is_empty() {
        return Ok(code);
    }
    let mut bases: Vec<(&'static Platform, SuiteRequest)> = Vec::new();
    for series in series {
        let (platform, _) = Platform::of(&series);
        let base = match bases.iter().find(|(of, _)| *of == platform) {
            Some((_, base)) => base.clone(),
            None => {
                let base = request(args, &workspace()?, platform)?;
                bases.push((platform, base.clone()));
                base
            }
        };
        let mut request = SuiteRequest {
            series: series.clone(),
            ..base
        };
        if args.series.len() > 1 {
            request.out = request.out.map(|out| out.join(&series));
        }
        request.console = request.console.map(|path| {
            let mut name = path.into_os_string();
            name.push(format!(".{series}"));
            PathBuf::from(name)
        });
        let this = match run_suite(&request)? {
            SuiteOutcome::Ran(report) => {
                say(&report);
                report.exit_code()
            }
            SuiteOutcome::NotAvailable(reason) => {
                eprintln!("vm: {series} skipped: {reason}");
                report::EXIT_NO_BOOT
            }
        };
        code = if code == 0 { this } else { code };
    }
    Ok(code)
}

/// What is the same for all kernels of a platform.
fn request(
    args: &Args,
    workspace: &Path,
    platform: &'static Platform,
) -> anyhow::Result<SuiteRequest> {
    let mut request = SuiteRequest::new(workspace, "");
    let time_limit = args.time_limit;
    if !args.tiers.is_empty() {
        add_tests(&mut request, args, platform)?;
    }
    if let Some(name) = args.command.first() {
        let name = name.to_string_lossy().into_owned();
        let kind = JobKind::Command(args.command.clone());
        request.jobs.push(SuiteJob {
            name,
            kind,
            env: Vec::new(),
            time_limit,
        });
    }
    request.files.extend(args.files.iter().cloned());
    request.programs.clone_from(&args.programs);
    request.modules.clone_from(&args.modules);
    request.cgroup = args.cgroup;
    request.env.extend(args.env.iter().cloned());
    request.kernel_arguments.clone_from(&args.kernel_arguments);
    request.icount = args.icount;
    request.memory_mib = args.memory_mib;
    request.cpus = args.cpus;
    request.disk_mib = args.disk_mib;
    request.out.clone_from(&args.out);
    request.console.clone_from(&args.console);
    request.echo = true;
    Ok(request)
}

/// Does for tests what needs a process of its own; built beside the daemon.
const ACTS: &str = "audit-acts";

/// Puts the programs that tests start and the tests' data into the guest, all at the paths they
/// have here: what the compiler wrote into the programs (`CARGO_MANIFEST_DIR`) is true there too.
pub fn place_programs(request: &mut SuiteRequest, daemon: &Path) {
    let acts = daemon.with_file_name(ACTS);
    for (variable, path) in [("AUDIT_DAEMON=", daemon), ("AUDIT_ACTS=", &acts)] {
        let mut assignment = OsString::from(variable);
        assignment.push(path);
        request.env.push(assignment);
    }
    let data = request.workspace.join("tests");
    for path in [daemon, &acts, &data] {
        request.files.push(Placed {
            source: path.to_owned(),
            path: path.to_owned(),
        });
    }
}

/// The tiers' programs and what they need.
fn add_tests(
    request: &mut SuiteRequest,
    args: &Args,
    platform: &'static Platform,
) -> anyhow::Result<()> {
    let workspace = request.workspace.clone();
    if !platform.is_here() {
        build::kernel_programs_of(platform.arch)?;
    }
    let daemon = programs::daemon(&workspace, platform, args.release)?;
    place_programs(request, &daemon);
    let tests = programs::tests(&workspace, platform, &args.tiers, args.release)?;
    let mechanisms: Vec<Option<&str>> = match args.mechanisms.as_slice() {
        [] => vec![None],
        names => names.iter().map(|name| Some(name.as_str())).collect(),
    };
    for mechanism in mechanisms {
        for built in &tests {
            request.jobs.push(SuiteJob {
                name: job_name(&built.name, mechanism),
                kind: JobKind::Tests {
                    program: built.path.clone(),
                    only: args.filter.clone().into_iter().collect(),
                    skip: args.skip.clone(),
                },
                env: mechanism.map(use_mechanism).into_iter().collect(),
                time_limit: args.time_limit,
            });
        }
    }
    Ok(())
}

/// What a job is called that runs a suite, and with which hooks if that is said.
pub fn job_name(suite: &str, mechanism: Option<&str>) -> String {
    match mechanism {
        None => suite.to_owned(),
        Some(mechanism) => format!("{suite} ({mechanism})"),
    }
}

/// Has the daemons of a job hook in this way.
pub fn use_mechanism(name: &str) -> OsString {
    format!("AUDIT_TEST_MECHANISM={name}").into()
}

fn workspace() -> anyhow::Result<PathBuf> {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(xtask
        .parent()
        .context("xtask is not in a workspace")?
        .to_owned())
}

/// The summary, on standard error: standard output is the guest's.
fn say(report: &SuiteReport) {
    let SuiteReport {
        series, release, ..
    } = report;
    for note in &report.notes {
        eprintln!("vm: {series}: {note}");
    }
    for complaint in &report.complaints {
        eprintln!("vm: {series}: the kernel said: {complaint}");
    }
    for job in &report.jobs {
        for note in &job.notes {
            eprintln!("vm: {series} {}: {note}", job.name);
        }
        let seconds = job.took.as_secs_f64();
        eprint!(
            "vm: {series} {}: {} after {seconds:.1} s",
            job.name,
            job.ending()
        );
        if let Some(transcript) = &job.transcript {
            let count = |result| transcript.count(result);
            eprint!(
                "; {} passed, {} failed, {} ignored",
                count(TestResult::Passed),
                count(TestResult::Failed),
                count(TestResult::Ignored)
            );
            for test in &transcript.tests {
                if test.result == TestResult::Unfinished {
                    eprint!("; in {}", test.name);
                }
            }
        }
        eprintln!();
    }
    if let MachineEnd::NotBooted(tail) | MachineEnd::Died(tail) | MachineEnd::TimedOut(tail) =
        &report.end
    {
        let how = match &report.end {
            MachineEnd::NotBooted(_) => "did not boot",
            MachineEnd::Died(_) => "died",
            _ => "hung",
        };
        eprintln!("vm: {series} {how}; its console's last lines:\n{tail}");
    } else {
        let boot = report.boot.as_secs_f64();
        let mib = report.image_bytes as f64 / f64::from(1 << 20);
        eprint!("vm: {series}: Linux {release}, booted in {boot:.1} s, image {mib:.0} MiB");
        if report.boot_attempts > 1 {
            eprint!(", in attempt {}", report.boot_attempts);
        }
        eprintln!();
    }
    if !report.files.is_empty() {
        eprintln!("vm: {series}: {} files from /out", report.files.len());
    }
}
