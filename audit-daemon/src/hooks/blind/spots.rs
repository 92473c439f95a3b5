//! THE table of blind spots: what each is called, what it takes away, and what can be done about it.
//!
//! Owns the words, in the order in which they are told. Must not know which hook has which.

use super::{BlindSpot, Weight};

pub struct Spot {
    pub spot: BlindSpot,
    /// For programs that read `check --json`; never changed.
    pub id: &'static str,
    pub weight: Weight,
    /// In a few words.
    pub words: &'static str,
    /// What it means, and what can be done about it.
    pub advice: &'static str,
}

pub const SPOTS: &[Spot] = &[
    Spot {
        spot: BlindSpot::CallsOf32Bits,
        id: "32-bit",
        weight: Weight::Unseen,
        words: "32-bit programs",
        advice: "They pass by system call tracepoints. If any run here, set `kernel.compat = true` \
             (costs about 180 ns on every system call): it shows their failed execs and what \
             they do to files and with privileges. If none should, start the kernel with ia32_emulation=0 (x86, \
             from Linux 6.7).",
    },
    Spot {
        spot: BlindSpot::IdsOf32Bits,
        id: "32-bit-ids",
        weight: Weight::Unseen,
        words: "ids before the exec of 32-bit programs",
        advice: "They are not seen by system call tracepoints: the record of such an exec has only the \
             ids after it. From Linux 6.10 on it has both.",
    },
    Spot {
        spot: BlindSpot::FailuresOf32Bits,
        id: "32-bit-failures",
        weight: Weight::Unseen,
        words: "mounts and failed acts of 32-bit programs",
        advice: "What they do to files is seen; mounts by them are not, nor what fails before \
             anything is done (no such file, no right). Set `kernel.compat = true` (costs about \
             180 ns on every system call), or start the kernel with ia32_emulation=0 (x86, \
             from Linux 6.7).",
    },
    Spot {
        spot: BlindSpot::IoUring,
        id: "io_uring",
        weight: Weight::Unseen,
        words: "io_uring",
        advice: "What programs do to files by io_uring passes by system call tracepoints; from \
             Linux 6.0 on it is seen. Where nothing needs it, set the sysctl \
             kernel.io_uring_disabled = 2 (from Linux 6.6).",
    },
    Spot {
        spot: BlindSpot::MemoryFiles,
        id: "proc-mem",
        weight: Weight::Unseen,
        words: "/proc/PID/mem",
        advice: "Who opens /proc/PID/mem of another process reads and writes its memory. It is seen with the \
                 opens of watched files: set `events.file.record = true`. ptrace, process_vm_readv and \
                 process_vm_writev are seen.",
    },
    Spot {
        spot: BlindSpot::MemoryByRing,
        id: "proc-mem-io_uring",
        weight: Weight::Unseen,
        words: "/proc/PID/mem by io_uring",
        advice: "Who opens /proc/PID/mem of another process by io_uring passes by system call tracepoints; hooks \
                 on functions of the kernel see it (`kernel.mechanism = \"auto\"`, where this one allows them). \
                 Where nothing needs io_uring, set the sysctl kernel.io_uring_disabled = 2 (from Linux 6.6).",
    },
    Spot {
        spot: BlindSpot::RingTruncate,
        id: "io_uring-ftruncate",
        weight: Weight::Unseen,
        words: "ftruncate by io_uring",
        advice: "The size of a file is changed unseen; that the file was opened is seen. Where nothing needs \
             io_uring, set the sysctl kernel.io_uring_disabled = 2.",
    },
    Spot {
        spot: BlindSpot::NewHardLinks,
        id: "new-hard-link",
        weight: Weight::Unseen,
        words: "new hard links of files in trees",
        advice: "A file below `**` passes by under a hard link of another directory that was made \
             since the daemon looked last (at most a minute ago). The making of the link is \
             recorded. Watch files of weight by their own names.",
    },
    Spot {
        spot: BlindSpot::Received,
        id: "received-descriptor",
        weight: Weight::Unseen,
        words: "received descriptors",
        advice: "Who opened a file is recorded; who gets the descriptor from there (SCM_RIGHTS, \
             pidfd_getfd) and reads or writes is not. Hooks on functions of the kernel see \
             that, from Linux 5.17 on.",
    },
    Spot {
        spot: BlindSpot::Skipped,
        id: "skipped",
        weight: Weight::Missed,
        words: "acts while preempted",
        advice: "A program that is preempted is not run for others on its CPU meanwhile: those on \
             functions of the kernel, and from Linux 7.0 on those on tracepoints. Accesses to \
             watched files may pass by, and in a flood of failing execs some of these; the log \
             says how many at most. `kernel.compat = true` sees each failed exec.",
    },
    Spot {
        spot: BlindSpot::Uncounted,
        id: "uncounted",
        weight: Weight::Missed,
        words: "skips that are not counted",
        advice: "If the kernel skips a program on a CPU where another one is at work it does not \
             say so. It counts these from Linux 5.12 on, those of system call tracepoints from \
             6.7 on: use a newer kernel where the log must tell.",
    },
    Spot {
        spot: BlindSpot::MapCalls,
        id: "map-calls",
        weight: Weight::Missed,
        words: "acts while calls on maps of others are preempted",
        advice: "While a call of bpf(2) that reads or writes a map is preempted the kernel runs no program on \
             trace events of that CPU; the log says how many acts passed by at most. Only who may use bpf(2) can \
             bring that about. The daemon's own calls are not preempted while it may be a real-time task \
             (CAP_SYS_NICE).",
    },
    Spot {
        spot: BlindSpot::ToldByName,
        id: "told-by-name",
        weight: Weight::Vague,
        words: "names followed after the call",
        advice: "What is removed, renamed or changed by its name is told by that name: it is \
             followed when the call is over, and `unmapped.source` says \"userspace\". A \
             process that changes links in the same moment can make it lead elsewhere.",
    },
    Spot {
        spot: BlindSpot::ToldByProgram,
        id: "told-by-program",
        weight: Weight::Vague,
        words: "the caller's own word",
        advice: "Path and arguments are read from the caller's memory when the call is over \
             (`unmapped.source` \"string\"): a program can lie about what it failed to run. \
             What does run is told by the kernel.",
    },
    Spot {
        spot: BlindSpot::SharedDescriptors,
        id: "unproven",
        weight: Weight::Vague,
        words: "shared descriptors",
        advice: "If threads share descriptors, one can put another file there in between: such a \
             record has `unmapped.source` \"unproven\". Hooks on functions of the kernel \
             (`kernel.mechanism = \"auto\"`, where this one allows them) see the file itself.",
    },
    Spot {
        spot: BlindSpot::NoCompletion,
        id: "no-completion",
        weight: Weight::Vague,
        words: "requests without completion",
        advice: "A request with IOSQE_CQE_SKIP_SUCCESS is recorded when it is submitted, as done: \
             if it is an open and fails, that is a second record.",
    },
    Spot {
        spot: BlindSpot::ScriptInode,
        id: "script-inode",
        weight: Weight::Vague,
        words: "inodes of scripts",
        advice: "Of a script that is run there is its path, and the inode of its interpreter. To \
             have a script's own inode in the log, watch it for reads.",
    },
    Spot {
        spot: BlindSpot::SocketsOf32Bits,
        id: "32-bit-sockets",
        weight: Weight::Unseen,
        words: "sockets of 32-bit programs, but TCP connects",
        advice: "Connects of TCP are seen whoever makes them. What else 32-bit programs do to sockets \
                 passes by system call tracepoints; hooks on functions of the kernel see it \
                 (`kernel.mechanism = \"auto\"`, where this one allows them). If none should run here, start \
                 the kernel with ia32_emulation=0 (x86, from Linux 6.7).",
    },
    Spot {
        spot: BlindSpot::SocketsByRing,
        id: "io_uring-sockets",
        weight: Weight::Unseen,
        words: "sockets by io_uring, but TCP connects",
        advice: "Connects of TCP are seen whoever makes them. accept, bind, listen, connects of other \
                 sockets and datagrams by io_uring pass by system call tracepoints; hooks on functions of \
                 the kernel see them (`kernel.mechanism = \"auto\"`, where this one allows them). Where nothing \
                 needs it, set the sysctl kernel.io_uring_disabled = 2 (from Linux 6.6).",
    },
    Spot {
        spot: BlindSpot::PrivilegesOf32Bits,
        id: "32-bit-privileges",
        weight: Weight::Unseen,
        words: "32-bit programs beyond their ids and capabilities",
        advice: "Ids, groups and capabilities that a 32-bit program changes are seen. What it is refused, its \
                 namespaces, and what it does to other processes and to the kernel pass by system call \
                 tracepoints. Set `kernel.compat = true` (costs about 180 ns on every system call), or \
                 start the kernel with ia32_emulation=0 (x86, from Linux 6.7).",
    },
    Spot {
        spot: BlindSpot::AddressTold,
        id: "address-told",
        weight: Weight::Vague,
        words: "addresses of failures",
        advice: "What failed before the socket had an address, and where a datagram goes, is read from \
                 the caller's memory (`unmapped.source` \"string\"). What is connected or accepted is \
                 told by the socket.",
    },
    Spot {
        spot: BlindSpot::NoLoginUser,
        id: "no-login-user",
        weight: Weight::Vague,
        words: "login users",
        advice: "This kernel has no CONFIG_AUDIT, and keeps no login user: who became root by su or \
             sudo is told by the parents of a process only. Use a kernel with CONFIG_AUDIT=y.",
    },
];
