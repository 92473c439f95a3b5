//! The objects that occur in several kinds, each in the key order of RECORDS 2.
//!
//! OWNS: `actor`, `process`, `container`, `file`: what a reference keeps and what is full.
//! MUST NOT: know which kind asks.

mod actor;
mod container;
mod file;
mod privileges;
mod process;

pub use process::Parts;
