//! What a hook does not see, or tells with less certainty, as data: `check`, the status and the
//! metrics use the same words.
//!
//! Owns those words and what can be done about each. Must not look at the machine: what is so on this
//! kernel is handed in as [`Facts`].

use super::{
    Mechanism, OF_COMPAT, Outcome, OutcomeState, RING_SUBMIT,
    table::{ACTS_BEGIN, ACTS_END, RECEIVED},
};

/// By what the object of a record is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Precision {
    /// By the kernel's own object, in the moment of the act.
    Exact,
    /// By the file behind a descriptor, when the call is over.
    ByDescriptor,
    /// By the name that the program gave, followed when the call is over.
    ByName,
}

impl Precision {
    pub const fn words(self) -> &'static str {
        match self {
            Precision::Exact => "exact",
            Precision::ByDescriptor => "by fd",
            Precision::ByName => "by name",
        }
    }
}

/// One thing that a hook does not see as it should.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum BlindSpot {
    /// Tracepoints of single system calls pass by those of 32 bits.
    CallsOf32Bits,
    /// The same, where it only costs an exec its "before".
    IdsOf32Bits,
    /// Functions see what is done, and neither mounts nor attempts that ended before it.
    FailuresOf32Bits,
    /// What is asked of a ring is no system call.
    IoUring,
    /// The memory of other processes, opened as a file.
    MemoryFiles,
    /// Nor is it looked into for this.
    RingTruncate,
    /// A link in another directory than the watched tree; only where such trees are watched.
    NewHardLinks,
    /// Who has a descriptor from somebody else opens nothing.
    Received,
    /// A program that was preempted is not run for others on its CPU.
    Skipped,
    /// And this kernel does not say how often.
    Uncounted,
    /// The name may lead elsewhere by then.
    ToldByName,
    /// The caller's memory is the only source.
    ToldByProgram,
    /// Another one can change what is behind a descriptor.
    SharedDescriptors,
    /// Nothing comes back from such a request.
    NoCompletion,
    /// Of a script only its interpreter's inode is at hand.
    ScriptInode,
    /// The kernel keeps none.
    NoLoginUser,
}

/// What it takes away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weight {
    /// Acts pass by, always.
    Unseen,
    /// Acts may pass by now and then.
    Missed,
    /// They are recorded, with less certainty or with less in them.
    Vague,
}

/// All of them, in the order in which they are told.
pub const BLIND_SPOTS: [BlindSpot; 16] = [
    BlindSpot::CallsOf32Bits,
    BlindSpot::IdsOf32Bits,
    BlindSpot::FailuresOf32Bits,
    BlindSpot::IoUring,
    BlindSpot::MemoryFiles,
    BlindSpot::RingTruncate,
    BlindSpot::NewHardLinks,
    BlindSpot::Received,
    BlindSpot::Skipped,
    BlindSpot::Uncounted,
    BlindSpot::ToldByName,
    BlindSpot::ToldByProgram,
    BlindSpot::SharedDescriptors,
    BlindSpot::NoCompletion,
    BlindSpot::ScriptInode,
    BlindSpot::NoLoginUser,
];

impl BlindSpot {
    /// For programs that read `check --json`; never changed.
    pub const fn id(self) -> &'static str {
        match self {
            BlindSpot::CallsOf32Bits => "32-bit",
            BlindSpot::IdsOf32Bits => "32-bit-ids",
            BlindSpot::FailuresOf32Bits => "32-bit-failures",
            BlindSpot::IoUring => "io_uring",
            BlindSpot::MemoryFiles => "proc-mem",
            BlindSpot::RingTruncate => "io_uring-ftruncate",
            BlindSpot::NewHardLinks => "new-hard-link",
            BlindSpot::Received => "received-descriptor",
            BlindSpot::Skipped => "skipped",
            BlindSpot::Uncounted => "uncounted",
            BlindSpot::ToldByName => "told-by-name",
            BlindSpot::ToldByProgram => "told-by-program",
            BlindSpot::SharedDescriptors => "unproven",
            BlindSpot::NoCompletion => "no-completion",
            BlindSpot::ScriptInode => "script-inode",
            BlindSpot::NoLoginUser => "no-login-user",
        }
    }

    pub const fn weight(self) -> Weight {
        match self {
            BlindSpot::CallsOf32Bits
            | BlindSpot::IdsOf32Bits
            | BlindSpot::FailuresOf32Bits
            | BlindSpot::IoUring
            | BlindSpot::MemoryFiles
            | BlindSpot::RingTruncate
            | BlindSpot::NewHardLinks
            | BlindSpot::Received => Weight::Unseen,
            BlindSpot::Skipped | BlindSpot::Uncounted => Weight::Missed,
            BlindSpot::ToldByName
            | BlindSpot::ToldByProgram
            | BlindSpot::SharedDescriptors
            | BlindSpot::NoCompletion
            | BlindSpot::ScriptInode
            | BlindSpot::NoLoginUser => Weight::Vague,
        }
    }

    /// In a few words.
    pub const fn words(self) -> &'static str {
        match self {
            BlindSpot::CallsOf32Bits => "32-bit programs",
            BlindSpot::IdsOf32Bits => "ids before the exec of 32-bit programs",
            BlindSpot::FailuresOf32Bits => "mounts and failed acts of 32-bit programs",
            BlindSpot::IoUring => "io_uring",
            BlindSpot::MemoryFiles => "/proc/PID/mem",
            BlindSpot::RingTruncate => "ftruncate by io_uring",
            BlindSpot::NewHardLinks => "new hard links of files in trees",
            BlindSpot::Received => "received descriptors",
            BlindSpot::Skipped => "acts while preempted",
            BlindSpot::Uncounted => "skips that are not counted",
            BlindSpot::ToldByName => "names followed after the call",
            BlindSpot::ToldByProgram => "the caller's own word",
            BlindSpot::SharedDescriptors => "shared descriptors",
            BlindSpot::NoCompletion => "requests without completion",
            BlindSpot::ScriptInode => "inodes of scripts",
            BlindSpot::NoLoginUser => "login users",
        }
    }

    /// What it means, and what can be done about it.
    pub const fn advice(self) -> &'static str {
        match self {
            BlindSpot::CallsOf32Bits => {
                "They pass by system call tracepoints. If any run here, set `kernel.compat = true` \
                 (costs about 180 ns on every system call): it shows their failed execs and what \
                 they do to files, and what they do with privileges. If none should, start the kernel with ia32_emulation=0 (x86, \
                 from Linux 6.7)."
            }
            BlindSpot::IdsOf32Bits => {
                "They are not seen by system call tracepoints: the record of such an exec has only the \
                 ids after it. From Linux 6.10 on it has both."
            }
            BlindSpot::FailuresOf32Bits => {
                "What they do to files is seen; mounts by them are not, nor what fails before \
                 anything is done (no such file, no right). Set `kernel.compat = true` (costs about \
                 180 ns on every system call), or start the kernel with ia32_emulation=0 (x86, \
                 from Linux 6.7)."
            }
            BlindSpot::IoUring => {
                "What programs do to files by io_uring passes by system call tracepoints; from \
                 Linux 6.0 on it is seen. Where nothing needs it, set the sysctl \
                 kernel.io_uring_disabled = 2 (from Linux 6.6)."
            }
            BlindSpot::MemoryFiles => {
                "Who opens /proc/PID/mem of another process reads and writes its memory, and is not \
                 seen there: looking for that would cost every open of a file. ptrace, \
                 process_vm_readv and process_vm_writev are seen."
            }
            BlindSpot::RingTruncate => {
                "The size of a file is changed unseen; that the file was opened is seen. Where nothing needs \
                 io_uring, set the sysctl kernel.io_uring_disabled = 2."
            }
            BlindSpot::NewHardLinks => {
                "A file below `**` passes by under a hard link of another directory that was made \
                 since the daemon looked last (at most a minute ago). The making of the link is \
                 recorded. Watch files of weight by their own names."
            }
            BlindSpot::Received => {
                "Who opened a file is recorded; who gets the descriptor from there (SCM_RIGHTS, \
                 pidfd_getfd) and reads or writes is not. Hooks on functions of the kernel see \
                 that, from Linux 5.17 on."
            }
            BlindSpot::Skipped => {
                "A program that is preempted is not run for others on its CPU meanwhile: those on \
                 functions of the kernel, and from Linux 7.0 on those on tracepoints. Accesses to \
                 watched files may pass by, and in a flood of failing execs some of these; the log \
                 says how many at most. `kernel.compat = true` sees each failed exec."
            }
            BlindSpot::Uncounted => {
                "If the kernel skips a program on a CPU where another one is at work it does not \
                 say so. It counts these from Linux 5.12 on, those of system call tracepoints from \
                 6.7 on: use a newer kernel where the log must tell."
            }
            BlindSpot::ToldByName => {
                "What is removed, renamed or changed by its name is told by that name: it is \
                 followed when the call is over, and `unmapped.source` says \"userspace\". A \
                 process that changes links in the same moment can make it lead elsewhere."
            }
            BlindSpot::ToldByProgram => {
                "Path and arguments are read from the caller's memory when the call is over \
                 (`unmapped.source` \"string\"): a program can lie about what it failed to run. \
                 What does run is told by the kernel."
            }
            BlindSpot::SharedDescriptors => {
                "If threads share descriptors, one can put another file there in between: such a \
                 record has `unmapped.source` \"unproven\". Hooks on functions of the kernel \
                 (`kernel.mechanism = \"auto\"`, where this one allows them) see the file itself."
            }
            BlindSpot::NoCompletion => {
                "A request with IOSQE_CQE_SKIP_SUCCESS is recorded when it is submitted, as done: \
                 if it is an open and fails, that is a second record."
            }
            BlindSpot::ScriptInode => {
                "Of a script that is run there is its path, and the inode of its interpreter. To \
                 have a script's own inode in the log, watch it for reads."
            }
            BlindSpot::NoLoginUser => {
                "This kernel has no CONFIG_AUDIT, and keeps no login user: who became root by su or \
                 sudo is told by the parents of a process only. Use a kernel with CONFIG_AUDIT=y."
            }
        }
    }
}

/// What this kernel is and allows, as far as hooks depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Major and minor.
    pub version: (u32, u32),
    /// Programs can be preempted, and are then skipped for others.
    pub preempted: bool,
    pub calls_of_32_bits: bool,
    /// Rings can be made.
    pub io_uring: bool,
    pub login_users: bool,
}

/// First kernel that counts skipped programs: on raw tracepoints and functions, on perf's.
const COUNTED_SINCE: (u32, u32) = (5, 12);
const PERF_COUNTED_SINCE: (u32, u32) = (6, 7);
/// First kernel that can be asked for it.
const RING_TRUNCATE_SINCE: (u32, u32) = (6, 9);

impl Facts {
    /// Is a hook of this kind blind there on this kernel?
    fn have(&self, spot: BlindSpot, mechanism: Mechanism) -> bool {
        match spot {
            BlindSpot::CallsOf32Bits | BlindSpot::IdsOf32Bits | BlindSpot::FailuresOf32Bits => {
                self.calls_of_32_bits
            }
            BlindSpot::IoUring | BlindSpot::NoCompletion => self.io_uring,
            BlindSpot::RingTruncate => self.io_uring && self.version >= RING_TRUNCATE_SINCE,
            // Programs on functions are preempted wherever tasks are.
            BlindSpot::Skipped => self.preempted || mechanism == Mechanism::Trampoline,
            BlindSpot::Uncounted => {
                let since = match mechanism {
                    Mechanism::Tracepoint => PERF_COUNTED_SINCE,
                    Mechanism::RawTracepoint | Mechanism::Trampoline => COUNTED_SINCE,
                };
                self.version < since
            }
            BlindSpot::NoLoginUser => !self.login_users,
            BlindSpot::MemoryFiles
            | BlindSpot::NewHardLinks
            | BlindSpot::Received
            | BlindSpot::ToldByName
            | BlindSpot::ToldByProgram
            | BlindSpot::SharedDescriptors
            | BlindSpot::ScriptInode => true,
        }
    }
}

/// Leaves of the blind spots those that are so here: some are not on this kernel, and what is seen by
/// one row is not what another one cannot see.
pub fn reconcile(outcomes: &mut [Outcome], facts: &Facts) {
    let works = |outcome: &&Outcome| outcome.works();
    let working: Vec<&str> = outcomes.iter().filter(works).map(|of| of.hook).collect();
    let works = |hook: &str| working.contains(&hook);
    for outcome in outcomes {
        let of_compat = format!("{}{OF_COMPAT}", outcome.hook);
        let acts = outcome.hook == "file_act";
        let opens = outcome.hook == "file_open";
        if let OutcomeState::Chosen {
            mechanism,
            precision,
            blind,
            ..
        } = &mut outcome.state
        {
            if acts && works(ACTS_BEGIN) {
                *precision = Precision::Exact;
            }
            let seen_elsewhere = |spot| match spot {
                BlindSpot::IoUring => works(RING_SUBMIT),
                BlindSpot::CallsOf32Bits => works(&of_compat) || acts && works(ACTS_END),
                // Where even what is done is not seen, its failures are no news.
                BlindSpot::FailuresOf32Bits => works(&of_compat) || !works(ACTS_END),
                BlindSpot::Received => !opens || works(RECEIVED),
                BlindSpot::ToldByName => acts && works(ACTS_BEGIN),
                _ => false,
            };
            blind.retain(|spot| facts.have(*spot, *mechanism) && !seen_elsewhere(*spot));
        }
    }
}

/// Is a new hard link of a watched file known before it is there?
pub fn knows_new_links(outcomes: &[Outcome]) -> bool {
    let seen = |outcome: &Outcome| outcome.hook == "link_begins" && outcome.works();
    outcomes.iter().any(seen)
}

/// What passes by always, in words; empty: nothing.
pub fn unseen(blind: &[BlindSpot]) -> String {
    let unseen = blind.iter().filter(|spot| spot.weight() == Weight::Unseen);
    unseen
        .map(|spot| spot.words())
        .collect::<Vec<_>>()
        .join(", ")
}

const _: () = assert!(BLIND_SPOTS.len() == BlindSpot::NoLoginUser as usize + 1);

#[cfg(test)]
mod tests;
