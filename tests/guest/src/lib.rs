//! What the vm tier's runner and the guest's init agree on.
//!
//! Owns: the manifest (what the guest is to do), the frames (what it answers) and the layout
//! of the shared-memory ring that carries them. The init that acts on them is `main.rs`.
//!
//! Must not: touch the machine. Everything here is bytes in, values out, so that it is tested
//! on any host without a guest.

pub mod frame;
pub mod manifest;
pub mod ring;
