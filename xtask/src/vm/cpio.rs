//! Writes the "newc" archive that the kernel unpacks as its first root file system.
//!
//! Layout: one record after the other, each a header of 110 ASCII bytes (`070701`, then 13
//! fields of 8 hex digits: inode, mode, uid, gid, links, mtime, size, device major and minor,
//! rdev major and minor, length of the name with its NUL, checksum 0), the name with its NUL,
//! the data; name and data each padded with NULs to a multiple of 4 from the archive's start.
//! The record `TRAILER!!!` ends it.
//!
//! Owns: this format. Everything belongs to root, and every file has one link.
//! Must not: know which files a guest needs. Invariant: the bytes depend on nothing but the
//! calls, so that equal images are equal files.

use std::io::{self, Read, Write};

const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const SYMLINK: u32 = 0o120_000;
const CHARACTER_DEVICE: u32 = 0o020_000;
const TRAILER: &[u8] = b"TRAILER!!!";

/// An archive that is being written. [`Archive::finish`] must be called at the end.
pub struct Archive<W: Write> {
    out: W,
    written: u64,
    inode: u32,
}

impl<W: Write> Archive<W> {
    pub fn new(out: W) -> Self {
        Self {
            out,
            written: 0,
            inode: 0,
        }
    }

    /// A directory; its parents must have been added before.
    pub fn directory(&mut self, name: &[u8], permissions: u32) -> io::Result<()> {
        self.header(name, DIRECTORY | permissions, 0, (0, 0))
    }

    pub fn symlink(&mut self, name: &[u8], target: &[u8]) -> io::Result<()> {
        self.header(name, SYMLINK | 0o777, target.len() as u64, (0, 0))?;
        self.bytes(target)?;
        self.pad()
    }

    pub fn character_device(
        &mut self,
        name: &[u8],
        permissions: u32,
        major_minor: (u32, u32),
    ) -> io::Result<()> {
        self.header(name, CHARACTER_DEVICE | permissions, 0, major_minor)
    }

    /// A file of exactly `size` bytes from `content`; fewer are an error, more are left there.
    pub fn file(
        &mut self,
        name: &[u8],
        permissions: u32,
        size: u64,
        content: impl Read,
    ) -> io::Result<()> {
        self.header(name, REGULAR | permissions, size, (0, 0))?;
        let copied = io::copy(&mut content.take(size), &mut self.out)?;
        self.written += copied;
        if copied != size {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!(
                    "{} had {size} bytes, then {copied}",
                    String::from_utf8_lossy(name)
                ),
            ));
        }
        self.pad()
    }

    /// Ends the archive; gives its size.
    pub fn finish(mut self) -> io::Result<u64> {
        self.inode = 0;
        self.record(TRAILER, 0, 0, (0, 0), 0)?;
        self.out.flush()?;
        Ok(self.written)
    }

    fn header(&mut self, name: &[u8], mode: u32, size: u64, device: (u32, u32)) -> io::Result<()> {
        self.inode += 1;
        self.record(name, mode, size, device, self.inode)
    }

    fn record(
        &mut self,
        name: &[u8],
        mode: u32,
        size: u64,
        (major, minor): (u32, u32),
        inode: u32,
    ) -> io::Result<()> {
        let too_much = |what: &str| {
            let name = String::from_utf8_lossy(name);
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{what} of {name} is too long"),
            )
        };
        let size = u32::try_from(size).map_err(|_| too_much("content"))?;
        let name_bytes = u32::try_from(name.len() + 1).map_err(|_| too_much("name"))?;
        let fields = [
            inode, mode, 0, 0, 1, 0, size, 0, 0, major, minor, name_bytes, 0,
        ];
        let mut header = String::from("070701");
        for field in fields {
            header.push_str(&format!("{field:08x}"));
        }
        self.bytes(header.as_bytes())?;
        self.bytes(name)?;
        self.bytes(b"\0")?;
        self.pad()
    }

    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    fn pad(&mut self) -> io::Result<()> {
        let missing = self.written.next_multiple_of(4) - self.written;
        self.bytes(&[0; 3][..missing as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(fill: impl FnOnce(&mut Archive<&mut Vec<u8>>)) -> Vec<u8> {
        let mut out = Vec::new();
        let mut archive = Archive::new(&mut out);
        fill(&mut archive);
        let size = archive.finish().unwrap();
        assert_eq!(size, out.len() as u64);
        out
    }

    #[test]
    fn an_empty_archive_is_its_trailer() {
        let bytes = archive(|_| {});
        let mut expected = String::from("070701");
        expected.push_str(&"0".repeat(8 * 4));
        expected.push_str("00000001");
        expected.push_str(&"0".repeat(8 * 6));
        expected.push_str("0000000b");
        expected.push_str("00000000");
        expected.push_str("TRAILER!!!\0\0\0\0");
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn a_file_is_header_name_and_data_each_padded() {
        let bytes = archive(|archive| {
            archive
                .file(b"a/bc", 0o755, 5, &b"hello, and more"[..])
                .unwrap();
        });
        // 110 + "a/bc\0" = 115, padded to 116; 5 bytes of data, padded to 8.
        assert_eq!(&bytes[..30], b"07070100000001000081ed00000000");
        assert_eq!(&bytes[54..62], b"00000005");
        assert_eq!(&bytes[94..102], b"00000005");
        assert_eq!(&bytes[110..116], b"a/bc\0\0");
        assert_eq!(&bytes[116..124], b"hello\0\0\0");
        assert_eq!(&bytes[124..130], b"070701");
    }

    #[test]
    fn kinds_have_their_mode_bits() {
        let bytes = archive(|archive| {
            archive.directory(b"d", 0o1777).unwrap();
            archive.symlink(b"l", b"target").unwrap();
            archive.character_device(b"c", 0o600, (5, 1)).unwrap();
        });
        let modes: Vec<&[u8]> = bytes
            .windows(22)
            .filter(|window| window.starts_with(b"070701"))
            .map(|window| &window[14..22])
            .collect();
        assert_eq!(modes, [b"000043ff", b"0000a1ff", b"00002180", b"00000000"]);
        let device = bytes
            .windows(6)
            .rposition(|window| window == b"070701")
            .unwrap()
            - 112;
        assert_eq!(&bytes[device + 78..device + 94], b"0000000500000001");
    }

    #[test]
    fn a_file_that_shrinks_is_an_error() {
        let mut archive = Archive::new(Vec::new());
        let error = archive.file(b"x", 0o644, 6, &b"hello"[..]).unwrap_err();
        assert_eq!(error.to_string(), "x had 6 bytes, then 5");
    }

    #[test]
    fn a_file_over_four_gigabytes_is_an_error() {
        let mut archive = Archive::new(Vec::new());
        let error = archive
            .file(b"x", 0o644, 1 << 32, io::repeat(0))
            .unwrap_err();
        assert_eq!(error.to_string(), "content of x is too long");
    }
}
