//! What `xattributes` of a process says of its capabilities and groups.
//!
//! OWNS: which capabilities need no saying. MUST NOT: know acts.

use crate::record::line::{Line, key};
use crate::record::notes::At;
use crate::record::view::{Caps, ExecTraits, Groups, Owner, Privileges};

impl Line<'_> {
    /// Capability sets: what they are, and what they were.
    pub fn capabilities(
        &mut self,
        owner: Option<&Owner>,
        exec: Option<&ExecTraits>,
        privileges: &Privileges,
    ) {
        let caps = owner.and_then(|owner| owner.caps);
        if let Some((before, after)) = privileges.ambient {
            self.hex16(key!("cap_amb"), after);
            self.hex16(key!("cap_amb_before"), before);
        }
        if let Some((before, after)) = privileges.effective {
            self.hex16(key!("cap_eff"), after);
            self.hex16(key!("cap_eff_before"), before);
        } else if let (Some(owner), Some(caps)) = (owner, caps)
            && !is_implied(caps, owner.euid)
        {
            self.hex16(key!("cap_eff"), caps.effective);
        }
        if let (Some(caps), Some(before), None) = (
            caps,
            exec.and_then(|exec| exec.before),
            privileges.effective,
        ) && before.cap_effective != caps.effective
            && !(before.cap_effective == 0 && before.euid != 0)
        {
            self.hex16(key!("cap_eff_before"), before.cap_effective);
        }
        if let Some((before, after)) = privileges.permitted {
            self.hex16(key!("cap_prm"), after);
            self.hex16(key!("cap_prm_before"), before);
        }
    }

    /// Supplementary groups; none is an empty list, and nothing is written.
    pub fn groups(&mut self, key: &'static str, at: &At, groups: Option<Groups>) {
        const BYTES: u64 = size_of::<u32>() as u64;
        let Some(groups) = groups.filter(|groups| !groups.first.is_empty()) else {
            return;
        };
        self.raw(key);
        self.raw("[");
        for group in groups.first {
            self.identity("", u64::from(*group));
        }
        self.close_list();
        if groups.count > groups.first.len() as u64 {
            self.notes.truncated(at, groups.count.saturating_mul(BYTES));
        }
    }
}

/// Root with everything, anybody else with nothing: that needs no saying.
fn is_implied(caps: Caps, euid: u32) -> bool {
    if euid == 0 {
        caps.effective == caps.full
    } else {
        caps.effective == 0
    }
}
