//! Records: an event and who did it become one line of OCSF JSON.
//!
//! OWNS: the form of every line that the log holds: which attribute goes where, in which order,
//! escaped how, cut where (docs: RECORDS). One file per kind: `exec.rs`, `exec_failed.rs`,
//! `fork.rs`, `exit.rs`, `snapshot.rs`, the daemon's own kinds and the log's. A new kind is one
//! new file, with its view and an `impl Lines`; nothing here changes but its `mod` line.
//! MUST NOT: know aya, files, clocks, configuration or the process table. Views come in filled,
//! bytes go out; the same view gives the same bytes on any machine.
//!
//! Invariants:
//! - A line is valid UTF-8 JSON without LF, at most [`limits::LINE_BYTES_MAX`] bytes, whatever
//!   bytes the view holds, and printing it moves no terminal.
//! - Nothing is cut without `unmapped.truncated`, nothing is re-spelt without `unmapped.raw`,
//!   nothing that should be there is missing without `unmapped.unknown` or `pending`.
//! - Once its buffers are warm, writing a record allocates nothing.

pub mod limits;
pub mod names;
pub mod view;

mod argv;
mod decimal;
mod head;
mod line;
mod notes;
mod object;
mod text;
mod time;

mod clock_step;
mod config;
mod counts;
mod coverage;
mod exec;
mod exec_failed;
mod exit;
mod file_act;
mod file_open;
mod fork;
mod log;
mod loss;
mod net;
mod privilege;
mod root_change;
mod selftest;
mod snapshot;
mod start_stop;

#[cfg(test)]
mod tests;

pub use clock_step::ClockStepView;
pub use config::{ConfigChange, ConfigDifference, ConfigFile, ConfigView};
pub use counts::{CountsView, LaneCounts};
pub use coverage::{CoverageState, CoverageView};
pub use exec::ExecView;
pub use exec_failed::ExecFailedView;
pub use exit::{ExitView, Exited};
pub use file_act::{Act, FileActView, FileResult};
pub use file_open::{FileOpenView, Intent};
pub use fork::ForkView;
pub use log::{LogDeleteView, LogFault, LogFile, LogRotateView, LogVerifyView, SequenceRange};
pub use loss::{LossRange, LossStage, LossView, Lost};
pub use net::{Direction, Endpoint, NetAct, NetView, Protocol};
pub use privilege::{
    Clock, Ids, KernelAct, KernelObject, Module, Own, PrivilegeAct, PrivilegeView, Reach,
};
pub use root_change::RootChangeView;
pub use selftest::{FailedHook, SelftestView};
pub use snapshot::SnapshotView;
pub use start_stop::{StartView, StopView};

use line::{Fit, Line};
use notes::Notes;
use time::TimeText;
use view::Origin;

/// What configuration says about records.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Clamped to [`limits::COMMAND_BYTES_MAX`].
    pub command_bytes_max: usize,
    pub actor_detail: ActorDetail,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            command_bytes_max: limits::COMMAND_BYTES_DEFAULT,
            actor_detail: ActorDetail::Reference,
        }
    }
}

/// How much of the acting process a record repeats, where the process is not itself introduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorDetail {
    /// What identifies it; the rest is joined by `process.uid`.
    Reference,
    /// Command line, parent and ancestry, too.
    Full,
}

/// Writes records of one installation. Holds buffers, so keep it; one per thread.
#[derive(Debug)]
pub struct Lines {
    fixed: Fixed,
    settings: Settings,
    notes: Notes,
    clock: TimeText,
}

impl Lines {
    pub fn new(origin: &Origin, settings: Settings) -> Self {
        let command_bytes_max = settings.command_bytes_max.min(limits::COMMAND_BYTES_MAX);
        Lines {
            fixed: Fixed::new(origin),
            settings: Settings {
                command_bytes_max,
                ..settings
            },
            notes: Notes::default(),
            clock: TimeText::new(),
        }
    }

    /// `metadata.uid` of the record with this sequence.
    pub fn uid(&self, sequence: u64) -> String {
        format!("{}.{sequence}", self.fixed.log_id)
    }

    /// How much of the acting process records repeat from now on.
    pub fn set_actor_detail(&mut self, detail: ActorDetail) {
        self.settings.actor_detail = detail;
    }

    /// Appends what `render` writes, in the first way in which it fits into a line.
    fn write(&mut self, out: &mut Vec<u8>, render: impl Fn(&mut Line)) {
        let start = out.len();
        for fit in Fit::ALL {
            out.truncate(start);
            self.notes.clear();
            render(&mut Line {
                out,
                notes: &mut self.notes,
                clock: &mut self.clock,
                fixed: &self.fixed,
                settings: self.settings,
                fit,
                truncated_at: start,
            });
            if out.len() - start <= limits::LINE_BYTES_MAX {
                return;
            }
        }
    }
}

/// The fragments that are the same in every record, rendered once.
#[derive(Debug)]
struct Fixed {
    /// `"metadata":{… "profiles":[`
    metadata: String,
    /// The same with the product's version.
    metadata_full: String,
    log_id: String,
    /// `"device":{…},`
    device: String,
    device_full: String,
    version: String,
    /// The first 8 digits of the boot id.
    boot: String,
}

impl Fixed {
    fn new(origin: &Origin) -> Self {
        let metadata = |version: &str| {
            format!(
                concat!(
                    r#""metadata":{{"version":"1.8.0","product":{{"name":"audit-daemon"{}}},"#,
                    r#""profiles":["#
                ),
                version
            )
        };
        let device = format!(
            r#""device":{{"hostname":"{}","uid":"{}","type_id":{}"#,
            escaped(origin.hostname),
            escaped(origin.machine_id),
            if origin.is_vm { 6 } else { 0 },
        );
        let version = match escaped(origin.os_version) {
            version if version.is_empty() => version,
            version => format!(r#""version":"{version}","#),
        };
        let os = format!(
            concat!(
                r#","boot_uid":"{}","os":{{"name":"Linux","type_id":200,{}"#,
                r#""kernel_release":"{}"}}}},"#
            ),
            escaped(origin.boot_id),
            version,
            escaped(origin.kernel_release),
        );
        Fixed {
            metadata: metadata(""),
            metadata_full: metadata(&format!(r#","version":"{}""#, escaped(origin.version))),
            log_id: escaped(origin.log_id),
            device_full: device.clone() + &os,
            device: device + "},",
            version: origin.version.to_owned(),
            boot: escaped(&origin.boot_id.chars().take(8).collect::<String>()),
        }
    }
}

/// A host's own string, cut and escaped. What cuts it here is no attacker, so it is not noted.
fn escaped(value: &str) -> String {
    let mut out = Vec::new();
    text::push_bytes(
        &mut out,
        text::cut(value.as_bytes(), limits::STRING_BYTES_MAX),
    );
    String::from_utf8_lossy(&out).into_owned()
}
