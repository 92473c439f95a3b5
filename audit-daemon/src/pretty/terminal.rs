//! What the terminal can do: its width, and whether colour is wanted.
//!
//! OWNS: the questions to ioctl and environment. MUST NOT: write to the terminal.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::fd::AsFd;

use super::{PrettyOptions, WIDTH_UNLIMITED};

/// When a terminal does not tell.
pub const WIDTH_DEFAULT: usize = 80;
/// Wider claims (a wrong ioctl, a joke in COLUMNS) are cut to this.
const WIDTH_MAX: usize = 4096;

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColourChoice {
    #[default]
    Auto,
    Always,
    Never,
}

/// Options for lines that go to standard output.
pub fn stdout_options(choice: ColourChoice, utc: bool, verbose: bool) -> PrettyOptions {
    let stdout = std::io::stdout();
    let env = |name: &str| std::env::var_os(name);
    PrettyOptions {
        width: width_of(&stdout, env),
        colour: wants_colour(choice, stdout.is_terminal(), env),
        utc,
        verbose,
    }
}

/// Width of a terminal. COLUMNS wins (whoever exports it means it), then the terminal's own answer,
/// then [`WIDTH_DEFAULT`]. What is no terminal has no width: pipes get whole lines.
pub fn width_of(
    output: &(impl AsFd + IsTerminal),
    env: impl Fn(&str) -> Option<OsString>,
) -> usize {
    let asked = env("COLUMNS").and_then(|text| text.to_str()?.trim().parse::<usize>().ok());
    if let Some(columns) = asked.filter(|&columns| columns > 0) {
        return columns.min(WIDTH_MAX);
    }
    if !output.is_terminal() {
        return WIDTH_UNLIMITED;
    }
    match rustix::termios::tcgetwinsize(output) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col).min(WIDTH_MAX),
        _ => WIDTH_DEFAULT,
    }
}

/// Colour is on when asked for, or on a terminal that has it and no `NO_COLOR` in the way.
pub fn wants_colour(
    choice: ColourChoice,
    is_terminal: bool,
    env: impl Fn(&str) -> Option<OsString>,
) -> bool {
    match choice {
        ColourChoice::Always => true,
        ColourChoice::Never => false,
        ColourChoice::Auto => {
            let forbidden = env("NO_COLOR").is_some_and(|value| !value.is_empty());
            let dumb = env("TERM").is_some_and(|term| term == "dumb");
            is_terminal && !forbidden && !dumb
        }
    }
}
