//! The machines that guests can be, and what differs between them outside of the kernel.
//!
//! Owns: the table of them, and which one a series means: `6.12` is a kernel of this project's first
//! platform, `arm64-6.12` one of arm64.
//! Must not: look at the machine, or build for any.

use super::tools::{QEMU, QEMU_ARM64, Tool};

/// A kind of machine.
#[derive(Debug, PartialEq, Eq)]
pub struct Platform {
    /// As Debian calls it.
    pub name: &'static str,
    /// As the compiler calls it.
    pub arch: &'static str,
    pub target: &'static str,
    /// Debian's triple, the name of its directories for libraries.
    pub triple: &'static str,
    pub qemu: Tool,
    pub machine: &'static str,
    pub cpu: &'static str,
    pub console: &'static str,
    /// More words for the kernel's command line.
    pub kernel_arguments: &'static str,
}

pub static AMD64: Platform = Platform {
    name: "amd64",
    arch: "x86_64",
    target: "x86_64-unknown-linux-gnu",
    triple: "x86_64-linux-gnu",
    qemu: QEMU,
    machine: "q35",
    cpu: "max",
    console: "ttyS0,115200",
    // Kernels set it for themselves under KVM: on a busy host the emulated timer may tick too late for
    // the check and the kernel gives up.
    kernel_arguments: "no_timer_check",
};

pub static ARM64: Platform = Platform {
    name: "arm64",
    arch: "aarch64",
    target: "aarch64-unknown-linux-gnu",
    triple: "aarch64-linux-gnu",
    qemu: QEMU_ARM64,
    machine: "virt",
    // `max` boots in twice the time: its pointer authentication is costly to emulate.
    cpu: "neoverse-n1",
    console: "ttyAMA0",
    kernel_arguments: "random.trust_bootloader=on",
};

impl Platform {
    /// What a series is of, and its number alone.
    pub fn of(series: &str) -> (&'static Platform, &str) {
        match series.split_once('-') {
            Some((name, number)) if name == ARM64.name => (&ARM64, number),
            _ => (&AMD64, series),
        }
    }

    /// Whether what this machine's compiler makes runs there.
    pub fn is_here(&self) -> bool {
        self.arch == std::env::consts::ARCH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_names_its_platform() {
        assert_eq!(Platform::of("6.12"), (&AMD64, "6.12"));
        assert_eq!(Platform::of("arm64-6.12.117"), (&ARM64, "6.12.117"));
        // The rest is no series, which is for others to say.
        assert_eq!(Platform::of("riscv-6.12"), (&AMD64, "riscv-6.12"));
    }
}
