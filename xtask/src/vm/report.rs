//! What came out of a suite, and the exit code that says it in one number.
//!
//! Owns: these types and the rule for exit codes: a command's own, 128 + n for signal n, 124
//! out of time, 125 no boot, or the kernel died.
//! Must not: print, or run anything.

use std::path::PathBuf;
use std::time::Duration;

use audit_guest::frame::Exit;

use super::libtest::Transcript;

/// The exit code for what took too long, as timeout(1) has it.
pub const EXIT_TIMED_OUT: i32 = 124;
/// The exit code for a guest that could not do its work.
pub const EXIT_NO_BOOT: i32 = 125;
const EXIT_NOT_EXECUTABLE: i32 = 126;
const EXIT_NOT_FOUND: i32 = 127;
const ENOENT: i32 = 2;

/// Either a report, or the reason why this machine cannot have one.
#[derive(Debug)]
pub enum SuiteOutcome {
    Ran(SuiteReport),
    /// To be listed as skipped, with this reason; not a failure.
    NotAvailable(String),
}

/// How the guest as a whole ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MachineEnd {
    /// All jobs were run, and everything was sent.
    PoweredOff,
    /// Never ready, in all attempts. With the console's last lines, as the two below.
    NotBooted(String),
    /// The kernel panicked or the machine ended before its work was done.
    Died(String),
    /// Nothing came any more, or it all took too long.
    TimedOut(String),
}

#[derive(Debug)]
pub struct SuiteReport {
    pub series: String,
    /// What `uname -r` says in the guest; empty if it did not boot.
    pub release: String,
    pub boot: Duration,
    pub boot_attempts: u32,
    pub image_bytes: u64,
    pub end: MachineEnd,
    /// One for each job of the request, in its order.
    pub jobs: Vec<JobReport>,
    /// What the guest noted outside of any job.
    pub notes: Vec<String>,
    /// Lines in which the kernel complained of itself.
    pub complaints: Vec<String>,
    /// The files of /out, relative to the directory of the request.
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Default)]
pub struct JobReport {
    pub name: String,
    /// `None` if the guest did not come to its end.
    pub exit: Option<Exit>,
    pub took: Duration,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// Whether output beyond the limit was left out.
    pub output_cut: bool,
    pub notes: Vec<String>,
    /// What a test program said; `None` for other commands.
    pub transcript: Option<Transcript>,
}

impl JobReport {
    /// What the job's process would have given to a shell.
    pub fn exit_code(&self) -> i32 {
        match self.exit {
            Some(Exit::Code(code)) => code,
            Some(Exit::Signal(signal)) => 128 + signal,
            Some(Exit::TimedOut) => EXIT_TIMED_OUT,
            Some(Exit::NotStarted(ENOENT)) => EXIT_NOT_FOUND,
            Some(Exit::NotStarted(_)) => EXIT_NOT_EXECUTABLE,
            None => EXIT_NO_BOOT,
        }
    }

    /// In words, for people.
    pub fn ending(&self) -> String {
        match self.exit {
            Some(Exit::Code(code)) => format!("exit {code}"),
            Some(Exit::Signal(signal)) => format!("killed by signal {signal}"),
            Some(Exit::TimedOut) => "out of time".into(),
            Some(Exit::NotStarted(errno)) => {
                format!("not started: {}", std::io::Error::from_raw_os_error(errno))
            }
            None => "not finished".into(),
        }
    }

    /// Whether it did what it should. A test program must also have counted as many tests as
    /// were seen, so that none is lost on the way.
    pub fn passed(&self) -> bool {
        let told = self
            .transcript
            .as_ref()
            .is_none_or(Transcript::is_consistent);
        self.exit == Some(Exit::Code(0)) && told
    }
}

impl SuiteReport {
    pub fn passed(&self) -> bool {
        self.end == MachineEnd::PoweredOff && self.jobs.iter().all(JobReport::passed)
    }

    /// The first job's that is not 0, or the machine's.
    pub fn exit_code(&self) -> i32 {
        let of_jobs = self
            .jobs
            .iter()
            .filter(|job| job.exit.is_some())
            .map(JobReport::exit_code);
        let of_machine = match self.end {
            MachineEnd::PoweredOff => 0,
            MachineEnd::TimedOut(_) => EXIT_TIMED_OUT,
            MachineEnd::NotBooted(_) | MachineEnd::Died(_) => EXIT_NO_BOOT,
        };
        let code = of_jobs
            .into_iter()
            .find(|&code| code != 0)
            .unwrap_or(of_machine);
        if code == 0 && !self.passed() { 1 } else { code }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::libtest::Transcript;

    fn report(end: MachineEnd, exits: &[Option<Exit>]) -> SuiteReport {
        let job = |&exit| JobReport {
            exit,
            ..JobReport::default()
        };
        SuiteReport {
            series: "5.10".into(),
            release: String::new(),
            boot: Duration::ZERO,
            boot_attempts: 1,
            image_bytes: 0,
            end,
            jobs: exits.iter().map(job).collect(),
            notes: vec![],
            complaints: vec![],
            files: vec![],
        }
    }

    #[test]
    fn exit_codes_are_exact() {
        let code = |exit| report(MachineEnd::PoweredOff, &[Some(exit)]).exit_code();
        assert_eq!(code(Exit::Code(0)), 0);
        assert_eq!(code(Exit::Code(7)), 7);
        assert_eq!(code(Exit::Signal(9)), 137);
        assert_eq!(code(Exit::TimedOut), 124);
        assert_eq!(code(Exit::NotStarted(2)), 127);
        assert_eq!(code(Exit::NotStarted(13)), 126);
    }

    #[test]
    fn the_machines_end_counts_when_no_job_says_more() {
        let tail = || "tail".to_owned();
        assert_eq!(
            report(MachineEnd::NotBooted(tail()), &[None]).exit_code(),
            125
        );
        assert_eq!(
            report(MachineEnd::Died(tail()), &[Some(Exit::Code(0)), None]).exit_code(),
            125
        );
        assert_eq!(
            report(MachineEnd::TimedOut(tail()), &[None]).exit_code(),
            124
        );
        let failed_first = [Some(Exit::Code(3)), None];
        assert_eq!(
            report(MachineEnd::Died(tail()), &failed_first).exit_code(),
            3
        );
        assert!(!report(MachineEnd::Died(tail()), &[Some(Exit::Code(0))]).passed());
    }

    #[test]
    fn a_test_program_that_lost_a_test_has_not_passed() {
        let mut report = report(MachineEnd::PoweredOff, &[Some(Exit::Code(0))]);
        assert!(report.passed());
        report.jobs[0].transcript = Some(Transcript::default());
        assert!(!report.passed());
        assert_eq!(report.exit_code(), 1);
    }
}
