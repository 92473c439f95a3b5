//! `actor`: what acted, the login user who is accountable for it, and that user's session.
//!
//! OWNS: when each of the three is absent.
//! MUST NOT: write an empty object; without any of the three there is no `actor`.

use super::process::Parts;
use crate::record::ActorDetail;
use crate::record::decimal;
use crate::record::line::{Line, key};
use crate::record::notes::At;
use crate::record::view::{ActorView, UNSET};

impl Line<'_> {
    /// `actor`, with these parts of its process.
    pub fn actor(&mut self, actor: &ActorView, parts: Parts) {
        if actor.process.is_none() && actor.login_uid == UNSET && actor.session == UNSET {
            return;
        }
        let at = At::root("actor");
        self.raw("\"actor\":{");
        if let Some(process) = actor.process {
            self.process(key!("process"), &at.field("process"), process, parts);
        }
        self.login_and_session(&at, actor);
        self.close();
    }

    /// `actor` of a kind whose `process` is the acting process itself: user and session only, and
    /// if there is neither, the bare pid.
    pub fn reflexive_actor(&mut self, actor: &ActorView, pid: u32) {
        self.raw("\"actor\":{");
        if actor.login_uid == UNSET && actor.session == UNSET {
            self.raw("\"process\":{");
            self.integer(key!("pid"), u64::from(pid));
            self.close();
        } else {
            self.login_and_session(&At::root("actor"), actor);
        }
        self.close();
    }

    /// Parts of an actor that is not itself introduced by the record.
    pub fn actor_parts(&self) -> Parts {
        match self.settings.actor_detail {
            ActorDetail::Reference => Parts::REFERENCE,
            ActorDetail::Full => Parts::REFERENCE
                .and(Parts::COMMAND)
                .and(Parts::PARENT)
                .and(Parts::ANCESTRY),
        }
    }

    fn login_and_session(&mut self, at: &At, actor: &ActorView) {
        if actor.login_uid != UNSET {
            let user = at.field("user");
            self.raw("\"user\":{");
            self.identity(key!("uid"), u64::from(actor.login_uid));
            self.fact_str(key!("name"), &user.field("name"), &actor.login_name);
            self.close();
        }
        if actor.session != UNSET {
            self.raw("\"session\":{\"uid\":\"");
            let fixed = self.fixed;
            self.raw(&fixed.boot);
            self.raw("-");
            decimal::push_integer(self.out, u64::from(actor.session));
            self.raw("\"},");
        }
    }
}
