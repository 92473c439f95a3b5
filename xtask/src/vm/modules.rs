//! Kernel modules for the guest: a module and everything it needs, uncompressed.
//!
//! Owns: finding modules in a kernel's directory and the order in which they must be loaded,
//! read from the modules themselves (`depends=` in their `.modinfo`), so that no module index
//! is needed.
//!
//! Must not: load anything. Modules that are built into the kernel need nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use super::elf;
use super::tools::{GZIP, XZ, ZSTD};

/// Deeper chains than this are a loop.
const DEPENDENCY_DEPTH_MAX: usize = 32;

/// One module, ready to be loaded.
#[derive(Debug, PartialEq, Eq)]
pub struct Module {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// The modules of one kernel.
pub struct Modules {
    paths: BTreeMap<String, PathBuf>,
    built_in: BTreeSet<String>,
}

impl Modules {
    /// Looks through a kernel's module directory.
    pub fn open(directory: &Path) -> anyhow::Result<Self> {
        let mut paths = BTreeMap::new();
        walk(&directory.join("kernel"), &mut paths)
            .with_context(|| format!("cannot read {}", directory.display()))?;
        let list = fs::read_to_string(directory.join("modules.builtin")).unwrap_or_default();
        let built_in = list
            .lines()
            .filter_map(|line| module_name(Path::new(line)))
            .collect();
        Ok(Self { paths, built_in })
    }

    /// The named modules and what they need, each once, in loading order.
    pub fn closure(&self, names: &[String]) -> anyhow::Result<Vec<Module>> {
        let mut loaded = Vec::new();
        for name in names {
            self.add(name, DEPENDENCY_DEPTH_MAX, &mut loaded)?;
        }
        Ok(loaded)
    }

    fn add(&self, name: &str, depth: usize, loaded: &mut Vec<Module>) -> anyhow::Result<()> {
        let name = name.replace('-', "_");
        if self.built_in.contains(&name) || loaded.iter().any(|module| module.name == name) {
            return Ok(());
        }
        if depth == 0 {
            bail!("the modules that {name} needs go in a circle");
        }
        let path = self
            .paths
            .get(&name)
            .with_context(|| format!("no kernel module {name}"))?;
        let bytes = read(path)?;
        let needed = dependencies(&bytes).with_context(|| path.display().to_string())?;
        for needed in needed {
            self.add(&needed, depth - 1, loaded)?;
        }
        loaded.push(Module { name, bytes });
        Ok(())
    }
}

fn walk(directory: &Path, paths: &mut BTreeMap<String, PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), paths)?;
        } else if let Some(name) = module_name(&entry.path()) {
            paths.insert(name, entry.path());
        }
    }
    Ok(())
}

/// `kernel/fs/nf-x.ko.xz` is the module nf_x.
fn module_name(path: &Path) -> Option<String> {
    let (name, rest) = path.file_name()?.to_str()?.split_once(".ko")?;
    matches!(rest, "" | ".xz" | ".zst" | ".gz").then(|| name.replace('-', "_"))
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let tool = match path.extension().and_then(|extension| extension.to_str()) {
        Some("xz") => XZ,
        Some("zst") => ZSTD,
        Some("gz") => GZIP,
        _ => return fs::read(path).with_context(|| format!("cannot read {}", path.display())),
    };
    let output = Command::new(tool.find()?)
        .arg("-dc")
        .arg(path)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", tool.name))?;
    if !output.status.success() {
        bail!("{} cannot unpack {}", tool.name, path.display());
    }
    Ok(output.stdout)
}

fn dependencies(module: &[u8]) -> anyhow::Result<Vec<String>> {
    let info = elf::section(module, ".modinfo")?.context("no .modinfo section")?;
    Ok(info
        .split(|&byte| byte == 0)
        .filter_map(|entry| entry.strip_prefix(b"depends="))
        .flat_map(|list| list.split(|&byte| byte == b','))
        .filter(|name| !name.is_empty())
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::scratch::Scratch;

    /// The smallest ELF file with a .modinfo section.
    fn module(info: &str) -> Vec<u8> {
        let names = b"\0.modinfo\0.shstrtab\0";
        let (info_at, names_at) = (64, 64 + info.len());
        let sections_at = names_at + names.len();
        let mut out = vec![0u8; 64];
        out[..6].copy_from_slice(b"\x7fELF\x02\x01");
        out[40..48].copy_from_slice(&(sections_at as u64).to_le_bytes());
        out[58..64].copy_from_slice(&[64, 0, 3, 0, 2, 0]);
        out.extend_from_slice(info.as_bytes());
        out.extend_from_slice(names);
        for (name, offset, length) in [
            (0u32, 0, 0),
            (1, info_at, info.len()),
            (10, names_at, names.len()),
        ] {
            let mut header = [0u8; 64];
            header[..4].copy_from_slice(&name.to_le_bytes());
            header[24..32].copy_from_slice(&(offset as u64).to_le_bytes());
            header[32..40].copy_from_slice(&(length as u64).to_le_bytes());
            out.extend_from_slice(&header);
        }
        out
    }

    fn kernel() -> Scratch {
        let scratch = Scratch::new().unwrap();
        let directory = scratch.path().join("kernel/fs/x");
        fs::create_dir_all(&directory).unwrap();
        for (name, info) in [
            (
                "ext4.ko",
                "license=GPL\0depends=jbd2,mb-cache,inbuilt\0name=ext4\0",
            ),
            ("jbd2.ko", "depends=\0"),
            ("mb-cache.ko", "depends=jbd2\0"),
            ("loop-a.ko", "depends=loop-b\0"),
            ("loop-b.ko", "depends=loop-a\0"),
        ] {
            fs::write(directory.join(name), module(info)).unwrap();
        }
        fs::write(
            scratch.path().join("modules.builtin"),
            "kernel/lib/inbuilt.ko\n",
        )
        .unwrap();
        scratch
    }

    fn names(wanted: &[&str]) -> Result<Vec<String>, String> {
        let kernel = kernel();
        let wanted: Vec<String> = wanted.iter().map(|&name| name.into()).collect();
        let modules = Modules::open(kernel.path()).unwrap();
        let closure = modules
            .closure(&wanted)
            .map_err(|error| error.to_string())?;
        Ok(closure.into_iter().map(|module| module.name).collect())
    }

    #[test]
    fn what_a_module_needs_comes_before_it_and_once() {
        assert_eq!(
            names(&["ext4", "jbd2"]).unwrap(),
            ["jbd2", "mb_cache", "ext4"]
        );
        assert_eq!(names(&["mb_cache"]).unwrap(), ["jbd2", "mb_cache"]);
    }

    #[test]
    fn a_module_that_is_built_in_needs_no_file() {
        assert!(names(&["inbuilt"]).unwrap().is_empty());
    }

    #[test]
    fn missing_and_circular_modules_are_named() {
        assert_eq!(names(&["vfat"]).unwrap_err(), "no kernel module vfat");
        let circle = "the modules that loop_a needs go in a circle";
        assert_eq!(names(&["loop-a"]).unwrap_err(), circle);
    }

    #[test]
    fn compressed_names_are_module_names() {
        for (path, name) in [
            ("a/nf-x.ko.xz", Some("nf_x")),
            ("a.ko.zst", Some("a")),
            ("a.ko.gz", Some("a")),
            ("a.ko", Some("a")),
            ("a.ko.sig", None),
            ("modules.dep", None),
        ] {
            assert_eq!(module_name(Path::new(path)).as_deref(), name, "{path}");
        }
    }
}
