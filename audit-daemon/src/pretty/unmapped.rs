//! The keys under `unmapped` that a line shows.
//!
//! OWNS: which of them are read. MUST NOT: format, or fail on keys that it does not know.

use serde::Deserialize;

use super::fields::Text;

#[derive(Deserialize, Default)]
pub(super) struct Unmapped<'a> {
    #[serde(borrow)]
    pub session_ip: Option<Text<'a>>,
    #[serde(borrow)]
    pub clock: Option<ClockStep<'a>>,
    #[serde(borrow)]
    pub change: Option<Change<'a>>,
    pub counts: Option<Counts>,
    #[serde(borrow)]
    pub loss: Option<Loss<'a>>,
    #[serde(borrow)]
    pub coverage: Option<Coverage<'a>>,
    pub segment: Option<Segment>,
    pub checkpoint: Option<Checkpoint>,
    #[serde(borrow)]
    pub selftest: Option<SelfTest<'a>>,
}

#[derive(Deserialize)]
pub(super) struct ClockStep<'a> {
    #[serde(borrow)]
    pub from: Option<Text<'a>>,
    #[serde(borrow)]
    pub to: Option<Text<'a>>,
    pub step_ms: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Change<'a> {
    #[serde(borrow)]
    pub old: Option<Text<'a>>,
    #[serde(borrow)]
    pub new: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Counts {
    pub critical: Option<LaneCounts>,
    pub bulk: Option<LaneCounts>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct LaneCounts {
    pub seen: u64,
    pub recorded: u64,
    pub lost: u64,
}

#[derive(Deserialize)]
pub(super) struct Loss<'a> {
    #[serde(borrow)]
    pub lane: Option<Text<'a>>,
    #[serde(borrow)]
    pub stage: Option<Text<'a>>,
    #[serde(default)]
    pub ranges: Vec<LossRange>,
}

#[derive(Deserialize)]
pub(super) struct LossRange {
    pub cpu: u32,
}

#[derive(Deserialize)]
pub(super) struct Coverage<'a> {
    #[serde(borrow)]
    pub hook: Option<Text<'a>>,
    #[serde(borrow)]
    pub state: Option<Text<'a>>,
    #[serde(borrow)]
    pub fallback: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub kinds: Vec<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Segment {
    pub first: Option<u64>,
    pub last: Option<u64>,
    pub records: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct Checkpoint {
    pub size: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct SelfTest<'a> {
    #[serde(default)]
    pub checked: u64,
    #[serde(default)]
    pub passed: u64,
    #[serde(borrow, default)]
    pub failed: Vec<Text<'a>>,
}
