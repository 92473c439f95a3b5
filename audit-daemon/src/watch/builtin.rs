//! The built-in watches: what is watched where the configuration has no watch.
//!
//! OWNS: the table. MUST NOT: match, or know more of the file system than which programs exist.
//!
//! Where reading counts too, the programs that must read are excluded, by what they are. An
//! exception holds for all operations of its watch, so reading has watches of its own: whoever
//! changes a password hash is recorded, be it `passwd` itself.
//!
//! Not excluded, though they read password hashes too, are programs that can be told to show any
//! file to a user: sudo (as sudoedit), ssh and ssh-keygen, systemd (LoadCredential). Their use of
//! these files is a record.

use std::path::{Path, PathBuf};

use super::pattern::escape;
use crate::config::{Exception, Operation, Watch};

/// A built-in watch.
#[derive(Debug)]
struct Row {
    name: &'static str,
    paths: &'static [&'static str],
    access: Access,
    /// Programs whose access is no record, and paths which are none.
    programs: &'static [&'static str],
    except: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    /// All but reading.
    Changes,
    /// Only reading.
    Reading,
    Both,
}

/// Programs that check or change passwords for others.
const AUTHENTICATORS: &[&str] = &[
    "/usr/sbin/sshd",
    "/usr/lib/openssh/sshd-auth",
    "/usr/lib/openssh/sshd-session",
    "/usr/libexec/openssh/sshd-auth",
    "/usr/libexec/openssh/sshd-session",
    "/usr/lib/ssh/sshd-auth",
    "/usr/lib/ssh/sshd-session",
    "/usr/sbin/unix_chkpwd",
    "/usr/bin/unix_chkpwd",
    "/sbin/unix_chkpwd",
    "/usr/sbin/unix_update",
    "/usr/bin/login",
    "/bin/login",
    "/usr/bin/su",
    "/bin/su",
    "/usr/bin/passwd",
    "/usr/bin/chage",
    "/usr/bin/chfn",
    "/usr/bin/chsh",
    "/usr/bin/expiry",
    "/usr/bin/gpasswd",
    "/usr/sbin/chpasswd",
    "/usr/sbin/chgpasswd",
    "/usr/sbin/newusers",
    "/usr/sbin/pwck",
    "/usr/sbin/grpck",
    "/usr/sbin/useradd",
    "/usr/sbin/userdel",
    "/usr/sbin/usermod",
    "/usr/sbin/groupadd",
    "/usr/sbin/groupdel",
    "/usr/sbin/groupmod",
    "/usr/sbin/cron",
    "/usr/sbin/crond",
    "/usr/sbin/atd",
    "/usr/sbin/vsftpd",
    "/usr/lib/polkit-1/polkit-agent-helper-1",
    "/usr/libexec/polkit-agent-helper-1",
    "/usr/libexec/gdm-session-worker",
    "/usr/lib/gdm3/gdm-session-worker",
    "/usr/sbin/nscd",
];

/// Programs that serve with the keys of the host.
const KEY_SERVERS: &[&str] = &[
    "/usr/sbin/sshd",
    "/usr/lib/openssh/sshd-session",
    "/usr/libexec/openssh/sshd-session",
    "/usr/lib/ssh/sshd-session",
    "/usr/sbin/nginx",
    "/usr/sbin/apache2",
    "/usr/sbin/httpd",
    "/usr/sbin/haproxy",
    "/usr/lib/postfix/sbin/smtpd",
    "/usr/libexec/postfix/smtpd",
    "/usr/sbin/dovecot",
];

const TABLE: &[Row] = &[
    changes(
        "accounts",
        &[
            "/etc/{passwd,group,subuid,subgid}{,-}",
            "/etc/{login.defs,nsswitch.conf,shells}",
        ],
    ),
    changes("password-hashes", HASHES),
    Row {
        name: "password-hashes-read",
        paths: HASHES,
        access: Access::Reading,
        programs: AUTHENTICATORS,
        except: &[],
    },
    changes(
        "sudoers",
        &[
            "/etc/sudoers",
            "/etc/sudoers.d{,/**}",
            "/etc/{sudo.conf,doas.conf}",
            "/etc/polkit-1{,/**}",
        ],
    ),
    changes(
        "pam",
        &[
            "/etc/pam.conf",
            "/etc/pam.d{,/**}",
            "/etc/security{,/**}",
            "/usr/lib/pam.d{,/**}",
            "{,/usr}/{lib,lib64,lib/{x86_64,aarch64}-linux-gnu}/security{,/**}",
        ],
    ),
    changes("sshd", &["/etc/ssh{,/**}"]),
    changes(
        "authorized-keys",
        &[
            "{/root,/home/*}/.ssh",
            "{/root,/home/*}/.ssh/{authorized_keys,authorized_keys2,rc,environment}",
        ],
    ),
    changes("private-keys", HOST_KEYS),
    Row {
        name: "private-keys-read",
        paths: HOST_KEYS,
        access: Access::Reading,
        programs: KEY_SERVERS,
        except: &[],
    },
    Row {
        name: "user-keys",
        paths: &["{/root,/home/*}/.ssh/{id_*,identity}"],
        access: Access::Both,
        programs: &[],
        except: &["{/root,/home/*}/.ssh/*.pub"],
    },
    changes(
        "cron",
        &[
            "/etc/{crontab,anacrontab}",
            "/etc/cron.{d,hourly,daily,weekly,monthly,yearly}{,/**}",
            "/etc/{cron,at}.{allow,deny}",
            "/var/spool/{cron,at}{,/**}",
        ],
    ),
    changes(
        "systemd-units",
        &[
            "/etc/systemd{,/**}",
            "{,/usr,/usr/local}/lib/systemd{,/**}",
            "/run/systemd/system{,/**}",
            "/{root,home/*}/.config/systemd/user/**",
            "/etc/init.d{,/**}",
            "/etc/{rc.local,inittab}",
        ],
    ),
    changes(
        "linker",
        &[
            "/etc/{ld.so.preload,ld.so.conf,ld.so.cache}",
            "/etc/ld.so.conf.d{,/**}",
        ],
    ),
    changes(
        "kernel-modules",
        &[
            "{,/usr}/lib/{modules,modules-load.d,modprobe.d}{,/**}",
            "/etc/{modules-load.d,modprobe.d,sysctl.d}{,/**}",
            "/etc/{modules,modprobe.conf,sysctl.conf}",
        ],
    ),
    // Whom the kernel starts, what it lets others see and do, and what is forwarded.
    changes(
        "kernel-settings",
        &[
            "/proc/sys/kernel/{core_pattern,core_pipe_limit,modprobe,modules_disabled,hotplug,poweroff_cmd}",
            "/proc/sys/kernel/{kptr_restrict,dmesg_restrict,randomize_va_space,perf_event_paranoid}",
            "/proc/sys/kernel/{unprivileged_bpf_disabled,unprivileged_userns_clone,io_uring_disabled}",
            "/proc/sys/kernel/{kexec_load_disabled,sysrq,yama/ptrace_scope,usermodehelper/*}",
            "/proc/sys/fs/{suid_dumpable,protected_*,binfmt_misc{,/**}}",
            "/proc/sys/{vm/mmap_min_addr,user/max_user_namespaces,net/ipv4/ip_forward}",
            "/proc/sys/net/ipv6/conf/all/forwarding",
            "/proc/sysrq-trigger",
        ],
    ),
    changes(
        "boot",
        &[
            "/boot{,/**}",
            "/etc/default/grub",
            "/etc/{grub.d,kernel,dracut.conf.d,initramfs-tools}{,/**}",
        ],
    ),
];

const HASHES: &[&str] = &["/etc/{shadow,gshadow}{,-}", "/etc/security/opasswd{,.old}"];

const HOST_KEYS: &[&str] = &[
    "/etc/ssh/ssh_host_*_key",
    "/etc/ssl/private/**",
    "/etc/pki/tls/private/**",
    "/etc/{krb5.keytab,ipsec.secrets}",
    "/etc/letsencrypt/{live,archive}/**",
    "/etc/wireguard/**",
];

const fn changes(name: &'static str, paths: &'static [&'static str]) -> Row {
    Row {
        name,
        paths,
        access: Access::Changes,
        programs: &[],
        except: &[],
    }
}

/// What belongs to the daemon itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// The directory of its log.
    pub log: PathBuf,
    /// The directory of its configuration, and files of it that stand elsewhere.
    pub config: Vec<PathBuf>,
    /// Its program.
    pub executable: Option<PathBuf>,
}

/// The built-in watches. `exists` says which of the programs that are to be excluded there are.
pub fn watches(own: &Own, exists: impl Fn(&Path) -> bool) -> Vec<Watch> {
    let mut all: Vec<Watch> = TABLE.iter().map(|row| of_row(row, &exists)).collect();
    // No exception for the daemon: what it does itself the kernel leaves out by its process, and
    // who reads the log by another one is to be known.
    let log = both(&own.log);
    all.push(named("own-log", Access::Both, vec![log]));
    let mut paths: Vec<String> = own.config.iter().map(|path| both(path)).collect();
    paths.extend(own.executable.iter().map(|path| plain(path)));
    paths.sort_unstable();
    paths.dedup();
    if !paths.is_empty() {
        all.push(named("own-config", Access::Changes, paths));
    }
    all
}

fn of_row(row: &Row, exists: &impl Fn(&Path) -> bool) -> Watch {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    let mut watch = named(row.name, row.access, texts(row.paths));
    let programs = row
        .programs
        .iter()
        .filter(|program| exists(Path::new(program)));
    let executables: Vec<String> = programs.map(|program| (*program).to_owned()).collect();
    if !executables.is_empty() {
        watch.exclude.push(Exception {
            executables,
            ..Exception::default()
        });
    }
    if !row.except.is_empty() {
        watch.exclude.push(Exception {
            paths: texts(row.except),
            ..Exception::default()
        });
    }
    watch
}

fn named(name: &str, access: Access, paths: Vec<String>) -> Watch {
    let operations = match access {
        Access::Changes => Operation::changes(),
        Access::Reading => vec![Operation::Read],
        Access::Both => Operation::with_reading(),
    };
    Watch {
        name: name.to_owned(),
        paths,
        operations,
        ..Watch::default()
    }
}

/// A path of the daemon as a pattern; slashes at its end are none of the path.
fn plain(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    // Components drop what a pattern refuses.
    let clean: PathBuf = path.components().collect();
    escape(clean.as_os_str().as_bytes())
}

/// A directory, or a file, and what is below it.
fn both(path: &Path) -> String {
    format!("{}{{,/**}}", plain(path))
}

#[cfg(test)]
mod tests;
