//! What the daemon decides about sockets: which addresses the kernel leaves out, which acts fold into one
//! record, and which outcome answers which pending attempt.
//!
//! Owns these tables, all bounded. Must not write records, and never looks a name up.

pub mod fold;
pub mod ignored;
pub mod pending;
