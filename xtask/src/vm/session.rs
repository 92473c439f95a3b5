//! Follows one guest from its first word to its last.
//!
//! Owns: what each frame means for the report, and how long to wait for the next one.
//! Must not: start or end machines. Invariant: output is kept per job up to
//! [`OUTPUT_BYTES_MAX`], and passed on live if wanted.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use anyhow::Context;

use audit_guest::frame::{Decoder, Ending, Entry, Frame, Kind};

use super::collect::Collector;
use super::report::JobReport;

/// How much of each of a job's streams is kept: a test run that prints more has gone wild.
const OUTPUT_BYTES_MAX: usize = 64 << 20;
/// How long after a job's own limit the guest may take to say that it was reached.
const LIMIT_GRACE: Duration = Duration::from_secs(30);
/// How long a guest may be silent between jobs and while it sends files.
const SILENCE_MAX: Duration = Duration::from_secs(60);

pub struct Session {
    decoder: Decoder,
    jobs: Vec<JobReport>,
    limits: Vec<Duration>,
    notes: Vec<String>,
    collector: Option<Collector>,
    echo: bool,
    release: Option<String>,
    done: bool,
    deadline: Instant,
}

/// What is left when a session is over.
pub struct Transcripts {
    pub jobs: Vec<JobReport>,
    pub notes: Vec<String>,
    pub files: Vec<std::path::PathBuf>,
}

impl Session {
    /// For jobs with these names and time limits; ready at the latest at `boot_deadline`.
    pub fn new(
        jobs: impl Iterator<Item = (String, Duration)>,
        collector: Option<Collector>,
        echo: bool,
        boot_deadline: Instant,
    ) -> Self {
        let (names, limits): (Vec<String>, Vec<Duration>) = jobs.unzip();
        let job = |name| JobReport {
            name,
            ..JobReport::default()
        };
        Self {
            decoder: Decoder::default(),
            jobs: names.into_iter().map(job).collect(),
            limits,
            notes: Vec::new(),
            collector,
            echo,
            release: None,
            done: false,
            deadline: boot_deadline,
        }
    }

    /// The kernel's release, once the guest is ready.
    pub fn release(&self) -> Option<&str> {
        self.release.as_deref()
    }

    /// Whether everything was sent.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// When to give up if nothing more comes.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    pub fn into_transcripts(self) -> Transcripts {
        let files = self
            .collector
            .map(Collector::into_files)
            .unwrap_or_default();
        Transcripts {
            jobs: self.jobs,
            notes: self.notes,
            files,
        }
    }

    /// Takes what the ring gave.
    pub fn take(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.decoder.push(bytes);
        while let Some(frame) = self
            .decoder
            .next_frame()
            .context("the guest speaks nonsense")?
        {
            self.frame(&frame)?;
        }
        Ok(())
    }

    fn frame(&mut self, frame: &Frame) -> anyhow::Result<()> {
        let number = frame.job as usize;
        let mut patience = SILENCE_MAX;
        match frame.kind {
            Kind::Booted => self.release = Some(String::from_utf8_lossy(&frame.payload).into()),
            Kind::Started => {
                let limit = self
                    .limits
                    .get(number)
                    .context("a job that nobody asked for")?;
                patience = *limit + LIMIT_GRACE;
            }
            // Output does not change how long the job may take.
            Kind::Stdout | Kind::Stderr => return self.output(frame),
            Kind::Note => self.note(frame),
            Kind::Ended => {
                let ending = Ending::decode(&frame.payload)?;
                let job = self
                    .jobs
                    .get_mut(number)
                    .context("a job that nobody asked for")?;
                job.exit = Some(ending.exit);
                job.took = Duration::from_micros(ending.run_us);
            }
            Kind::Entry => {
                let entry = Entry::decode(&frame.payload)?;
                self.collect(|collector| collector.entry(&entry));
            }
            Kind::Data => self.collect(|collector| collector.data(&frame.payload)),
            Kind::Done => self.done = true,
        }
        self.deadline = Instant::now() + patience;
        Ok(())
    }

    fn output(&mut self, frame: &Frame) -> anyhow::Result<()> {
        let job = self
            .jobs
            .get_mut(frame.job as usize)
            .context("a job that nobody asked for")?;
        let stdout = frame.kind == Kind::Stdout;
        let kept = if stdout {
            &mut job.stdout
        } else {
            &mut job.stderr
        };
        let room = OUTPUT_BYTES_MAX
            .saturating_sub(kept.len())
            .min(frame.payload.len());
        kept.extend_from_slice(&frame.payload[..room]);
        job.output_cut |= room < frame.payload.len();
        if self.echo {
            // Nobody listening any more is no reason to stop the guest.
            let _ = if stdout {
                let mut stream = io::stdout().lock();
                stream
                    .write_all(&frame.payload)
                    .and_then(|()| stream.flush())
            } else {
                io::stderr().lock().write_all(&frame.payload)
            };
        }
        Ok(())
    }

    fn note(&mut self, frame: &Frame) {
        let text = String::from_utf8_lossy(&frame.payload).into_owned();
        match self.jobs.get_mut(frame.job as usize) {
            Some(job) => job.notes.push(text),
            None => self.notes.push(text),
        }
    }

    fn collect(&mut self, action: impl FnOnce(&mut Collector) -> io::Result<()>) {
        let Some(collector) = &mut self.collector else {
            return;
        };
        if let Err(error) = action(collector) {
            // The tests' results are worth more than their files.
            self.notes
                .push(format!("/out did not come back whole: {error}"));
            self.collector = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit_guest::frame::{Exit, NO_JOB, encode};

    fn session() -> Session {
        let jobs = [("a", 5), ("b", 7)].map(|(name, s)| (name.into(), Duration::from_secs(s)));
        Session::new(jobs.into_iter(), None, false, Instant::now())
    }

    fn say(session: &mut Session, kind: Kind, job: u32, payload: &[u8]) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        encode(kind, job, payload, &mut bytes);
        session.take(&bytes)
    }

    #[test]
    fn each_job_gets_its_own_output_notes_and_ending() {
        let mut session = session();
        say(&mut session, Kind::Booted, NO_JOB, b"7.3.4").unwrap();
        say(&mut session, Kind::Note, NO_JOB, b"general").unwrap();
        let ending = Ending {
            exit: Exit::Code(3),
            run_us: 1_500_000,
        }
        .encode();
        for (kind, job, payload) in [
            (Kind::Started, 0, &b""[..]),
            (Kind::Stdout, 0, b"out"),
            (Kind::Stderr, 0, b"err"),
            (Kind::Stdout, 0, b"put"),
            (Kind::Note, 0, b"special"),
            (Kind::Ended, 0, &ending),
            (Kind::Started, 1, b""),
        ] {
            say(&mut session, kind, job, payload).unwrap();
        }
        assert_eq!(session.release(), Some("7.3.4"));
        assert!(!session.is_done());
        let left = session.deadline().duration_since(Instant::now());
        assert!(
            left > Duration::from_secs(36) && left <= Duration::from_secs(37),
            "{left:?}"
        );
        say(&mut session, Kind::Done, NO_JOB, b"").unwrap();
        assert!(session.is_done());
        let Transcripts { jobs, notes, files } = session.into_transcripts();
        assert_eq!(
            (&jobs[0].stdout[..], &jobs[0].stderr[..]),
            (&b"output"[..], &b"err"[..])
        );
        assert_eq!(jobs[0].exit, Some(Exit::Code(3)));
        assert_eq!(jobs[0].took, Duration::from_millis(1500));
        assert_eq!(jobs[0].notes, ["special"]);
        assert_eq!(jobs[1].exit, None);
        assert_eq!(notes, ["general"]);
        assert!(files.is_empty());
    }

    #[test]
    fn output_beyond_the_limit_is_cut_and_marked() {
        let mut session = session();
        session.jobs[0].stdout = vec![b'x'; OUTPUT_BYTES_MAX - 3];
        say(&mut session, Kind::Stdout, 0, b"12345").unwrap();
        assert_eq!(session.jobs[0].stdout.len(), OUTPUT_BYTES_MAX);
        assert!(session.jobs[0].output_cut && session.jobs[0].stdout.ends_with(b"x123"));
    }

    #[test]
    fn jobs_that_do_not_exist_are_refused() {
        for kind in [Kind::Started, Kind::Stdout, Kind::Ended] {
            let payload = Ending {
                exit: Exit::TimedOut,
                run_us: 0,
            }
            .encode();
            assert!(say(&mut session(), kind, 2, &payload).is_err(), "{kind:?}");
        }
    }
}
