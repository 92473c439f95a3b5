//! Sets of operations, as they go into a kernel map.
//!
//! OWNS: the bit of each operation. MUST NOT: know what an event is.

use crate::config::Operation;

/// A set of operations. Bit n stands for the n-th of [`Operation::EVERY`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operations(u16);

impl Operations {
    /// The set of these.
    pub fn of(operations: &[Operation]) -> Self {
        let bits = operations.iter().map(|one| Self::bit(*one));
        Self(bits.fold(0, |all, bit| all | bit))
    }

    /// Is it one of them?
    pub fn contains(self, operation: Operation) -> bool {
        self.0 & Self::bit(operation) != 0
    }

    /// Those of both.
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// As a map of the kernel has it.
    pub fn bits(self) -> u16 {
        self.0
    }

    fn bit(operation: Operation) -> u16 {
        1 << operation as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_has_a_bit_of_its_own() {
        let mut all = Operations::default();
        for (number, operation) in Operation::EVERY.into_iter().enumerate() {
            assert!(!all.contains(operation));
            let one = Operations::of(&[operation]);
            assert_eq!(one.bits(), 1 << number);
            all = all.with(one);
        }
        assert_eq!(all.bits(), 0x1ff);
        assert_eq!(Operations::of(&Operation::changes()).bits(), 0xfe);
    }
}
