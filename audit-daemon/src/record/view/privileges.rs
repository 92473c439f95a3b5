//! What a process had before an act on its privileges, and has now.
//!
//! OWNS: those types. MUST NOT: hold what every process has.

/// What is peculiar to an act on privileges; what is not said is none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Privileges<'a> {
    /// Ambient, effective and permitted capabilities: before and after, if they differ.
    pub ambient: Option<(u64, u64)>,
    pub effective: Option<(u64, u64)>,
    pub permitted: Option<(u64, u64)>,
    /// Supplementary groups, and those of before; the first of them, and how many there are.
    pub groups: Option<Groups<'a>>,
    pub groups_before: Option<Groups<'a>>,
    /// The user namespace, if it is not the host's.
    pub user_ns: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Groups<'a> {
    pub first: &'a [u32],
    pub count: u64,
}
