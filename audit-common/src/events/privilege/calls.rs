//! THE table of system calls that act on privileges: which act each is, how each machine numbers it, which
//! switch it belongs to, and whether it is looked at when it begins.
//!
//! Owns names and numbers: tracepoints, tables of the kernel programs and words of records are made of it.
//! Must not know what a call is about.

use super::{call, group};

/// One system call.
pub struct CallRow {
    /// Of [`call`]; several calls may be one act.
    pub call: u32,
    /// As the kernel calls it.
    pub name: &'static str,
    pub group: u32,
    /// Looked at when it begins, too: what was before is kept, or it may not come back.
    pub enters: bool,
    /// In the order of [`Machine`]; a second number is that of an older form. 0: there is none.
    numbers: [[u16; 2]; 4],
    enter_point: &'static str,
    exit_point: &'static str,
}

/// Who numbers calls.
#[derive(Clone, Copy)]
pub enum Machine {
    X86_64 = 0,
    I386 = 1,
    Aarch64 = 2,
    Arm = 3,
}

/// More than any machine has.
pub const NUMBERS: usize = 512;
/// More than there are acts.
pub const ACTS: usize = 64;

const BOTH: bool = true;
const EXIT: bool = false;
const NONE: [u16; 2] = [0; 2];

/// A number, or two.
macro_rules! numbers {
    (-) => {
        NONE
    };
    ($one:literal) => {
        [$one, 0]
    };
    (($one:literal, $other:literal)) => {
        [$one, $other]
    };
}

macro_rules! calls {
    ($($call:ident $group:ident $points:ident $name:literal $x86_64:tt $i386:tt $aarch64:tt $arm:tt;)*) => {
        pub const CALLS: &[CallRow] = &[$(CallRow {
            call: call::$call,
            name: $name,
            group: group::$group,
            enters: $points,
            numbers: [numbers!($x86_64), numbers!($i386), numbers!($aarch64), numbers!($arm)],
            enter_point: concat!("syscalls/sys_enter_", $name),
            exit_point: concat!("syscalls/sys_exit_", $name),
        }),*];
    };
}

//  act             switch       seen  name                 x86_64  i386    aarch64    arm
#[rustfmt::skip]
calls! {
    SETUID          CREDENTIALS  BOTH  "setuid"             105  (213, 23)    146  (213, 23);
    SETREUID        CREDENTIALS  BOTH  "setreuid"           113  (203, 70)    145  (203, 70);
    SETRESUID       CREDENTIALS  BOTH  "setresuid"          117  (208, 164)   147  (208, 164);
    SETFSUID        CREDENTIALS  BOTH  "setfsuid"           122  (215, 138)   151  (215, 138);
    SETGID          CREDENTIALS  BOTH  "setgid"             106  (214, 46)    144  (214, 46);
    SETREGID        CREDENTIALS  BOTH  "setregid"           114  (204, 71)    143  (204, 71);
    SETRESGID       CREDENTIALS  BOTH  "setresgid"          119  (210, 170)   149  (210, 170);
    SETFSGID        CREDENTIALS  BOTH  "setfsgid"           123  (216, 139)   152  (216, 139);
    SETGROUPS       CREDENTIALS  BOTH  "setgroups"          116  (206, 81)    159  (206, 81);
    CAPSET          CAPABILITIES BOTH  "capset"             126  185           91  185;
    PRCTL           CAPABILITIES BOTH  "prctl"              157  172          167  172;
    UNSHARE         NAMESPACES   BOTH  "unshare"            272  310           97  337;
    SETNS           NAMESPACES   BOTH  "setns"              308  346          268  375;
    CLONE           NAMESPACES   EXIT  "clone"               56  120          220  120;
    CLONE           NAMESPACES   EXIT  "clone3"             435  435          435  435;
    PTRACE          PTRACE       EXIT  "ptrace"             101  26           117  26;
    PIDFD_GETFD     PTRACE       EXIT  "pidfd_getfd"        438  438          438  438;
    PERF_OPEN       PTRACE       EXIT  "perf_event_open"    298  336          241  364;
    VM_READ         MEMORY       EXIT  "process_vm_readv"   310  347          270  376;
    VM_WRITE        MEMORY       EXIT  "process_vm_writev"  311  348          271  377;
    USERFAULTFD     MEMORY       EXIT  "userfaultfd"        323  374          282  388;
    PERSONALITY     MEMORY       EXIT  "personality"        135  136           92  136;
    SIGNAL          SIGNALS      EXIT  "kill"                62  37           129  37;
    SIGNAL          SIGNALS      EXIT  "tkill"              200  238          130  238;
    SIGNAL          SIGNALS      EXIT  "tgkill"             234  270          131  268;
    SIGNAL          SIGNALS      EXIT  "rt_sigqueueinfo"    129  178          138  178;
    SIGNAL          SIGNALS      EXIT  "rt_tgsigqueueinfo"  297  335          240  363;
    SIGNAL          SIGNALS      EXIT  "pidfd_send_signal"  424  424          424  424;
    INIT_MODULE     MODULES      EXIT  "init_module"        175  128          105  128;
    FINIT_MODULE    MODULES      EXIT  "finit_module"       313  350          273  379;
    DELETE_MODULE   MODULES      EXIT  "delete_module"      176  129          106  129;
    BPF_LOAD        BPF          EXIT  "bpf"                321  357          280  386;
    KEXEC_LOAD      SYSTEM       EXIT  "kexec_load"         246  283          104  347;
    KEXEC_FILE_LOAD SYSTEM       EXIT  "kexec_file_load"    320  -            294  401;
    SETTIMEOFDAY    SYSTEM       EXIT  "settimeofday"       164  (79, 25)     170  79;
    CLOCK_SETTIME   SYSTEM       EXIT  "clock_settime"      227  (404, 264)   112  (404, 262);
    ADJTIMEX        SYSTEM       BOTH  "adjtimex"           159  124          171  124;
    CLOCK_ADJTIME   SYSTEM       BOTH  "clock_adjtime"      305  (405, 343)   266  (405, 372);
    SETHOSTNAME     SYSTEM       BOTH  "sethostname"        170  74           161  74;
    SETDOMAINNAME   SYSTEM       BOTH  "setdomainname"      171  121          162  121;
    REBOOT          SYSTEM       BOTH  "reboot"             169  88           142  88;
    SWAPON          SYSTEM       EXIT  "swapon"             167  87           224  87;
    SWAPOFF         SYSTEM       EXIT  "swapoff"            168  115          225  115;
}

/// What no exit of a call of that name is.
const ELSEWHERE: [(u32, u32); 5] = [
    (call::PRCTL_AMBIENT, group::CAPABILITIES),
    (call::SECUREBITS, group::CAPABILITIES),
    (call::NO_NEW_PRIVS, group::CAPABILITIES),
    (call::BPF_ATTACH, group::BPF),
    (call::OPEN_MEMORY, group::MEMORY),
];

/// The act of each number; 0: none.
pub const fn numbered(machine: Machine) -> [u8; NUMBERS] {
    let mut acts = [0; NUMBERS];
    let mut at = 0;
    while at < CALLS.len() {
        let row = &CALLS[at];
        let [number, older] = row.numbers[machine as usize];
        acts[number as usize] = row.call as u8;
        acts[older as usize] = row.call as u8;
        at += 1;
    }
    acts[0] = 0;
    acts
}

/// The number of this call; 0: this machine has none.
pub const fn number(machine: Machine, name: &str) -> u64 {
    let mut at = 0;
    while at < CALLS.len() {
        if is_same(CALLS[at].name, name) {
            return CALLS[at].numbers[machine as usize][0] as u64;
        }
        at += 1;
    }
    panic!("there is no such call");
}

const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// The group of each act.
pub const GROUPS: [u32; ACTS] = {
    let mut groups = [group::SYSTEM; ACTS];
    let mut at = 0;
    while at < CALLS.len() {
        groups[CALLS[at].call as usize] = CALLS[at].group;
        at += 1;
    }
    let mut at = 0;
    while at < ELSEWHERE.len() {
        groups[ELSEWHERE[at].0 as usize] = ELSEWHERE[at].1;
        at += 1;
    }
    groups
};

const fn enter_count() -> usize {
    let (mut at, mut count) = (0, 0);
    while at < CALLS.len() {
        count += CALLS[at].enters as usize;
        at += 1;
    }
    count
}

/// Tracepoints of those that are looked at when they begin.
pub const ENTER_POINTS: &[&str] = &{
    let mut points = [""; enter_count()];
    let (mut at, mut count) = (0, 0);
    while at < CALLS.len() {
        if CALLS[at].enters {
            points[count] = CALLS[at].enter_point;
            count += 1;
        }
        at += 1;
    }
    points
};

/// Tracepoints where they come back.
pub const EXIT_POINTS: &[&str] = &{
    let mut points = [""; CALLS.len()];
    let mut at = 0;
    while at < CALLS.len() {
        points[at] = CALLS[at].exit_point;
        at += 1;
    }
    points
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_means_two_calls() {
        for machine in [
            Machine::X86_64,
            Machine::I386,
            Machine::Aarch64,
            Machine::Arm,
        ] {
            let numbers = || {
                CALLS
                    .iter()
                    .flat_map(|row| {
                        row.numbers[machine as usize]
                            .into_iter()
                            .map(move |n| (n, row.name))
                    })
                    .filter(|(number, _)| *number != 0)
            };
            for (at, (number, name)) in numbers().enumerate() {
                assert!((number as usize) < NUMBERS, "{name}");
                let before = numbers().take(at).find(|(other, _)| *other == number);
                assert_eq!(before, None, "{name}");
            }
            let acts = numbered(machine);
            assert_eq!(
                acts.iter().filter(|act| **act != 0).count(),
                numbers().count()
            );
        }
        assert_eq!(number(Machine::I386, "tgkill"), 270);
        assert_eq!(numbered(Machine::X86_64)[435] as u32, call::CLONE);
    }

    #[test]
    fn each_act_has_one_group() {
        for row in CALLS {
            assert_eq!(GROUPS[row.call as usize], row.group, "{}", row.name);
        }
        assert_eq!(GROUPS[call::NO_NEW_PRIVS as usize], group::CAPABILITIES);
        assert_eq!(
            ENTER_POINTS.len(),
            CALLS.iter().filter(|row| row.enters).count()
        );
        assert!(ENTER_POINTS.contains(&"syscalls/sys_enter_prctl"));
        assert!(EXIT_POINTS.contains(&"syscalls/sys_exit_swapoff"));
    }
}
