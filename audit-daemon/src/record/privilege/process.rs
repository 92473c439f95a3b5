//! The process that an act is about: the acting one as it is afterwards, or another one.
//!
//! OWNS: which of its members are written. MUST NOT: know calls.

use super::PrivilegeAct;
use crate::record::line::{Line, key};
use crate::record::notes::At;
use crate::record::object::Parts;
use crate::record::view::ProcessView;

pub const PARTS: Parts = Parts::REFERENCE;
pub const WITH_PARENT: Parts = Parts::REFERENCE.and(Parts::PARENT);

/// The process of an act that is about one.
pub fn target<'v, 'a>(act: &'v PrivilegeAct<'a>) -> Option<&'v ProcessView<'a>> {
    match act {
        PrivilegeAct::Ids(_, process)
        | PrivilegeAct::Capabilities(process, _)
        | PrivilegeAct::Own(_, process)
        | PrivilegeAct::Process(_, process)
        | PrivilegeAct::Memory { process, .. } => Some(process),
        PrivilegeAct::Module { .. } | PrivilegeAct::Kernel(_) => None,
    }
}

impl Line<'_> {
    pub fn target_process(&mut self, process: &ProcessView, parts: Parts) {
        self.process(key!("process"), &At::root("process"), process, parts);
    }

    /// Where in its memory, and how much.
    pub fn memory(&mut self, base: Option<u64>, bytes: Option<u64>) {
        if let Some(base) = base {
            self.raw("\"base_address\":\"0x");
            let digits = format!("{base:x}");
            self.out.extend_from_slice(digits.as_bytes());
            self.raw("\",");
        }
        if let Some(bytes) = bytes {
            self.integer(key!("size"), bytes);
        }
    }
}
