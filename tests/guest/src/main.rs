//! The guest's first process: makes a bare kernel look like a small server, runs the jobs of
//! the manifest one after the other, sends back what they wrote, and powers off.
//!
//! Owns: the order of these steps, and the rule that nothing ends silently: what cannot be
//! set up is a note to the runner, and if not even the channel can be had, a line on the
//! kernel's console.
//!
//! Must not: decide whether a job passed, or know what the jobs are.
//!
//! It is process 1: it never exits (the kernel would panic) and reaps every orphan.

mod channel;
mod collect;
mod jobs;
mod mounts;
mod survivors;
mod system;

use std::fs;
use std::path::Path;

use audit_guest::frame::{Kind, NO_JOB};
use audit_guest::manifest::{MANIFEST_PATH, Manifest, OUT_PATH};

use channel::Channel;

fn main() {
    if let Err(message) = serve() {
        // The console is the only voice left; the runner shows its last lines.
        eprintln!("audit-guest: {message}");
    }
    system::power_off();
}

fn serve() -> Result<(), String> {
    let mut notes = mounts::own_root();
    notes.extend(mounts::base());
    let mut channel = Channel::open().map_err(|error| format!("no channel: {error}"))?;
    let text = fs::read_to_string(MANIFEST_PATH).map_err(|error| error.to_string())?;
    let manifest = Manifest::decode(&text).map_err(|error| error.to_string())?;

    notes.extend(prepare(&manifest));
    channel.send(Kind::Booted, NO_JOB, system::kernel_release().as_bytes());
    for note in &notes {
        channel.note(NO_JOB, note);
    }
    let children = jobs::ChildSignal::new().map_err(|error| format!("signalfd: {error}"))?;
    for (number, job) in manifest.jobs.iter().enumerate() {
        jobs::run(job, number as u32, &children, &mut channel);
    }
    collect::send(Path::new(OUT_PATH), &mut channel);
    channel.send(Kind::Done, NO_JOB, b"");
    Ok(())
}

/// Everything that the manifest can ask for before the first job; gives what did not work.
fn prepare(manifest: &Manifest) -> Vec<String> {
    let mut notes = mounts::cgroups(manifest.cgroup);
    let mut attempt = |what: String, result: std::io::Result<()>| {
        if let Err(error) = result {
            notes.push(format!("{what}: {error}"));
        }
    };
    attempt(
        format!("hostname {}", manifest.hostname),
        system::set_hostname(&manifest.hostname),
    );
    attempt("lo up".into(), system::loopback_up());
    for module in &manifest.modules {
        attempt(
            format!("module {}", module.display()),
            system::load_module(Path::new(module)),
        );
    }
    if let Some(disk) = &manifest.disk {
        attempt(
            format!("disk {}", disk.display()),
            mounts::disk(Path::new(disk)),
        );
    }
    notes
}
