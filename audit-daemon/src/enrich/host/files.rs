//! The small files that say which host this is.
//!
//! Owns their parsing. Must not trust their size or text: each read is bounded, and what does not
//! parse is an error or a named stand-in.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::HostError;

/// More than any of these files has, but for /proc/cpuinfo, of which the first CPU is enough.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// HOST_NAME_MAX is 64; a container's may be anything.
const NAME_BYTES_MAX: usize = 255;
/// `capable` sets are 64 bits wide.
const CAP_LAST_MAX: u32 = 63;
/// NR_CPUS of the largest kernels is 8,192.
const CPU_NUMBER_MAX: u32 = 65_535;

const HOSTNAME: &str = "proc/sys/kernel/hostname";
const BOOT_ID: &str = "proc/sys/kernel/random/boot_id";
const KERNEL_RELEASE: &str = "proc/sys/kernel/osrelease";
const CAP_LAST: &str = "proc/sys/kernel/cap_last_cap";
const CPUS_POSSIBLE: &str = "sys/devices/system/cpu/possible";

/// Where the machine id was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineIdSource {
    /// /etc/machine-id
    MachineId,
    /// /var/lib/dbus/machine-id
    Dbus,
    /// The firmware's product UUID: stable, but a cloned machine may share it.
    Firmware,
    /// A hash of the host name: changes with it, and is shared by hosts of the same name.
    HostnameHash,
}

impl MachineIdSource {
    pub const fn describe(self) -> &'static str {
        match self {
            MachineIdSource::MachineId => "/etc/machine-id",
            MachineIdSource::Dbus => "/var/lib/dbus/machine-id",
            MachineIdSource::Firmware => "the firmware's product UUID",
            MachineIdSource::HostnameHash => "a hash of the host name",
        }
    }
}

pub(super) struct Files<'a> {
    root: &'a Path,
}

impl<'a> Files<'a> {
    pub(super) fn new(root: &'a Path) -> Files<'a> {
        Files { root }
    }

    pub(super) fn hostname(&self) -> Result<String, HostError> {
        let mut name = self.required(HOSTNAME)?;
        let mut cut = NAME_BYTES_MAX.min(name.len());
        while !name.is_char_boundary(cut) {
            cut -= 1;
        }
        name.truncate(cut);
        Ok(name)
    }

    pub(super) fn kernel_release(&self) -> Result<String, HostError> {
        self.required(KERNEL_RELEASE)
    }

    pub(super) fn boot_id(&self) -> Result<String, HostError> {
        let text = self.required(BOOT_ID)?.to_ascii_lowercase();
        let digits = text.replace('-', "");
        if text.len() != 36 || !is_hex_id(&digits) {
            return Err(self.bad(BOOT_ID, &text, "UUID"));
        }
        Ok(text)
    }

    pub(super) fn cap_full(&self) -> Result<u64, HostError> {
        let text = self.required(CAP_LAST)?;
        match text.parse::<u32>() {
            Ok(last) if last <= CAP_LAST_MAX => Ok(u64::MAX >> (CAP_LAST_MAX - last)),
            _ => Err(self.bad(CAP_LAST, &text, "number of a capability")),
        }
    }

    /// How many CPUs, and one more than the highest number.
    pub(super) fn cpus_possible(&self) -> Result<(u32, u32), HostError> {
        let text = self.required(CPUS_POSSIBLE)?;
        cpu_list(&text).ok_or_else(|| self.bad(CPUS_POSSIBLE, &text, "list of CPUs"))
    }

    /// The id and where it is from; the last resort always has one.
    pub(super) fn machine_id(&self, hostname: &str) -> (String, MachineIdSource) {
        let candidates = [
            ("etc/machine-id", MachineIdSource::MachineId),
            ("var/lib/dbus/machine-id", MachineIdSource::Dbus),
            ("sys/class/dmi/id/product_uuid", MachineIdSource::Firmware),
        ];
        for (path, source) in candidates {
            let text = self.optional(path).to_ascii_lowercase().replace('-', "");
            if is_hex_id(&text) && !is_placeholder(&text) {
                return (text, source);
            }
        }
        (hostname_hash(hostname), MachineIdSource::HostnameHash)
    }

    pub(super) fn os_pretty_name(&self) -> String {
        ["etc/os-release", "usr/lib/os-release"]
            .into_iter()
            .find_map(|path| pretty_name(&self.optional(path)))
            .unwrap_or_else(|| "Linux".to_owned())
    }

    pub(super) fn is_vm(&self) -> bool {
        // Xen's first domain sees the hypervisor and runs on the bare machine.
        if self.optional("proc/xen/capabilities").contains("control_d") {
            return false;
        }
        let cpuinfo = self.optional("proc/cpuinfo");
        let flags = cpuinfo.lines().find(|line| line.starts_with("flags"));
        let has_flag = flags.is_some_and(|line| {
            line.split_ascii_whitespace()
                .any(|flag| flag == "hypervisor")
        });
        has_flag
            || !self.optional("sys/hypervisor/type").is_empty()
            || !self
                .optional("proc/device-tree/hypervisor/compatible")
                .is_empty()
            || self.firmware_is_virtual()
    }

    fn firmware_is_virtual(&self) -> bool {
        const VENDORS: [&str; 8] = [
            "QEMU",
            "KVM",
            "VMware",
            "innotek GmbH",
            "Xen",
            "Bochs",
            "Parallels",
            "Google Compute Engine",
        ];
        let [vendor, product] = ["sys_vendor", "product_name"]
            .map(|name| self.optional(&format!("sys/class/dmi/id/{name}")));
        match vendor.as_str() {
            "Amazon EC2" => !product.contains(".metal"),
            "Microsoft Corporation" => product == "Virtual Machine",
            _ => VENDORS
                .iter()
                .any(|name| vendor.starts_with(name) || product.starts_with(name)),
        }
    }

    fn required(&self, path: &str) -> Result<String, HostError> {
        self.read(path).map_err(|source| HostError::Read {
            path: format!("/{path}"),
            source,
        })
    }

    fn optional(&self, path: &str) -> String {
        self.read(path).unwrap_or_default()
    }

    /// The beginning of the file, without white space and NULs around it.
    fn read(&self, path: &str) -> std::io::Result<String> {
        let mut bytes = Vec::new();
        let full: PathBuf = self.root.join(path);
        File::open(full)?
            .take(FILE_BYTES_MAX)
            .read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text
            .trim_matches(|c: char| c.is_whitespace() || c == '\0')
            .to_owned())
    }

    fn bad(&self, path: &str, text: &str, expected: &'static str) -> HostError {
        let text = text.chars().take(80).collect();
        HostError::Text {
            path: format!("/{path}"),
            text,
            expected,
        }
    }
}

fn is_hex_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Firmware without a UUID says all zeros or all ones; images may carry a zero machine id.
fn is_placeholder(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'0') || text.bytes().all(|byte| byte == b'f')
}

/// FNV-1a, 128 bits: no secret, only the same for the same name.
fn hostname_hash(hostname: &str) -> String {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let text = format!("audit-daemon machine id from host name {hostname}");
    let hash = text.bytes().fold(BASIS, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(PRIME)
    });
    format!("{hash:032x}")
}

/// The last `PRETTY_NAME=` in shell syntax: bare, or in single or double quotes.
fn pretty_name(os_release: &str) -> Option<String> {
    let mut name = None;
    for line in os_release.lines() {
        if let Some(value) = line.trim().strip_prefix("PRETTY_NAME=") {
            name = Some(shell_value(value)).filter(|value| !value.is_empty());
        }
    }
    name
}

fn shell_value(text: &str) -> String {
    let mut value = String::new();
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => value.push(c),
            (None, c) if c.is_whitespace() => break,
            (None, '\\') => value.extend(chars.next()),
            (Some(_), '\\') => match chars.next() {
                Some(c @ ('"' | '\\' | '$' | '`')) => value.push(c),
                Some(c) => value.extend(['\\', c]),
                None => value.push('\\'),
            },
            (_, c) => value.push(c),
        }
        if value.len() >= NAME_BYTES_MAX {
            break;
        }
    }
    // Control characters have no business in a name; some terminals would act on them.
    value.retain(|c| !c.is_control());
    value.trim().to_owned()
}

/// `0-3,8`, as the kernel writes sets of CPUs: how many, and one more than the highest.
fn cpu_list(text: &str) -> Option<(u32, u32)> {
    let (mut count, mut end) = (0, 0);
    for range in text.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        // Ascending and apart, so that none counts twice.
        if first < end || last < first || last > CPU_NUMBER_MAX {
            return None;
        }
        count += last - first + 1;
        end = last + 1;
    }
    Some((count, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_lists() {
        for (text, answer) in [
            ("0", Some((1, 1))),
            ("0-3", Some((4, 4))),
            ("0-3,8", Some((5, 9))),
            ("0,2,4-5", Some((4, 6))),
            ("", None),
            ("0-", None),
            ("3-1", None),
            ("0-3,2", None),
            ("0-99999999", None),
            ("x", None),
        ] {
            assert_eq!(cpu_list(text), answer, "{text}");
        }
    }

    #[test]
    fn os_release_in_all_quotings() {
        for (text, name) in [
            (
                "PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"",
                Some("Debian GNU/Linux 13 (trixie)"),
            ),
            ("NAME=x\nPRETTY_NAME='Arch Linux'\n", Some("Arch Linux")),
            ("PRETTY_NAME=Alpine\n", Some("Alpine")),
            ("PRETTY_NAME=A\\ B c", Some("A B")),
            (
                "PRETTY_NAME=\"a \\\"b\\\" \\$c \\d\"",
                Some("a \"b\" $c \\d"),
            ),
            ("PRETTY_NAME='a \\b'", Some("a \\b")),
            ("PRETTY_NAME=first\nPRETTY_NAME=second", Some("second")),
            ("PRETTY_NAME=\"a\u{1b}[31mb\u{7}\"", Some("a[31mb")),
            ("  PRETTY_NAME=\"x\"", Some("x")),
            ("#PRETTY_NAME=x\nMY_PRETTY_NAME=y", None),
            ("PRETTY_NAME=\"\"", None),
            ("", None),
        ] {
            assert_eq!(pretty_name(text).as_deref(), name, "{text}");
        }
        assert!(shell_value(&"x".repeat(9000)).len() <= NAME_BYTES_MAX);
    }

    #[test]
    fn the_stand_in_is_stable_and_told_apart() {
        assert_eq!(hostname_hash("web-1"), hostname_hash("web-1"));
        assert_ne!(hostname_hash("web-1"), hostname_hash("web-2"));
        assert!(is_hex_id(&hostname_hash("")));
    }
}
