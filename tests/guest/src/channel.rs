//! The guest's end of the ring.
//!
//! Owns: the mapping of the shared region and the head position. Writes block while the ring
//! is full, so nothing is ever lost; if the runner is gone, so is the machine. A kernel in lockdown
//! lets nobody map a device's memory: there the same bytes go over the second serial port.
//!
//! Must not: know what is sent. Invariant: see [`audit_guest::ring`].

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use audit_guest::frame::{self, Kind, PAYLOAD_BYTES_MAX};
use audit_guest::ring;

/// PCI identity of ivshmem.
const VENDOR: &str = "0x1af4";
const DEVICE: &str = "0x1110";
/// Its memory. The plain file maps it as a device's on arm64, which takes only aligned accesses.
const MEMORY: &str = match cfg!(target_arch = "aarch64") {
    true => "resource2_wc",
    false => "resource2",
};
/// How often a full ring is looked at again.
const FULL_WAIT: Duration = Duration::from_millis(1);

/// The other way out.
const SERIAL: &str = "/dev/ttyS1";

pub struct Channel {
    way: Way,
    encoded: Vec<u8>,
}

/// Lives as long as the guest.
enum Way {
    Ring(Region),
    Serial(File),
}

/// The mapped region.
struct Region {
    start: *mut u8,
    capacity: u64,
}

impl Channel {
    pub fn open() -> io::Result<Self> {
        let way = match Region::open() {
            Ok(region) => Way::Ring(region),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Way::Serial(open_serial(Path::new(SERIAL))?)
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            way,
            encoded: Vec::new(),
        })
    }

    /// Sends one message, in as many frames as it needs.
    pub fn send(&mut self, kind: Kind, job: u32, payload: &[u8]) {
        let mut rest = payload;
        loop {
            let (now, later) = rest.split_at(rest.len().min(PAYLOAD_BYTES_MAX));
            let mut encoded = std::mem::take(&mut self.encoded);
            encoded.clear();
            frame::encode(kind, job, now, &mut encoded);
            match &mut self.way {
                Way::Ring(region) => region.write(&encoded),
                // Nobody is left to be told of an error.
                Way::Serial(port) => drop(port.write_all(&encoded).and_then(|()| drain(port))),
            }
            self.encoded = encoded;
            rest = later;
            if rest.is_empty() {
                return;
            }
        }
    }

    /// Sends a line for people.
    pub fn note(&mut self, job: u32, text: &str) {
        let bytes = text.as_bytes();
        self.send(
            Kind::Note,
            job,
            &bytes[..bytes.len().min(PAYLOAD_BYTES_MAX)],
        );
    }
}

impl Region {
    /// Finds the device, switches it on and maps its memory.
    fn open() -> io::Result<Self> {
        let device = find_device(Path::new("/sys/bus/pci/devices"))?;
        fs::write(device.join("enable"), "1")?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(device.join(MEMORY))?;
        let bytes = file.metadata()?.len();
        if bytes <= ring::DATA_OFFSET {
            return Err(io::Error::other(format!(
                "a region of {bytes} bytes is too small"
            )));
        }
        let region = map(&file, bytes as usize)?;
        // SAFETY: the region is mapped and longer than the magic; the runner wrote it before
        // the boot and does not write it again.
        let magic = unsafe { region.cast::<[u8; 8]>().read_volatile() };
        if magic != ring::MAGIC {
            return Err(io::Error::other(
                "the region was not prepared by the runner",
            ));
        }
        Ok(Self {
            start: region,
            capacity: ring::capacity(bytes),
        })
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let head = self.position(ring::HEAD_OFFSET).load(Ordering::Relaxed);
            let tail = self.position(ring::TAIL_OFFSET).load(Ordering::Acquire);
            let free = self.capacity.saturating_sub(head.wrapping_sub(tail));
            if free == 0 {
                std::thread::sleep(FULL_WAIT);
                continue;
            }
            let (now, later) = rest.split_at(rest.len().min(free as usize));
            let mut copied = 0;
            for piece in ring::pieces(head, now.len() as u64, self.capacity) {
                let part = &now[copied..copied + piece.length as usize];
                // SAFETY: `pieces` stays inside of the mapped region, `part` is of the same
                // length, and the runner does not read here before the head has moved.
                unsafe {
                    let to = self.start.add(piece.offset as usize);
                    to.copy_from_nonoverlapping(part.as_ptr(), part.len());
                }
                copied += part.len();
            }
            let head = head + now.len() as u64;
            self.position(ring::HEAD_OFFSET)
                .store(head, Ordering::Release);
            rest = later;
        }
    }

    fn position(&self, offset: u64) -> &AtomicU64 {
        // SAFETY: both offsets are inside of the region, which is page aligned, they are
        // multiples of 8, and nothing makes a plain reference to these bytes.
        unsafe { AtomicU64::from_ptr(self.start.add(offset as usize).cast()) }
    }
}

fn find_device(devices: &Path) -> io::Result<PathBuf> {
    for entry in fs::read_dir(devices)? {
        let path = entry?.path();
        let is = |file: &str, id: &str| {
            fs::read_to_string(path.join(file)).is_ok_and(|text| text.trim_end() == id)
        };
        if is("vendor", VENDOR) && is("device", DEVICE) {
            return Ok(path);
        }
    }
    Err(io::Error::other("no ivshmem device on the PCI bus"))
}

/// A port that passes bytes as they are.
fn open_serial(path: &Path) -> io::Result<File> {
    let port = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY)
        .open(path)?;
    // SAFETY: zeroes are a value of this structure, and the call fills it for an open terminal.
    let mut settings: libc::termios = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    if unsafe { libc::tcgetattr(port.as_raw_fd(), &raw mut settings) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: only changes the structure that was filled.
    unsafe { libc::cfmakeraw(&raw mut settings) };
    // As cfsetospeed would, which a static program cannot link to by the version that is asked for.
    settings.c_cflag = settings.c_cflag & !libc::CBAUD | libc::B115200;
    // SAFETY: the filled structure and an open terminal.
    if unsafe { libc::tcsetattr(port.as_raw_fd(), libc::TCSANOW, &raw const settings) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(port)
}

/// Waits until the port has sent everything: the machine may be switched off next.
fn drain(port: &File) -> io::Result<()> {
    // SAFETY: an open terminal.
    match unsafe { libc::tcdrain(port.as_raw_fd()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn map(file: &File, bytes: usize) -> io::Result<*mut u8> {
    // SAFETY: a fresh mapping at an address of the kernel's choice; its failure is checked.
    let region = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            0,
        )
    };
    if region == libc::MAP_FAILED {
        Err(io::Error::last_os_error())
    } else {
        Ok(region.cast())
    }
}
