//! The ring in memory that guest and runner share, and how far each has come in it.
//!
//! QEMU shows a file of the host to the guest as BAR 2 of an `ivshmem-plain` PCI device. The
//! guest maps it through sysfs, so no kernel module is needed, bytes move at the speed of
//! memory (a serial port manages 0.45 MB/s), and what was written before a kernel panic is
//! still there after it.
//!
//! Layout, little endian, offsets in bytes:
//!
//! | offset | size | what | written by |
//! |---|---|---|---|
//! | 0 | 8 | [`MAGIC`] | runner, before the boot |
//! | 64 | 8 | head: bytes ever written | guest |
//! | 128 | 8 | tail: bytes ever read | runner |
//! | 4096 | size − 4096 | data; byte `n` is at `n % capacity` | guest |
//!
//! Invariant: `tail <= head <= tail + capacity`. The guest writes data first, then the head;
//! the runner reads data first, then moves the tail. The runner's machine keeps both orders, the guest
//! asks for them.
//!
//! Must not: know what the bytes mean; that is [`crate::frame`].

/// Marks a file that the runner has prepared.
pub const MAGIC: [u8; 8] = *b"AUDITVM1";
/// Where the guest's position is.
pub const HEAD_OFFSET: u64 = 64;
/// Where the runner's position is: on its own cache line.
pub const TAIL_OFFSET: u64 = 128;
/// Where the data begins: on its own page.
pub const DATA_OFFSET: u64 = 4096;
/// The size of the whole region. A PCI BAR must be a power of two; 16 MiB is more than a
/// suite writes between two looks of the runner.
pub const REGION_BYTES: u64 = 16 << 20;

const _: () = assert!(REGION_BYTES.is_power_of_two() && REGION_BYTES > DATA_OFFSET);
const _: () = assert!(HEAD_OFFSET.is_multiple_of(8) && TAIL_OFFSET.is_multiple_of(8));

/// How many bytes of data a region of `region_bytes` holds.
pub const fn capacity(region_bytes: u64) -> u64 {
    region_bytes.saturating_sub(DATA_OFFSET)
}

/// A contiguous piece of the region: `length` bytes from `offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    pub offset: u64,
    pub length: u64,
}

/// Where `length` bytes from position `position` lie: up to the end of the region, and the
/// rest from its beginning (of length 0 if nothing wraps).
///
/// `length` must not exceed `capacity`, which must not be 0.
pub const fn pieces(position: u64, length: u64, capacity: u64) -> [Piece; 2] {
    assert!(length <= capacity);
    let start = position % capacity;
    let room = capacity - start;
    let first = if length < room { length } else { room };
    [
        Piece {
            offset: DATA_OFFSET + start,
            length: first,
        },
        Piece {
            offset: DATA_OFFSET,
            length: length - first,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_that_fits_does_not_wrap() {
        let [first, rest] = pieces(10, 5, 100);
        assert_eq!(
            first,
            Piece {
                offset: DATA_OFFSET + 10,
                length: 5
            }
        );
        assert_eq!(rest.length, 0);
    }

    #[test]
    fn a_piece_that_ends_at_the_end_does_not_wrap() {
        let [first, rest] = pieces(195, 5, 100);
        assert_eq!(
            first,
            Piece {
                offset: DATA_OFFSET + 95,
                length: 5
            }
        );
        assert_eq!(rest.length, 0);
    }

    #[test]
    fn a_piece_over_the_end_goes_on_at_the_beginning() {
        let [first, rest] = pieces(98, 7, 100);
        assert_eq!(
            first,
            Piece {
                offset: DATA_OFFSET + 98,
                length: 2
            }
        );
        assert_eq!(
            rest,
            Piece {
                offset: DATA_OFFSET,
                length: 5
            }
        );
    }

    #[test]
    fn the_whole_capacity_can_be_one_write() {
        let [first, rest] = pieces(1, 100, 100);
        assert_eq!((first.length, rest.length), (99, 1));
    }
}
