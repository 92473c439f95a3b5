//! The command line of `cargo xtask vm`.
//!
//! Owns: its syntax and its help. Must not: look at the machine. Everything behind `--` is a
//! command for the guest and is not looked at.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use audit_guest::manifest::CgroupLayout;

use super::kernels::KNOWN_SERIES;
use super::programs::TIERS;
use super::suite::Placed;

pub const HELP: &str = include_str!("help.txt");

/// What `kernel.mechanism` can be.
const MECHANISMS: [&str; 4] = ["auto", "raw-tracepoint", "tracepoint", "trampoline"];

/// How long one program may take if nothing else is said.
const TIME_LIMIT: Duration = Duration::from_secs(900);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Args {
    pub action: Action,
    pub series: Vec<String>,
    /// Tiers to test, in order; empty if there is only a command.
    pub tiers: Vec<&'static str>,
    pub command: Vec<OsString>,
    pub filter: Option<String>,
    pub skip: Vec<String>,
    /// `kernel.mechanism`s to run the tiers with; empty: whatever the daemon chooses.
    pub mechanisms: Vec<String>,
    pub release: bool,
    pub time_limit: Duration,
    pub files: Vec<Placed>,
    pub programs: Vec<String>,
    pub modules: Vec<String>,
    pub cgroup: CgroupLayout,
    pub disk_mib: Option<u32>,
    pub memory_mib: u32,
    pub cpus: u32,
    pub icount: bool,
    pub env: Vec<OsString>,
    pub kernel_arguments: Vec<String>,
    pub out: Option<PathBuf>,
    pub console: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Run,
    List,
    Fetch,
    Help,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}\nSee `cargo xtask vm --help`.")]
pub struct ArgsError(String);

impl Args {
    fn new() -> Self {
        Self {
            action: Action::Run,
            series: vec![],
            tiers: vec![],
            command: vec![],
            filter: None,
            skip: vec![],
            mechanisms: vec![],
            release: false,
            time_limit: TIME_LIMIT,
            files: vec![],
            programs: vec![],
            modules: vec![],
            cgroup: CgroupLayout::V2,
            disk_mib: None,
            memory_mib: 2048,
            cpus: 2,
            icount: false,
            env: vec![],
            kernel_arguments: vec![],
            out: None,
            console: None,
        }
    }

    pub fn parse(args: Vec<String>) -> Result<Self, ArgsError> {
        let mut parsed = Self::new();
        let mut rest = args.into_iter();
        while let Some(arg) = rest.next() {
            if arg == "--" {
                parsed.command = rest.by_ref().map(OsString::from).collect();
                if parsed.command.is_empty() {
                    return Err(ArgsError("no command behind `--`".into()));
                }
                break;
            }
            if parsed.switch(&arg) {
                continue;
            }
            let (name, value) = match arg.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (arg, rest.next()),
            };
            let value = Value { name, value };
            parsed.option(value)?;
        }
        parsed.complete()
    }

    fn switch(&mut self, arg: &str) -> bool {
        match arg {
            "--release" => self.release = true,
            "--icount" => self.icount = true,
            "--list" => self.action = Action::List,
            "--fetch" => self.action = Action::Fetch,
            "--help" | "-h" => self.action = Action::Help,
            _ => return false,
        }
        true
    }

    fn option(&mut self, value: Value) -> Result<(), ArgsError> {
        match value.name.as_str() {
            "--kernel" => self.series.extend(value.series()?),
            "--test" => self.tiers = value.tiers()?,
            "--filter" => self.filter = Some(value.text()?),
            "--skip" => self.skip.push(value.text()?),
            "--mechanism" => self.mechanisms.extend(value.mechanisms()?),
            "--time" => self.time_limit = Duration::from_secs(value.number()?.into()),
            "--file" => self.files.push(value.placed()?),
            "--program" => self.programs.push(value.text()?),
            "--module" => self.modules.push(value.text()?),
            "--cgroup" => {
                let text = value.text()?;
                let layout = CgroupLayout::from_name(&text);
                self.cgroup = layout.ok_or_else(|| value.wrong(&text, "v2, hybrid or v1"))?;
            }
            "--disk" => self.disk_mib = Some(value.number()?),
            "--memory" => self.memory_mib = value.number()?,
            "--cpus" => self.cpus = value.number()?,
            "--env" => {
                let text = value.text()?;
                if text.find('=').is_none_or(|at| at == 0) {
                    return Err(value.wrong(&text, "KEY=VALUE"));
                }
                self.env.push(text.into());
            }
            "--append" => self.kernel_arguments.push(value.text()?),
            "--out" => self.out = Some(value.text()?.into()),
            "--console" => self.console = Some(value.text()?.into()),
            name => return Err(ArgsError(format!("unknown option `{name}`"))),
        }
        Ok(())
    }

    fn complete(mut self) -> Result<Self, ArgsError> {
        if matches!(self.action, Action::Run | Action::Fetch) && self.series.is_empty() {
            return Err(ArgsError("which kernel? Say `--kernel SERIES`".into()));
        }
        if self.command.is_empty() && self.tiers.is_empty() {
            self.tiers = TIERS.to_vec();
        }
        Ok(self)
    }
}

/// An option and what was given with it.
struct Value {
    name: String,
    value: Option<String>,
}

impl Value {
    fn text(&self) -> Result<String, ArgsError> {
        let text = self.value.clone().filter(|text| !text.is_empty());
        text.ok_or_else(|| ArgsError(format!("`{}` wants a value", self.name)))
    }

    fn number(&self) -> Result<u32, ArgsError> {
        let text = self.text()?;
        let number = text.parse().ok().filter(|&number| number > 0);
        number.ok_or_else(|| self.wrong(&text, "a number above 0"))
    }

    fn series(&self) -> Result<Vec<String>, ArgsError> {
        let text = self.text()?;
        if text == "all" {
            return Ok(KNOWN_SERIES.map(String::from).to_vec());
        }
        Ok(text
            .split(',')
            .filter(|part| !part.is_empty())
            .map(String::from)
            .collect())
    }

    fn tiers(&self) -> Result<Vec<&'static str>, ArgsError> {
        let text = self.text()?;
        if text == "all" {
            return Ok(TIERS.to_vec());
        }
        let tier = TIERS.into_iter().find(|tier| *tier == text);
        tier.map(|tier| vec![tier])
            .ok_or_else(|| self.wrong(&text, "kernel, e2e or all"))
    }

    fn mechanisms(&self) -> Result<Vec<String>, ArgsError> {
        let text = self.text()?;
        let known = |name: &str| MECHANISMS.contains(&name).then(|| name.to_owned());
        let names: Option<Vec<String>> = text.split(',').map(known).collect();
        names.ok_or_else(|| self.wrong(&text, "tracepoint, trampoline or auto"))
    }

    /// `SRC:PATH`, or `SRC` for the same path in the guest.
    fn placed(&self) -> Result<Placed, ArgsError> {
        let text = self.text()?;
        let (source, path) = text.split_once(':').unwrap_or((&text, &text));
        if source.is_empty() || !path.starts_with('/') {
            return Err(self.wrong(&text, "SRC:PATH, where PATH is absolute"));
        }
        Ok(Placed {
            source: source.into(),
            path: path.into(),
        })
    }

    fn wrong(&self, text: &str, wanted: &str) -> ArgsError {
        ArgsError(format!("`{} {text}`: {wanted} was expected", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, String> {
        let args = line.split_whitespace().map(String::from).collect();
        Args::parse(args).map_err(|error| error.0)
    }

    #[test]
    fn a_full_line_is_understood() {
        let args = parse(
            "--kernel 5.10,7.3 --test kernel --filter exec --skip a --skip b --release \
             --mechanism tracepoint,auto --time=60 --file ./x:/opt/x --file /etc/hosts --program bpftool --module ext4 \
             --cgroup hybrid --disk 64 --memory 512 --cpus 1 --icount --env A=b=c --append lsm=bpf \
             --out o --console=c -- sh -c --kernel",
        );
        let placed = |source: &str, path: &str| Placed {
            source: source.into(),
            path: path.into(),
        };
        assert_eq!(
            args,
            Ok(Args {
                action: Action::Run,
                series: vec!["5.10".into(), "7.3".into()],
                tiers: vec!["kernel"],
                command: vec!["sh".into(), "-c".into(), "--kernel".into()],
                filter: Some("exec".into()),
                skip: vec!["a".into(), "b".into()],
                mechanisms: vec!["tracepoint".into(), "auto".into()],
                release: true,
                time_limit: Duration::from_secs(60),
                files: vec![placed("./x", "/opt/x"), placed("/etc/hosts", "/etc/hosts")],
                programs: vec!["bpftool".into()],
                modules: vec!["ext4".into()],
                cgroup: CgroupLayout::Hybrid,
                disk_mib: Some(64),
                memory_mib: 512,
                cpus: 1,
                icount: true,
                env: vec!["A=b=c".into()],
                kernel_arguments: vec!["lsm=bpf".into()],
                out: Some("o".into()),
                console: Some("c".into()),
            })
        );
    }

    #[test]
    fn without_a_command_all_tiers_are_tested() {
        assert_eq!(parse("--kernel 5.10").unwrap().tiers, TIERS);
        assert_eq!(parse("--kernel 5.10 -- true").unwrap().tiers, [""; 0]);
        assert_eq!(
            parse("--kernel 5.10 --test e2e -- true").unwrap().tiers,
            ["e2e"]
        );
        assert_eq!(parse("--kernel all").unwrap().series, KNOWN_SERIES);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, message) in [
            ("", "which kernel? Say `--kernel SERIES`"),
            ("--kernel", "`--kernel` wants a value"),
            ("--kernel=", "`--kernel` wants a value"),
            ("--kernel 7.3 --", "no command behind `--`"),
            ("--kernel 7.3 --tests x", "unknown option `--tests`"),
            ("--kernel 7.3 true", "unknown option `true`"),
            (
                "--kernel 7.3 --test unit",
                "`--test unit`: kernel, e2e or all was expected",
            ),
            (
                "--kernel 7.3 --cpus 0",
                "`--cpus 0`: a number above 0 was expected",
            ),
            (
                "--kernel 7.3 --mechanism kprobe",
                "`--mechanism kprobe`: tracepoint, trampoline or auto was expected",
            ),
            ("--kernel 7.3 --env x", "`--env x`: KEY=VALUE was expected"),
            (
                "--kernel 7.3 --cgroup v3",
                "`--cgroup v3`: v2, hybrid or v1 was expected",
            ),
            (
                "--kernel 7.3 --file a:b",
                "`--file a:b`: SRC:PATH, where PATH is absolute was expected",
            ),
        ] {
            assert_eq!(parse(line).unwrap_err(), message, "{line}");
        }
    }

    #[test]
    fn the_other_actions_need_no_kernel() {
        assert_eq!(parse("--help").unwrap().action, Action::Help);
        assert_eq!(parse("--list").unwrap().action, Action::List);
        assert!(parse("--fetch").is_err());
        assert_eq!(parse("--fetch --kernel 6.1").unwrap().action, Action::Fetch);
    }

    #[test]
    fn the_help_names_every_option_and_fits_a_screen() {
        for option in [
            "--kernel",
            "--test",
            "--filter",
            "--skip",
            "--mechanism",
            "--release",
            "--time",
            "--file",
            "--program",
            "--module",
            "--cgroup",
            "--disk",
            "--memory",
            "--cpus",
            "--env",
            "--append",
            "--out",
            "--console",
            "--list",
            "--fetch",
        ] {
            assert!(HELP.contains(option), "{option}");
        }
        assert!(HELP.lines().all(|line| line.len() <= 90));
    }
}
