//! One emulated machine: its command line, its process, its console.
//!
//! Owns: the QEMU process. It ends with its [`Machine`], and by the kernel's hand if the
//! runner itself is killed.
//!
//! Must not: know what the guest says. Emulation (TCG) needs no rights and no KVM; all
//! devices but the few named here are left out, which makes the boot quick.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::Context;

use audit_guest::ring::REGION_BYTES;

use super::platform::Platform;
use super::tools::SETPRIV;
use super::{NotAvailable, channel};

/// `panic=-1` ends the machine on a panic; an oops is made one, because what a kernel does
/// after it proves nothing. `rcu_expedited`: to close one tracepoint takes a grace period or two,
/// and each daemon closes a hundred.
const KERNEL_ARGUMENTS: &str = "rdinit=/init panic=-1 oops=panic loglevel=5 random.trust_cpu=on \
    rcupdate.rcu_expedited=1";
/// How much of the console a report shows.
const CONSOLE_TAIL_LINES: usize = 40;

/// What a machine is made of. All files are in the runner's scratch directory.
#[derive(Clone, Debug)]
pub struct Parts {
    pub platform: &'static Platform,
    pub kernel: PathBuf,
    pub image: PathBuf,
    pub region: PathBuf,
    pub console: PathBuf,
    /// A raw disk image, /dev/vda in the guest.
    pub disk: Option<PathBuf>,
    pub memory_mib: u32,
    pub cpus: u32,
    pub kernel_arguments: Vec<String>,
    /// The clock counts instructions, and stands still for nobody.
    pub icount: bool,
}

pub struct Machine {
    child: Child,
    errors: PathBuf,
    console: PathBuf,
}

impl Machine {
    /// Switches it on.
    pub fn start(parts: &Parts) -> anyhow::Result<Self> {
        let qemu = parts.platform.qemu.find()?;
        // setpriv becomes QEMU, with the order to die with the runner.
        let mut command = match SETPRIV.find() {
            Ok(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "KILL", "--"]).arg(qemu);
                command
            }
            Err(_) => Command::new(qemu),
        };
        let errors = parts.console.with_extension("qemu");
        // What an earlier attempt said is not this one's.
        File::create(&parts.console).context("cannot make the console's file")?;
        let child = command
            .args(arguments(parts))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&errors).context("cannot make the file for QEMU's errors")?)
            .spawn()
            .context("cannot start QEMU")?;
        Ok(Self {
            child,
            errors,
            console: parts.console.clone(),
        })
    }

    /// How QEMU ended, if it has.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.child.try_wait().context("cannot wait for QEMU")
    }

    /// QEMU's own complaint, if it ended with one.
    pub fn complaint(&self) -> anyhow::Error {
        let said = std::fs::read_to_string(&self.errors).unwrap_or_default();
        let said = said.trim().to_owned();
        if said.contains("is not a valid device model name") {
            return NotAvailable(format!("this QEMU lacks a device: {said}")).into();
        }
        anyhow::anyhow!("QEMU did not start the machine: {said}")
    }

    /// Switches it off.
    pub fn kill(&mut self) {
        // It may have ended by itself in the meantime, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Everything that the kernel printed.
    pub fn console(&self) -> String {
        let bytes = std::fs::read(&self.console).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\r', "")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The last lines of a console.
pub fn tail(console: &str) -> String {
    let lines: Vec<&str> = console.lines().collect();
    lines[lines.len().saturating_sub(CONSOLE_TAIL_LINES)..].join("\n")
}

/// Lines of a console in which the kernel says that something is wrong with itself.
pub fn complaints(console: &str) -> Vec<String> {
    const SIGNS: [&str; 8] = [
        "WARNING: ",
        "BUG: ",
        "Oops",
        "Kernel panic",
        "INFO: task ",
        "soft lockup",
        "rcu_sched self-detected stall",
        "Out of memory",
    ];
    console
        .lines()
        .filter(|line| SIGNS.iter().any(|sign| line.contains(sign)))
        .map(|line| line.trim().to_owned())
        .collect()
}

/// One thread for all CPUs: with a thread each, code that one CPU patches while the other runs it (the
/// kernel's jump labels, whenever a tracepoint is attached) now and then traps or hangs the guest.
const ACCELERATOR: &str = "tcg,thread=single";

fn arguments(parts: &Parts) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = [
        "-machine",
        parts.platform.machine,
        "-accel",
        ACCELERATOR,
        "-cpu",
        parts.platform.cpu,
        "-nodefaults",
        "-no-user-config",
        "-no-reboot",
        "-display",
        "none",
    ]
    .map(OsString::from)
    .to_vec();
    let mut add = |flag: &str, value: OsString| arguments.extend([flag.into(), value]);
    if parts.icount {
        add("-icount", "shift=0,sleep=off".into());
    }
    add("-smp", parts.cpus.to_string().into());
    add("-m", format!("{}M", parts.memory_mib).into());
    add("-kernel", parts.kernel.clone().into());
    add("-initrd", parts.image.clone().into());
    let Platform {
        console,
        kernel_arguments,
        ..
    } = parts.platform;
    let mut line = format!("console={console} {KERNEL_ARGUMENTS} {kernel_arguments}");
    for argument in &parts.kernel_arguments {
        line.push(' ');
        line.push_str(argument);
    }
    add("-append", line.into());
    add(
        "-chardev",
        option("file,id=console,path=", &parts.console, ""),
    );
    add("-serial", "chardev:console".into());
    // Not every machine has a second port. Appended to, so that it may be read meanwhile.
    if console.starts_with("ttyS") {
        let serial = channel::serial_of(&parts.region);
        let chardev = option("file,id=channel,append=on,path=", &serial, "");
        add("-chardev", chardev);
        add("-serial", "chardev:channel".into());
    }
    let size = format!(",size={REGION_BYTES},share=on");
    add(
        "-object",
        option(
            "memory-backend-file,id=region,mem-path=",
            &parts.region,
            &size,
        ),
    );
    add("-device", "ivshmem-plain,memdev=region".into());
    if let Some(disk) = &parts.disk {
        add(
            "-drive",
            option("if=none,id=disk,format=raw,cache=unsafe,file=", disk, ""),
        );
        add("-device", "virtio-blk-pci,drive=disk".into());
    }
    arguments
}

/// A value with a path in it: QEMU wants its commas doubled.
fn option(before: &str, path: &Path, after: &str) -> OsString {
    let path = path.to_string_lossy().replace(',', ",,");
    format!("{before}{path}{after}").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::platform::{AMD64, ARM64};

    fn parts() -> Parts {
        Parts {
            platform: &AMD64,
            kernel: "/k".into(),
            image: "/i".into(),
            region: "/r,x".into(),
            console: "/c".into(),
            disk: None,
            memory_mib: 2048,
            cpus: 2,
            kernel_arguments: vec!["lsm=bpf".into()],
            icount: false,
        }
    }

    #[test]
    fn the_command_line_has_all_parts() {
        let line = arguments(&parts())
            .join(&OsString::from(" "))
            .into_string()
            .unwrap();
        for part in [
            "-smp 2 -m 2048M -kernel /k -initrd /i -append console=ttyS0,115200 ",
            " lsm=bpf -chardev file,id=console,path=/c -serial chardev:console",
            "-chardev file,id=channel,append=on,path=/r,,x.serial -serial chardev:channel",
            "mem-path=/r,,x,size=16777216,share=on -device ivshmem-plain,memdev=region",
        ] {
            assert!(line.contains(part), "{part} not in {line}");
        }
        assert!(!line.contains("virtio"));
        let disk = Parts {
            disk: Some("/d".into()),
            ..parts()
        };
        let line = arguments(&disk)
            .join(&OsString::from(" "))
            .into_string()
            .unwrap();
        assert!(
            line.ends_with("file=/d -device virtio-blk-pci,drive=disk"),
            "{line}"
        );
    }

    #[test]
    fn another_platform_has_its_own_machine_and_console() {
        let parts = Parts {
            platform: &ARM64,
            ..parts()
        };
        let line = arguments(&parts)
            .join(&OsString::from(" "))
            .into_string()
            .unwrap();
        for part in ["-machine virt ", "-cpu neoverse-n1 ", "console=ttyAMA0 "] {
            assert!(line.contains(part), "{part} not in {line}");
        }
        assert!(!line.contains("no_timer_check"), "{line}");
    }

    #[test]
    fn the_tail_is_the_end() {
        let console: String = (0..100).map(|line| format!("{line}\n")).collect();
        let tail = tail(&console);
        assert_eq!(tail.lines().count(), CONSOLE_TAIL_LINES);
        assert!(tail.ends_with("99"));
        assert_eq!(super::tail("x"), "x");
    }

    #[test]
    fn the_kernels_complaints_are_found() {
        let console =
            "[ 1.0] all is well\n[ 2.0] WARNING: CPU: 0 PID: 1 at x.c:3\n[ 3.0] BUG: bad\n";
        assert_eq!(
            complaints(console),
            ["[ 2.0] WARNING: CPU: 0 PID: 1 at x.c:3", "[ 3.0] BUG: bad"]
        );
    }
}
