//! How much stack the kernel programs take, as the strictest verifiers count it.
//!
//! Owns: the reading of frames and calls out of an object, and the limit. Kernels before 6.13 refuse a program
//! whose frames together are longer than 512 bytes, and kernels before 6.8 count each in steps of 32; newer ones
//! take it, so a build machine with one of those would find nothing out.
//! Must not: prove more than that. It counts what is written there, also what no way leads to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use object::{
    Object, ObjectSection, ObjectSymbol, RelocationTarget, SectionIndex, SectionKind, SymbolKind,
};

/// MAX_BPF_STACK
const STACK_BYTES: u64 = 512;
const FRAME_STEP: u64 = 32;
const INSTRUCTION_BYTES: usize = 8;
/// Deeper calls than this are refused by every kernel.
const CALLS_MAX: usize = 8;

const FRAME_POINTER: u8 = 10;
const CLASS: u8 = 0x07;
const LOAD_WIDE: u8 = 0x18;
const LOAD_MEMORY: u8 = 0x01;
const STORE: u8 = 0x02;
const STORE_REGISTER: u8 = 0x03;
const ADD_IMMEDIATE: u8 = 0x07;
const MOVE_REGISTER: u8 = 0xbf;
const CALL: u8 = 0x85;
/// In a call: of a function of the same object.
const PSEUDO_CALL: u8 = 1;

/// Where a function begins.
type Place = (usize, u64);

#[derive(Debug, Default)]
struct Function {
    name: String,
    /// Programs are what is not in the section of common functions.
    is_program: bool,
    frame_bytes: u64,
    calls: BTreeSet<Place>,
}

/// An instruction, as far as it matters here.
#[derive(Clone, Copy)]
struct Instruction {
    code: u8,
    to: u8,
    from: u8,
    offset: i16,
    immediate: i32,
}

impl Instruction {
    fn parse(bytes: &[u8]) -> Self {
        Self {
            code: bytes[0],
            to: bytes[1] & 0xf,
            from: bytes[1] >> 4,
            offset: i16::from_le_bytes([bytes[2], bytes[3]]),
            immediate: i32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
        }
    }

    /// How far below the frame pointer it reaches.
    fn depth(self) -> u64 {
        let base = match self.code & CLASS {
            LOAD_MEMORY => self.from,
            STORE | STORE_REGISTER => self.to,
            _ => return 0,
        };
        match base {
            FRAME_POINTER => u64::from(self.offset.min(0).unsigned_abs()),
            _ => 0,
        }
    }
}

/// Refuses an object with a program that old kernels would refuse.
pub fn check(object: &Path) -> Result<()> {
    let bytes =
        std::fs::read(object).with_context(|| format!("cannot read {}", object.display()))?;
    let functions = functions(&bytes).with_context(|| format!("in {}", object.display()))?;
    let programs = functions.iter().filter(|(_, one)| one.is_program);
    let mut refused: Vec<String> = programs
        .map(|(at, _)| deepest(&functions, *at, CALLS_MAX))
        .filter(|(bytes, _)| *bytes > STACK_BYTES)
        .map(|(bytes, path)| format!("{bytes} bytes: {}", path.join(" calls ")))
        .collect();
    refused.sort();
    if !refused.is_empty() {
        bail!(
            "kernels before 6.13 have {STACK_BYTES} bytes of stack for all frames:\n  {}",
            refused.join("\n  ")
        );
    }
    Ok(())
}

/// The longest way down from a function: its bytes, and who is on it with how much each.
fn deepest(functions: &BTreeMap<Place, Function>, at: Place, calls: usize) -> (u64, Vec<String>) {
    let Some(function) = functions.get(&at).filter(|_| calls > 0) else {
        return (0, Vec::new());
    };
    let ways = function.calls.iter();
    let below = ways.map(|callee| deepest(functions, *callee, calls - 1));
    let (bytes, path) = below.max_by_key(|(bytes, _)| *bytes).unwrap_or_default();
    let own = function.frame_bytes.max(1).next_multiple_of(FRAME_STEP);
    let mut all = vec![format!("{} ({})", function.name, function.frame_bytes)];
    all.extend(path);
    (own + bytes, all)
}

fn functions(bytes: &[u8]) -> Result<BTreeMap<Place, Function>> {
    let file = object::File::parse(bytes)?;
    let mut functions = BTreeMap::new();
    for symbol in file.symbols().filter(|one| one.kind() == SymbolKind::Text) {
        let Some(section) = symbol.section_index().filter(|_| symbol.size() > 0) else {
            continue;
        };
        let mut function = Function {
            name: short(symbol.name()?),
            is_program: file.section_by_index(section)?.name()? != ".text",
            ..Function::default()
        };
        read(
            &file,
            section,
            symbol.address(),
            symbol.size(),
            &mut function,
        )?;
        functions.insert((section.0, symbol.address()), function);
    }
    Ok(functions)
}

/// The last words of a mangled name tell enough.
fn short(name: &str) -> String {
    let begin = name.char_indices().rev().nth(39).map_or(0, |(at, _)| at);
    name[begin..].to_owned()
}

/// Reads the frame and the calls of a function that stands at `begin`.
fn read(
    file: &object::File<'_>,
    section: SectionIndex,
    begin: u64,
    size: u64,
    function: &mut Function,
) -> Result<()> {
    let section = file.section_by_index(section)?;
    let text = section.data()?;
    let end = begin.checked_add(size).context("a function without end")?;
    let range = usize::try_from(begin)?..usize::try_from(end)?;
    let text = text.get(range).context("a function outside its section")?;
    // Of functions only: the other ones are of maps.
    let relocations: BTreeMap<u64, Named> = section
        .relocations()
        .filter(|(at, _)| (begin..end).contains(at))
        .filter_map(|(at, relocation)| match relocation.target() {
            RelocationTarget::Symbol(symbol) => Some((at, file.symbol_by_index(symbol).ok()?)),
            _ => None,
        })
        .filter_map(|(at, symbol)| {
            let section = file.section_by_index(symbol.section_index()?).ok()?;
            if section.kind() != SectionKind::Text {
                return None;
            }
            let place = (section.index().0, symbol.address());
            let of_section = symbol.kind() == SymbolKind::Section;
            Some((at, Named { place, of_section }))
        })
        .collect();
    let mut copies = BTreeSet::new();
    let mut at = 0;
    while let Some(bytes) = text.get(at..at + INSTRUCTION_BYTES) {
        let one = Instruction::parse(bytes);
        function.frame_bytes = function
            .frame_bytes
            .max(one.depth())
            .max(copied(one, &mut copies));
        let here = begin + at as u64;
        let calls = one.code == CALL && one.from == PSEUDO_CALL;
        // A helper that calls back gets the address: the loader makes that of what is named.
        let calls_back = one.code == LOAD_WIDE && relocations.contains_key(&here);
        if calls || calls_back {
            function
                .calls
                .insert(callee(one, here, section.index(), &relocations)?);
        }
        at += match one.code {
            LOAD_WIDE => 2 * INSTRUCTION_BYTES,
            _ => INSTRUCTION_BYTES,
        };
    }
    Ok(())
}

/// Addresses on the stack are copies of the frame pointer with something subtracted; `copies` are the registers
/// that hold one.
fn copied(one: Instruction, copies: &mut BTreeSet<u8>) -> u64 {
    if one.code == MOVE_REGISTER && one.from == FRAME_POINTER {
        copies.insert(one.to);
    } else if one.code == ADD_IMMEDIATE && copies.remove(&one.to) {
        return u64::from(one.immediate.min(0).unsigned_abs());
    }
    0
}

/// What a relocation names.
#[derive(Clone, Copy)]
struct Named {
    place: Place,
    /// A whole section: then the instruction has how far it is from its begin.
    of_section: bool,
}

/// Where a call goes: it is relative, or is named.
fn callee(
    one: Instruction,
    here: u64,
    section: SectionIndex,
    relocations: &BTreeMap<u64, Named>,
) -> Result<Place> {
    let in_calls = (i64::from(one.immediate) + 1) * INSTRUCTION_BYTES as i64;
    let (index, from, added) = match relocations.get(&here) {
        None => (section.0, here, in_calls),
        Some(named) => {
            let added = match (named.of_section, one.code) {
                (false, _) => 0,
                (true, CALL) => in_calls,
                (true, _) => i64::from(one.immediate),
            };
            (named.place.0, named.place.1, added)
        }
    };
    let to = from
        .checked_add_signed(added)
        .context("a call to nowhere")?;
    Ok((index, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &str, frame_bytes: u64, calls: &[u64]) -> Function {
        Function {
            name: name.to_owned(),
            is_program: name == "program",
            frame_bytes,
            calls: calls.iter().map(|&at| (1, at)).collect(),
        }
    }

    fn instruction(code: u8, registers: u8, offset: i16, immediate: i32) -> Instruction {
        let mut bytes = vec![code, registers];
        bytes.extend(offset.to_le_bytes());
        bytes.extend(immediate.to_le_bytes());
        Instruction::parse(&bytes)
    }

    #[test]
    fn frames_are_counted_along_the_longest_way_in_steps() {
        let functions = BTreeMap::from([
            ((1, 0), function("program", 0, &[8, 16])),
            ((1, 8), function("short", 33, &[])),
            ((1, 16), function("long", 1, &[24])),
            ((1, 24), function("last", 32, &[])),
        ]);
        let (bytes, path) = deepest(&functions, (1, 0), CALLS_MAX);
        assert_eq!((bytes, path.len()), (96, 3));
        assert_eq!(path[0], "program (0)");
        let (bytes, _) = deepest(&functions, (1, 8), CALLS_MAX);
        assert_eq!(bytes, 64);
    }

    #[test]
    fn a_circle_ends() {
        let functions = BTreeMap::from([((1, 0), function("program", 8, &[0]))]);
        assert_eq!(deepest(&functions, (1, 0), CALLS_MAX).0, 32 * 8);
    }

    #[test]
    fn what_is_below_the_frame_pointer_is_its_frame() {
        // *(u64 *)(r10 - 40) = r1, r2 = *(u32 *)(r10 - 8), and what is no stack.
        assert_eq!(instruction(0x7b, 0x1a, -40, 0).depth(), 40);
        assert_eq!(instruction(0x61, 0xa2, -8, 0).depth(), 8);
        assert_eq!(instruction(0x7b, 0x12, -40, 0).depth(), 0);
        let mut copies = BTreeSet::new();
        // r3 = r10; r4 += -24; r3 += -24; r3 += -8
        let ways = [
            (MOVE_REGISTER, 0xa3, 0),
            (ADD_IMMEDIATE, 4, -24),
            (ADD_IMMEDIATE, 3, -24),
            (ADD_IMMEDIATE, 3, -8),
        ];
        let depths = ways.map(|(code, registers, immediate)| {
            copied(instruction(code, registers, 0, immediate), &mut copies)
        });
        assert_eq!(depths, [0, 0, 24, 0]);
    }

    #[test]
    fn calls_are_relative_or_named() {
        let call = instruction(CALL, 0x10, 0, 2);
        let named = |of_section| {
            let place = (7, 80);
            BTreeMap::from([(64, Named { place, of_section })])
        };
        let to = |relocations| callee(call, 64, SectionIndex(3), &relocations).unwrap();
        assert_eq!(to(BTreeMap::new()), (3, 88));
        assert_eq!(to(named(false)), (7, 80));
        assert_eq!(to(named(true)), (7, 104));
    }
}
