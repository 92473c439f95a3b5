//! The programs of this machine that the vm tier runs.
//!
//! Owns: their names and the Debian packages that bring them ([`PACKAGES`], which
//! `cargo xtask setup` installs), and finding them. A missing one makes the tier not
//! available, by exact name; it is never a failure.
//!
//! Must not: install anything.

use std::path::PathBuf;

use super::NotAvailable;

/// A program and the Debian package it comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tool {
    pub name: &'static str,
    pub package: &'static str,
}

const fn tool(name: &'static str, package: &'static str) -> Tool {
    Tool { name, package }
}

pub const QEMU: Tool = tool("qemu-system-x86_64", "qemu-system-x86");
pub const QEMU_ARM64: Tool = tool("qemu-system-aarch64", "qemu-system-arm");
pub const LINKER_ARM64: Tool = tool("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu");
pub const APT_GET: Tool = tool("apt-get", "apt");
pub const APT_CACHE: Tool = tool("apt-cache", "apt");
pub const DPKG_DEB: Tool = tool("dpkg-deb", "dpkg");
pub const BUSYBOX: Tool = tool("busybox", "busybox-static");
pub const SETPRIV: Tool = tool("setpriv", "util-linux");
pub const MKE2FS: Tool = tool("mke2fs", "e2fsprogs");
pub const XZ: Tool = tool("xz", "xz-utils");
pub const ZSTD: Tool = tool("zstd", "zstd");
pub const GZIP: Tool = tool("gzip", "gzip");

/// What to install on Debian for everything here to work. libc6-dev has the static libc
/// that the guest's init is linked with; the rest of apt and dpkg is always there.
pub const PACKAGES: [&str; 5] = [
    "qemu-system-x86",
    "busybox-static",
    "xz-utils",
    "zstd",
    "libc6-dev",
];

/// The same for arm64: besides what boots it, what programs for it are compiled and linked with.
pub const PACKAGES_ARM64: [&str; 8] = [
    "qemu-system-arm",
    "busybox-static",
    "xz-utils",
    "zstd",
    "rustc-web",
    "cargo-web",
    "gcc-aarch64-linux-gnu",
    "libc6-dev-arm64-cross",
];

impl Tool {
    /// Where the program is; also in the directories of root's PATH.
    pub fn find(self) -> Result<PathBuf, NotAvailable> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let system = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
        std::env::split_paths(&path)
            .chain(system)
            .filter(|directory| directory.is_absolute())
            .map(|directory| directory.join(self.name))
            .find(|path| path.is_file())
            .ok_or_else(|| {
                let Self { name, package } = self;
                NotAvailable(format!(
                    "`{name}` is not installed (Debian package {package})"
                ))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_is_there_is_found() {
        assert!(tool("sh", "dash").find().unwrap().is_file());
    }

    #[test]
    fn a_missing_tool_is_named_with_its_package() {
        let error = tool("no-such-tool", "nothing").find().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`no-such-tool` is not installed (Debian package nothing)"
        );
    }
}
