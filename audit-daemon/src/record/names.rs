//! Names of errno and signal numbers, as `status_code` shows them.
//!
//! OWNS: the two tables, and the form of a number that has no name (`ERRNO_531`).
//! MUST NOT: ask libc, whose names follow the machine that built the daemon.

/// A `status_code`: a name, or a prefix with a number behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code<'a> {
    Name(&'a str),
    Numbered(&'static str, u32),
}

/// The name of a positive errno.
pub fn errno(number: i32) -> Code<'static> {
    let number = number.unsigned_abs();
    match ERRNO.get(number as usize) {
        Some(name) if !name.is_empty() => Code::Name(name),
        _ => Code::Numbered("ERRNO_", number),
    }
}

/// The name of a signal. Real-time signals count from 34, where glibc and musl let programs begin.
pub fn signal(number: u32) -> Code<'static> {
    match (SIGNAL.get(number as usize), number) {
        (Some(name), _) if !name.is_empty() => Code::Name(name),
        (_, RT_SIGNAL_FIRST) => Code::Name("SIGRTMIN"),
        (_, n @ RT_SIGNAL_FIRST..=RT_SIGNAL_LAST) => {
            Code::Numbered("SIGRTMIN+", n - RT_SIGNAL_FIRST)
        }
        (_, n) => Code::Numbered("SIGNAL_", n),
    }
}

/// Is this the errno of an act that somebody was not allowed to do?
pub fn is_refusal(number: i32) -> bool {
    const EPERM: i32 = 1;
    const EACCES: i32 = 13;
    const EROFS: i32 = 30;
    matches!(number.abs(), EPERM | EACCES | EROFS)
}

const RT_SIGNAL_FIRST: u32 = 34;
const RT_SIGNAL_LAST: u32 = 64;

/// asm-generic numbers, the same on x86_64 and arm64. 41 and 58 are not used.
#[rustfmt::skip]
const ERRNO: [&str; 134] = [
    "", "EPERM", "ENOENT", "ESRCH", "EINTR", "EIO", "ENXIO", "E2BIG", "ENOEXEC", "EBADF",
    "ECHILD", "EAGAIN", "ENOMEM", "EACCES", "EFAULT", "ENOTBLK", "EBUSY", "EEXIST", "EXDEV",
    "ENODEV", "ENOTDIR", "EISDIR", "EINVAL", "ENFILE", "EMFILE", "ENOTTY", "ETXTBSY", "EFBIG",
    "ENOSPC", "ESPIPE", "EROFS", "EMLINK", "EPIPE", "EDOM", "ERANGE", "EDEADLK", "ENAMETOOLONG",
    "ENOLCK", "ENOSYS", "ENOTEMPTY", "ELOOP", "", "ENOMSG", "EIDRM", "ECHRNG", "EL2NSYNC",
    "EL3HLT", "EL3RST", "ELNRNG", "EUNATCH", "ENOCSI", "EL2HLT", "EBADE", "EBADR", "EXFULL",
    "ENOANO", "EBADRQC", "EBADSLT", "", "EBFONT", "ENOSTR", "ENODATA", "ETIME", "ENOSR",
    "ENONET", "ENOPKG", "EREMOTE", "ENOLINK", "EADV", "ESRMNT", "ECOMM", "EPROTO", "EMULTIHOP",
    "EDOTDOT", "EBADMSG", "EOVERFLOW", "ENOTUNIQ", "EBADFD", "EREMCHG", "ELIBACC", "ELIBBAD",
    "ELIBSCN", "ELIBMAX", "ELIBEXEC", "EILSEQ", "ERESTART", "ESTRPIPE", "EUSERS", "ENOTSOCK",
    "EDESTADDRREQ", "EMSGSIZE", "EPROTOTYPE", "ENOPROTOOPT", "EPROTONOSUPPORT",
    "ESOCKTNOSUPPORT", "EOPNOTSUPP", "EPFNOSUPPORT", "EAFNOSUPPORT", "EADDRINUSE",
    "EADDRNOTAVAIL", "ENETDOWN", "ENETUNREACH", "ENETRESET", "ECONNABORTED", "ECONNRESET",
    "ENOBUFS", "EISCONN", "ENOTCONN", "ESHUTDOWN", "ETOOMANYREFS", "ETIMEDOUT", "ECONNREFUSED",
    "EHOSTDOWN", "EHOSTUNREACH", "EALREADY", "EINPROGRESS", "ESTALE", "EUCLEAN", "ENOTNAM",
    "ENAVAIL", "EISNAM", "EREMOTEIO", "EDQUOT", "ENOMEDIUM", "EMEDIUMTYPE", "ECANCELED",
    "ENOKEY", "EKEYEXPIRED", "EKEYREVOKED", "EKEYREJECTED", "EOWNERDEAD", "ENOTRECOVERABLE",
    "ERFKILL", "EHWPOISON",
];

#[rustfmt::skip]
const SIGNAL: [&str; 32] = [
    "", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE",
    "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT",
    "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU",
    "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errno_numbers_stand_at_their_place() {
        for (number, name) in [
            (1, "EPERM"),
            (2, "ENOENT"),
            (7, "E2BIG"),
            (8, "ENOEXEC"),
            (11, "EAGAIN"),
            (13, "EACCES"),
            (26, "ETXTBSY"),
            (30, "EROFS"),
            (36, "ENAMETOOLONG"),
            (40, "ELOOP"),
            (42, "ENOMSG"),
            (59, "EBFONT"),
            (61, "ENODATA"),
            (75, "EOVERFLOW"),
            (80, "ELIBBAD"),
            (84, "EILSEQ"),
            (88, "ENOTSOCK"),
            (95, "EOPNOTSUPP"),
            (104, "ECONNRESET"),
            (110, "ETIMEDOUT"),
            (111, "ECONNREFUSED"),
            (115, "EINPROGRESS"),
            (122, "EDQUOT"),
            (125, "ECANCELED"),
            (133, "EHWPOISON"),
        ] {
            assert_eq!(errno(number), Code::Name(name));
            assert_eq!(
                errno(-number),
                Code::Name(name),
                "the kernel's sign does not matter"
            );
        }
        for unnamed in [0, 41, 58, 134, 531] {
            assert_eq!(errno(unnamed), Code::Numbered("ERRNO_", unnamed as u32));
        }
    }

    #[test]
    fn signal_numbers_stand_at_their_place() {
        for (number, name) in [
            (1, "SIGHUP"),
            (9, "SIGKILL"),
            (11, "SIGSEGV"),
            (15, "SIGTERM"),
            (31, "SIGSYS"),
            (34, "SIGRTMIN"),
        ] {
            assert_eq!(signal(number), Code::Name(name));
        }
        assert_eq!(signal(36), Code::Numbered("SIGRTMIN+", 2));
        assert_eq!(signal(64), Code::Numbered("SIGRTMIN+", 30));
        assert_eq!(signal(32), Code::Numbered("SIGNAL_", 32));
        assert_eq!(signal(127), Code::Numbered("SIGNAL_", 127));
    }

    #[test]
    fn refusals_are_eperm_eacces_erofs() {
        let refused: Vec<i32> = (0..200).filter(|&n| is_refusal(n)).collect();
        assert_eq!(refused, [1, 13, 30]);
    }
}
