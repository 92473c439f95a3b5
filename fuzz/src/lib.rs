//! What the fuzz targets share: entries that look like events, the check of a record, first seeds.
//!
//! Owns nothing that is shipped. A target asserts; a failed assertion is a finding.

pub mod entry;
pub mod json;
pub mod seeds;
