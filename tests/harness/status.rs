//! What `audit-daemon status --json` says.
//!
//! Owns: the parts of it that tests ask for. Must not: use the daemon's types; a consumer has none.

use serde_json::Value;

#[derive(Clone, Debug)]
pub struct Status(pub Value);

/// Both sides of the sums of one lane on one processor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneCpu {
    pub lane: String,
    pub cpu: u64,
    pub seen: u64,
    pub filtered: u64,
    pub submitted: u64,
    /// Found no room in the ring.
    pub lost: u64,
    pub received: u64,
    pub recorded: u64,
    pub folded: u64,
    pub left_out: u64,
    /// Lost by the daemon itself.
    pub lost_later: u64,
    pub in_flight: u64,
}

impl LaneCpu {
    /// The kernel's sum and the daemon's, and that nothing is between them.
    pub fn is_settled(&self) -> bool {
        self.in_flight == 0 && self.submitted == self.received
    }

    /// What does not agree, as a sentence; only for settled sums.
    pub fn difference(&self) -> Option<String> {
        let kernel = self.filtered + self.submitted + self.lost;
        let daemon = self.recorded + self.folded + self.left_out + self.lost_later;
        let same = self.seen == kernel && self.submitted == daemon && self.received == daemon;
        (!same).then(|| format!("seen is not {kernel}, or submitted is not {daemon}: {self:?}"))
    }
}

impl Status {
    pub fn lanes(&self) -> Vec<LaneCpu> {
        let mut all = Vec::new();
        for lane in self.0["lanes"].as_array().expect("status has lanes") {
            for cpu in lane["cpus"].as_array().expect("a lane has processors") {
                let (kernel, user) = (&cpu["kernel"], &cpu["user"]);
                all.push(LaneCpu {
                    lane: lane["lane"].as_str().expect("a lane has a name").to_owned(),
                    cpu: number(&cpu["cpu"]),
                    seen: number(&kernel["seen"]),
                    filtered: sum(&kernel["filtered"]),
                    submitted: number(&kernel["submitted"]),
                    lost: number(&kernel["lost"]),
                    received: number(&user["received"]),
                    recorded: number(&user["recorded"]),
                    folded: number(&user["folded"]),
                    left_out: sum(&user["left_out"]),
                    lost_later: number(&user["lost"]),
                    in_flight: number(&user["in_flight"]),
                });
            }
        }
        all
    }

    pub fn lost(&self) -> u64 {
        self.lanes()
            .iter()
            .map(|lane| lane.lost + lane.lost_later)
            .sum()
    }

    /// Hooks whose programs the kernel skipped, and how often.
    pub fn missed(&self) -> Vec<(String, u64)> {
        let hooks = self.0["hooks"].as_array().expect("status has hooks");
        let of =
            |hook: &Value| Some((hook["event"].as_str()?.to_owned(), hook["missed"].as_u64()?));
        hooks
            .iter()
            .filter_map(of)
            .filter(|(_, missed)| *missed > 0)
            .collect()
    }

    /// State of the hook of this name: `attached`, `fallback`, `missing`.
    pub fn hook(&self, event: &str) -> &str {
        let hooks = self.0["hooks"].as_array().expect("status has hooks");
        let hook = hooks.iter().find(|hook| hook["event"] == event);
        hook.and_then(|hook| hook["state"].as_str()).unwrap_or("")
    }
}

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("not a number in status: {value}"))
}

fn sum(reasons: &Value) -> u64 {
    reasons
        .as_object()
        .expect("reasons are a map")
        .values()
        .map(number)
        .sum()
}
