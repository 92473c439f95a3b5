//! By whom an act is done, as far as acts that are repeated are told as one by it.
//!
//! Owns that: the program and the user. Must not know acts.

use audit_common::Header;

use crate::enrich::process::Executable;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Doer {
    /// Device and inode of the program; of an unknown one its process.
    program: (u32, u64),
    /// Real, effective and of its user namespace.
    user: [u32; 3],
}

impl Doer {
    pub fn of(header: &Header, executable: Option<Executable>) -> Doer {
        Doer {
            program: executable.map_or((0, header.tgid.into()), |file| (file.dev, file.ino)),
            user: [header.uid, header.euid, header.user_ns],
        }
    }
}
