//! Which watches a path belongs to, in time that does not grow with their number.
//!
//! OWNS: the tree of components and the walk along a path. MUST NOT: know operations, exceptions
//! or what a watch is beyond its number.
//!
//! A node is a place in a pattern, reached by the components before it. Names lead on through a
//! hash table; globs through tables of what they begin or end with, so that only those are tried
//! which may well match; `**` leads to a node that stays reached whatever follows. The walk keeps
//! all nodes that are reached, each once.
//!
//! Invariants: a walk allocates nothing once its [`Scratch`] has grown; it visits each node at
//! most once for each component.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::pattern::{Alternative, Component, Glob, next_component};

/// Where the walk begins.
const ROOT: u32 = 0;

type Names<V> = HashMap<Box<[u8]>, V, BuildHasherDefault<NameHasher>>;

#[derive(Debug, Clone)]
pub(super) struct Trie {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Default)]
struct Node {
    names: Names<u32>,
    globs: Option<Box<Globs>>,
    /// Behind a `**` that begins here.
    tree: Option<u32>,
    /// Behind a `**`: further components change nothing.
    stays: bool,
    /// Watches of which a pattern ends here.
    ends: Vec<u32>,
    /// Watches of which a pattern goes on from here.
    passes: Vec<u32>,
}

/// The globs that begin at one node.
#[derive(Debug, Clone, Default)]
struct Globs {
    all: Vec<(Glob, u32)>,
    numbers: HashMap<Glob, u32>,
    by_prefix: Keyed,
    by_suffix: Keyed,
    /// Those that neither begin nor end with something certain.
    others: Vec<u32>,
}

/// Numbers of globs by their literal beginning or end.
#[derive(Debug, Clone, Default)]
struct Keyed {
    globs: Names<Vec<u32>>,
    /// The different lengths of keys.
    lengths: Vec<usize>,
}

/// The memory of a walk, to be used again for the next one.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    reached: Vec<u32>,
    next: Vec<u32>,
    /// For each node the last step that reached it.
    steps: Vec<u32>,
    step: u32,
    /// What was found.
    pub(super) found: Vec<u32>,
}

impl Trie {
    pub fn new() -> Self {
        Self {
            nodes: vec![Node::default()],
        }
    }

    /// Adds a pattern of the watch with this number.
    pub fn insert(&mut self, pattern: &Alternative, watch: u32) {
        let mut at = ROOT;
        for component in pattern.components() {
            let passes = &mut self.nodes[at as usize].passes;
            // They come in the order of their numbers, all patterns of one after the other.
            if passes.last() != Some(&watch) {
                passes.push(watch);
            }
            at = self.child(at, component);
        }
        let ends = &mut self.nodes[at as usize].ends;
        if !ends.contains(&watch) {
            ends.push(watch);
        }
    }

    /// The node behind `component`, made if there is none.
    fn child(&mut self, parent: u32, component: &Component) -> u32 {
        // Bounded by the components of a configuration, far below the type's range.
        let new = self.nodes.len() as u32;
        let node = &mut self.nodes[parent as usize];
        let child = match component {
            Component::Name(name) => *node.names.entry(name.clone()).or_insert(new),
            Component::Glob(glob) => node.globs.get_or_insert_default().child(glob, new),
            Component::Tree => *node.tree.get_or_insert(new),
        };
        if child == new {
            self.nodes.push(Node {
                stays: *component == Component::Tree,
                ..Node::default()
            });
        }
        child
    }

    /// Calls `each` for the watches whose patterns match `path`, perhaps more than once.
    pub fn walk(
        &self,
        path: &[u8],
        scratch: &mut Scratch,
        mut each: impl FnMut(&mut Vec<u32>, u32),
    ) {
        self.follow(path, scratch);
        for at in 0..scratch.reached.len() {
            for watch in &self.nodes[scratch.reached[at] as usize].ends {
                each(&mut scratch.found, *watch);
            }
        }
    }

    /// Calls `each` for the watches whose patterns may match what is below `path`, by its name: what
    /// `**` leads to does not count.
    pub fn walk_above(
        &self,
        path: &[u8],
        scratch: &mut Scratch,
        mut each: impl FnMut(&mut Vec<u32>, u32),
    ) {
        self.follow(path, scratch);
        for at in 0..scratch.reached.len() {
            let node = &self.nodes[scratch.reached[at] as usize];
            for watch in node.passes.iter().filter(|_| !node.stays) {
                each(&mut scratch.found, *watch);
            }
        }
    }

    /// Leaves in `reached` where the path leads.
    fn follow(&self, path: &[u8], scratch: &mut Scratch) {
        scratch.reached.clear();
        let Some((b'/', mut rest)) = path.split_first() else {
            return;
        };
        scratch.begin(self.nodes.len());
        self.reach(ROOT, scratch);
        scratch.advance();
        while let Some((name, behind)) = next_component(rest) {
            rest = behind;
            for at in 0..scratch.reached.len() {
                let number = scratch.reached[at];
                let node = &self.nodes[number as usize];
                if node.stays {
                    self.reach(number, scratch);
                }
                if let Some(child) = node.names.get(name) {
                    self.reach(*child, scratch);
                }
                if let Some(globs) = &node.globs {
                    globs.matching(name, |child| self.reach(child, scratch));
                }
            }
            scratch.advance();
            if scratch.reached.is_empty() {
                return;
            }
        }
    }

    /// Notes that the next step has reached `number`, and what a `**` there leads to.
    fn reach(&self, number: u32, scratch: &mut Scratch) {
        let mut number = Some(number);
        while let Some(one) = number {
            if scratch.steps[one as usize] == scratch.step {
                return;
            }
            scratch.steps[one as usize] = scratch.step;
            scratch.next.push(one);
            number = self.nodes[one as usize].tree;
        }
    }
}

impl Scratch {
    /// Brings what was found into the order of numbers, each once.
    pub(super) fn tidy(&mut self) {
        self.found.sort_unstable();
        self.found.dedup();
    }

    fn begin(&mut self, nodes: usize) {
        if self.steps.len() < nodes {
            self.steps.resize(nodes, 0);
        }
        self.reached.clear();
        self.next.clear();
        self.new_step();
    }

    fn advance(&mut self) {
        std::mem::swap(&mut self.reached, &mut self.next);
        self.next.clear();
        self.new_step();
    }

    fn new_step(&mut self) {
        self.step = self.step.wrapping_add(1);
        if self.step == 0 {
            self.steps.fill(0);
            self.step = 1;
        }
    }
}

impl Globs {
    /// The node behind `glob`, `new` if it was not yet here.
    fn child(&mut self, glob: &Glob, new: u32) -> u32 {
        if let Some(number) = self.numbers.get(glob) {
            return self.all[*number as usize].1;
        }
        let number = self.all.len() as u32;
        self.all.push((glob.clone(), new));
        self.numbers.insert(glob.clone(), number);
        let (prefix, suffix) = (glob.prefix(), glob.suffix());
        if prefix.is_empty() && suffix.is_empty() {
            self.others.push(number);
        } else if prefix.len() >= suffix.len() {
            self.by_prefix.insert(prefix, number);
        } else {
            self.by_suffix.insert(suffix, number);
        }
        new
    }

    /// Calls `each` with the nodes behind the globs that match `name`.
    fn matching(&self, name: &[u8], mut each: impl FnMut(u32)) {
        let mut tried = |numbers: &[u32]| {
            for number in numbers {
                let (glob, child) = &self.all[*number as usize];
                if glob.matches(name) {
                    each(*child);
                }
            }
        };
        tried(&self.others);
        self.by_prefix
            .candidates(name.len(), |length| &name[..length], &mut tried);
        let start = |length: usize| &name[name.len() - length..];
        self.by_suffix.candidates(name.len(), start, &mut tried);
    }
}

impl Keyed {
    fn insert(&mut self, key: &[u8], number: u32) {
        self.globs.entry(key.into()).or_default().push(number);
        if !self.lengths.contains(&key.len()) {
            self.lengths.push(key.len());
            self.lengths.sort_unstable();
        }
    }

    /// Calls `tried` with the globs whose key is the part of the name of the same length.
    fn candidates<'n>(
        &self,
        name_len: usize,
        part: impl Fn(usize) -> &'n [u8],
        tried: &mut impl FnMut(&[u32]),
    ) {
        for length in self
            .lengths
            .iter()
            .take_while(|length| **length <= name_len)
        {
            if let Some(numbers) = self.globs.get(part(*length)) {
                tried(numbers);
            }
        }
    }
}

/// Hashes names. Not against an adversary: the tables hold what the operator wrote, and a lookup
/// of other names leaves nothing in them.
#[derive(Debug, Clone, Default)]
struct NameHasher(u64);

impl NameHasher {
    fn mix(&mut self, word: u64) {
        /// Odd, its bits evenly spread: the golden ratio.
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    }
}

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.mix(word.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)));
        }
        let rest = words.remainder();
        if !rest.is_empty() {
            self.mix(rest.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)));
        }
    }

    fn write_usize(&mut self, number: usize) {
        self.mix(number as u64);
    }

    fn finish(&self) -> u64 {
        // The table takes the low bits, multiplication fills the high ones.
        self.0 ^ self.0 >> 32
    }
}
