//! The smallest programs: 64-bit ELF files of a few instructions, without libraries.
//!
//! Owns: their bytes, for each machine that the tests run on. Must not: need a compiler; guests have none, and a copy of a program of the
//! machine would bring its libraries into every directory, chroot and memfd.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const HEADER_BYTES: u64 = 64;
const SEGMENT_BYTES: u64 = 56;
const BASE: u64 = 0x40_0000;

/// What the machine is called in ELF files, and its instructions.
#[cfg(target_arch = "x86_64")]
mod machine {
    pub const NUMBER: u16 = 62;

    pub fn exits(code: u8) -> Vec<u8> {
        // mov edi, code; mov eax, 60 (exit); syscall
        vec![0xbf, code, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05]
    }

    pub fn waits() -> Vec<u8> {
        // again: mov eax, 34 (pause); syscall; jmp again
        vec![0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7]
    }

    pub fn crashes() -> Vec<u8> {
        // xor eax, eax; mov eax, [rax]
        vec![0x31, 0xc0, 0x8b, 0x00]
    }
}

#[cfg(target_arch = "aarch64")]
mod machine {
    pub const NUMBER: u16 = 183;

    const SVC: u32 = 0xd400_0001;

    fn bytes<const N: usize>(instructions: [u32; N]) -> Vec<u8> {
        instructions
            .into_iter()
            .flat_map(u32::to_le_bytes)
            .collect()
    }

    /// mov xREGISTER, VALUE
    fn mov(register: u32, value: u16) -> u32 {
        0xd280_0000 | u32::from(value) << 5 | register
    }

    pub fn exits(code: u8) -> Vec<u8> {
        bytes([mov(0, code.into()), mov(8, 93), SVC])
    }

    pub fn waits() -> Vec<u8> {
        // again: ppoll of nothing, for ever; b again
        bytes([
            mov(0, 0),
            mov(1, 0),
            mov(2, 0),
            mov(3, 0),
            mov(8, 73),
            SVC,
            0x17ff_fffa,
        ])
    }

    pub fn crashes() -> Vec<u8> {
        // mov x0, 0; ldr w0, [x0]
        bytes([mov(0, 0), 0xb940_0000])
    }
}

/// A program that exits with this code.
pub fn exits(code: u8) -> Vec<u8> {
    program(&machine::exits(code))
}

/// A program that waits until a signal ends it.
pub fn waits() -> Vec<u8> {
    program(&machine::waits())
}

/// A program that reads from address 0.
pub fn crashes() -> Vec<u8> {
    program(&machine::crashes())
}

/// Writes a program that exits with 0, mode 0755, and returns its path.
pub fn place(path: impl AsRef<Path>) -> PathBuf {
    place_program(path, &exits(0))
}

pub fn place_program(path: impl AsRef<Path>, bytes: &[u8]) -> PathBuf {
    let path = path.as_ref();
    std::fs::write(path, bytes).unwrap_or_else(|e| panic!("write {}: {e}", path.display()));
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).expect("chmod");
    path.to_owned()
}

/// One segment, readable and executable, that holds headers and code.
fn program(code: &[u8]) -> Vec<u8> {
    let start = HEADER_BYTES + SEGMENT_BYTES;
    let size = start + code.len() as u64;
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let half = |file: &mut Vec<u8>, n: u16| file.extend(n.to_le_bytes());
    let word = |file: &mut Vec<u8>, n: u32| file.extend(n.to_le_bytes());
    let long = |file: &mut Vec<u8>, n: u64| file.extend(n.to_le_bytes());
    // ET_EXEC, the machine, version 1
    half(&mut file, 2);
    half(&mut file, machine::NUMBER);
    word(&mut file, 1);
    for n in [BASE + start, HEADER_BYTES, 0] {
        long(&mut file, n);
    }
    word(&mut file, 0);
    for n in [HEADER_BYTES as u16, SEGMENT_BYTES as u16, 1, 64, 0, 0] {
        half(&mut file, n);
    }
    // PT_LOAD, read and execute
    word(&mut file, 1);
    word(&mut file, 5);
    for n in [0, BASE, BASE, size, size, 0x1000] {
        long(&mut file, n);
    }
    file.extend(code);
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    #[test]
    fn the_programs_do_what_they_are_for() {
        let dir = tempfile::tempdir().unwrap();
        let run = |name: &str, bytes: &[u8]| {
            Command::new(place_program(dir.path().join(name), bytes))
                .status()
                .unwrap()
        };
        assert_eq!(run("exits", &exits(37)).code(), Some(37));
        assert_eq!(run("crashes", &crashes()).signal(), Some(libc::SIGSEGV));
        let mut waiting = Command::new(place_program(dir.path().join("waits"), &waits()))
            .spawn()
            .unwrap();
        assert_eq!(waiting.try_wait().unwrap(), None);
        waiting.kill().unwrap();
        assert_eq!(waiting.wait().unwrap().signal(), Some(libc::SIGKILL));
    }
}
