//! What stood at a watched path and has been moved elsewhere: for a while it is watched all the same.
//!
//! Owns which, and for how long. Whoever moves a directory away, writes below it and moves it back is seen, however
//! often the daemon has looked meanwhile. What was deleted or replaced is none of it: its number may be
//! another file's by now.

use std::{
    collections::HashMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use tracing::warn;

use super::{
    super::ObjectId,
    anchoring::Found,
    noticing::{Noticed, Noticing},
};
use crate::watch::set::WatchId;

/// So long, and until the next look.
const KEPT: Duration = Duration::from_secs(60);
/// So many at one time.
const KEPT_MAX: usize = 4096;
/// A name is gone a moment before inotify tells of it.
const TELLS_WITHIN: Duration = Duration::from_millis(2);
const TRIES: usize = 5;

/// As what something is watched.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Sort {
    Tree,
    Object,
}

pub type Key = (ObjectId, Sort);

/// Where it stands, and of an object who watches it.
#[derive(Clone, Debug)]
pub struct Place {
    pub path: PathBuf,
    pub watches: Vec<WatchId>,
}

#[derive(Default)]
pub(super) struct Away {
    /// What the last look found.
    before: HashMap<Key, Place>,
    gone: HashMap<Key, (Place, Instant)>,
    /// That there are too many was said.
    is_full: bool,
}

impl Away {
    /// Adds to what a look found whatever has been moved elsewhere lately. `noticed` is what was told before
    /// that look; what is told after it is joined to it.
    pub fn add_to(&mut self, found: &mut Found, noticing: &Noticing, noticed: &mut Noticed) {
        let missing = |(key, _): &(&Key, &Place)| !found.places.contains_key(*key);
        let missing: Vec<_> = self.before.iter().filter(missing).collect();
        let mut told = std::mem::take(noticed);
        for _ in 0..TRIES {
            told.join(noticing.read());
            if missing.iter().all(|(_, place)| told.explains(&place.path)) {
                break;
            }
            std::thread::sleep(TELLS_WITHIN);
        }
        let now = Instant::now();
        for (key, place) in missing {
            if !told.has_moved(&place.path) {
                continue;
            }
            if self.gone.len() < KEPT_MAX {
                self.gone.insert(*key, (place.clone(), now));
            } else if !std::mem::replace(&mut self.is_full, true) {
                warn!(
                    "more than {KEPT_MAX} watched files and directories were moved elsewhere: what is done to the others there is not seen"
                );
            }
        }
        *noticed = told;
        let is_away =
            |key: &Key, since: &Instant| !found.places.contains_key(key) && since.elapsed() < KEPT;
        self.gone.retain(|key, (_, since)| is_away(key, since));
        self.is_full &= self.gone.len() >= KEPT_MAX;
        self.before.clone_from(&found.places);
        for (key, (place, _)) in &self.gone {
            found.put(*key, place);
        }
    }
}
