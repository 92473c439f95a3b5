//! Every bound of a record, with its reason.
//!
//! OWNS: how long a string, a list and a line may be. All lengths are bytes of the *source*, before
//! escaping, because that is what the kernel captured and what `unmapped.truncated` tells.
//! MUST NOT: do anything; a bound is enforced where the value is written.

/// The whole line without its LF. Readers may allocate this much and no more.
pub const LINE_BYTES_MAX: usize = 65_536;

/// Linux's PATH_MAX: no system call takes a longer path.
pub const PATH_BYTES_MAX: usize = 4_096;

/// Default for a command line: 99.9 % are far shorter, and two fit into a wire event.
pub const COMMAND_BYTES_DEFAULT: usize = 8_192;

/// The largest command line that configuration may ask for: half a line, so that quoting fits.
pub const COMMAND_BYTES_MAX: usize = 32_768;

/// One listed environment variable's value.
pub const ENVIRONMENT_VALUE_BYTES_MAX: usize = 1_024;

/// Any other string that was captured: Linux's NAME_MAX.
pub const STRING_BYTES_MAX: usize = 255;

/// What the daemon says itself (`message`, `status_detail`): a paragraph, never a page.
pub const SAID_BYTES_MAX: usize = 2_048;

/// Ancestors of one process, nearest first.
pub const ANCESTRY_MAX: usize = 8;

/// A listed variable's name; the longest in the record format has 15 bytes.
pub const ENVIRONMENT_NAME_BYTES_MAX: usize = 32;

/// Listed environment variables in one record; the list in the record format has 13 names.
pub const ENVIRONMENT_MAX: usize = 16;

/// Numbers beyond this lose digits in readers that know only doubles.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Marks of masked secrets under one path; what is beyond is added up in one last mark.
pub const MARKS_MAX: usize = 64;

/// A masking rule's name inside a mark.
pub const RULE_NAME_BYTES_MAX: usize = 64;

/// Ranges in one `daemon.loss`: at some 90 bytes each they fill two thirds of a line.
pub const LOSS_RANGES_MAX: usize = 480;

/// Bytes that one map of reasons in `daemon.counts` may fill; there are four in a record.
pub const REASONS_BYTES_MAX: usize = 12_288;

/// Kinds named in one `daemon.coverage` or `daemon.selftest`.
pub const KINDS_MAX: usize = 256;

/// Hooks named in one `daemon.selftest`: more than there are. All attach points together have some 5 KiB
/// of names.
pub const HOOKS_MAX: usize = 64;

/// Names in one list of a changed configuration, of which there are five: at some 70 bytes each they
/// fill a third of a line.
pub const CONFIG_NAMES_MAX: usize = 64;

/// What a line that is too long keeps of its command line.
pub const SHORT_COMMAND_BYTES: usize = 1_024;

/// What a line that is *still* too long keeps of each path: escaping turns one byte into up to six.
pub const SHORT_PATH_BYTES: usize = 512;

/// What such a line keeps of its labels, as rendered.
pub const SHORT_LABELS_BYTES: usize = 4_096;

/// What such a line keeps of the marks under one path, besides their sum.
pub const SHORT_MARKS: usize = 1;

const _: () = assert!(COMMAND_BYTES_DEFAULT <= COMMAND_BYTES_MAX);
const _: () = assert!(
    COMMAND_BYTES_MAX * 2 <= LINE_BYTES_MAX,
    "an unquoted one leaves room"
);
const _: () = assert!(
    4 * REASONS_BYTES_MAX < LINE_BYTES_MAX,
    "all four maps fit into a line"
);
const _: () = assert!(
    5 * CONFIG_NAMES_MAX * 70 < LINE_BYTES_MAX / 2,
    "all lists of names fit into a line"
);
const _: () = assert!(
    LOSS_RANGES_MAX * 100 < LINE_BYTES_MAX,
    "all ranges fit into a line"
);
