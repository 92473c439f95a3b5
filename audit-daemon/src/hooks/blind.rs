//! What a hook does not see, or tells with less certainty, as data: `check`, the status and the
//! metrics use the same words.
//!
//! Owns which of them a hook has here; the words are those of `spots`. Must not look at the machine: what is so on this
//! kernel is handed in as [`Facts`].

mod spots;

pub use spots::SPOTS;
use spots::Spot;

use super::{
    Mechanism, OF_COMPAT, Outcome, OutcomeState, RING_SUBMIT,
    table::{
        ACTS_BEGIN, ACTS_END, RECEIVED,
        network::{OF_NARROW_CALLS, OF_RINGS, OF_RINGS_LATER},
        privilege::CREDENTIALS,
    },
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
    /// The same by io_uring, whose opens the tracepoints tell by their names.
    MemoryByRing,
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
    /// A program on a trace event is not run where a call on a map was preempted.
    MapCalls,
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
    /// Calls on sockets by the 32-bit entry, and by socketcall.
    SocketsOf32Bits,
    /// The same by io_uring.
    SocketsByRing,
    /// Functions see credentials that change, and nothing else of privileges.
    PrivilegesOf32Bits,
    /// An address that no socket has is the program's word.
    AddressTold,
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

impl BlindSpot {
    const fn row(self) -> &'static Spot {
        // Position is asserted by a test.
        &SPOTS[self as usize]
    }

    pub const fn id(self) -> &'static str {
        self.row().id
    }

    pub const fn weight(self) -> Weight {
        self.row().weight
    }

    pub const fn words(self) -> &'static str {
        self.row().words
    }

    pub const fn advice(self) -> &'static str {
        self.row().advice
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
const RING_BIND_SINCE: (u32, u32) = (6, 11);

impl Facts {
    /// Is a hook of this kind blind there on this kernel?
    fn have(&self, spot: BlindSpot, mechanism: Mechanism) -> bool {
        match spot {
            BlindSpot::CallsOf32Bits
            | BlindSpot::IdsOf32Bits
            | BlindSpot::FailuresOf32Bits
            | BlindSpot::SocketsOf32Bits
            | BlindSpot::PrivilegesOf32Bits => self.calls_of_32_bits,
            BlindSpot::IoUring
            | BlindSpot::NoCompletion
            | BlindSpot::MemoryByRing
            | BlindSpot::SocketsByRing => self.io_uring,
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
            | BlindSpot::AddressTold
            | BlindSpot::MapCalls
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
    let opens_inside = outcomes.iter().any(|outcome| {
        let on_functions = matches!(
            outcome.state,
            OutcomeState::Chosen {
                mechanism: Mechanism::Trampoline,
                ..
            }
        );
        outcome.hook == "file_open" && on_functions
    });
    let all_work = |hooks: &[&str]| hooks.iter().all(|hook| works(hook));
    for outcome in outcomes {
        let of_compat = format!("{}{OF_COMPAT}", outcome.hook);
        let acts = outcome.hook == "file_act";
        let opens = outcome.hook == "file_open";
        let privileges = outcome.hook == "privilege";
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
                BlindSpot::MemoryFiles => works("file_open"),
                // Where no open is seen, those by io_uring are no news.
                BlindSpot::MemoryByRing => opens_inside || !works("file_open"),
                BlindSpot::IoUring => works(RING_SUBMIT),
                BlindSpot::CallsOf32Bits => {
                    let by_functions = acts && works(ACTS_END) || privileges && works(CREDENTIALS);
                    works(&of_compat) || by_functions
                }
                // Where even what is done is not seen, its failures are no news.
                BlindSpot::FailuresOf32Bits => works(&of_compat) || !works(ACTS_END),
                BlindSpot::PrivilegesOf32Bits => works(&of_compat) || !works(CREDENTIALS),
                BlindSpot::Received => !opens || works(RECEIVED),
                BlindSpot::ToldByName => acts && works(ACTS_BEGIN),
                BlindSpot::SocketsOf32Bits => all_work(&OF_NARROW_CALLS),
                BlindSpot::SocketsByRing => {
                    let is_early = facts.version < RING_BIND_SINCE;
                    all_work(&OF_RINGS) && (is_early || all_work(&OF_RINGS_LATER))
                }
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

#[cfg(test)]
mod tests;
