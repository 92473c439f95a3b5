//! Numbers in decimal, twenty of them in a record.
//!
//! OWNS: digits. MUST NOT: know JSON.

/// Appends a number in decimal.
pub fn push_integer(out: &mut Vec<u8>, mut number: u64) {
    if number < 10 {
        out.push(b'0' + number as u8);
        return;
    }
    // Room of a constant size costs less than one of just the digits, and digits written in place
    // less than copied ones.
    let (start, count) = (out.len(), number.ilog10() as usize + 1);
    out.extend_from_slice(&[0; DIGITS_MAX]);
    let digits = &mut out[start..start + DIGITS_MAX];
    let mut at = count;
    while number >= 100 {
        at -= 2;
        digits[at..at + 2].copy_from_slice(&two_digits((number % 100) as u32));
        number /= 100;
    }
    if number >= 10 {
        digits[..2].copy_from_slice(&two_digits(number as u32));
    } else {
        digits[0] = b'0' + number as u8;
    }
    out.truncate(start + count);
}

/// Of a `u64`.
const DIGITS_MAX: usize = 20;

/// "00" to "99", one after the other.
const PAIRS: [u8; 200] = {
    let mut pairs = [0; 200];
    let mut i = 0;
    while i < 100 {
        pairs[2 * i] = b'0' + (i / 10) as u8;
        pairs[2 * i + 1] = b'0' + (i % 10) as u8;
        i += 1;
    }
    pairs
};

/// The two digits of a number below 100.
pub fn two_digits(number: u32) -> [u8; 2] {
    let at = (number % 100) as usize * 2;
    [PAIRS[at], PAIRS[at + 1]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_at_each_width() {
        for number in [
            0,
            7,
            9,
            10,
            99,
            100,
            101,
            999,
            1000,
            12_345,
            1_048_577,
            u64::MAX,
        ] {
            let mut out = Vec::new();
            push_integer(&mut out, number);
            assert_eq!(out, number.to_string().as_bytes());
        }
    }
}
