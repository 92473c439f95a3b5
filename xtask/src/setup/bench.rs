//! Owns: what `cargo xtask bench` compares with, and what it has do the work of an ordinary hour.
//! Must not: install or start any of it.

use super::need::Need;

pub fn needs() -> Vec<Need> {
    vec![
        Need::program("auditctl", "auditd", "is compared with"),
        Need::program("cron", "cron", "runs the jobs of an ordinary hour"),
        Need::program("runc", "runc", "runs its containers"),
        Need::program("busybox", "busybox-static", "runs in them"),
        Need::program("nginx", "nginx-light", "is its web server"),
        Need::program("ab", "apache2-utils", "asks that"),
        Need::program("ip", "iproute2", "joins both"),
    ]
}
