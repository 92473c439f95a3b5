//! Owns: one thing a group of work needs, whether it is here, and how it would be installed.
//! Must not: know which group needs what.

use std::ffi::OsString;

use super::apt;
use crate::workspace;

#[derive(Debug)]
pub struct Need {
    pub name: String,
    pub purpose: &'static str,
    pub means: Means,
}

/// How a need is met.
#[derive(Debug)]
pub enum Means {
    /// It is here.
    Here,
    /// By apt, from the package that the need is named after.
    Apt,
    /// By `rustup component add`.
    Rustup,
    /// By `cargo install`, as the user.
    CargoInstall {
        args: Vec<String>,
        env: Vec<(String, OsString)>,
    },
    /// By Python's package installer, into an environment under the target directory.
    Python,
    /// Not by us; says what a person can do.
    None(String),
}

impl Need {
    pub fn here(name: &str, purpose: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            purpose,
            means: Means::Here,
        }
    }

    /// A Debian package, where no program or file tells whether what it brings is there.
    pub fn package(name: &str, purpose: &'static str) -> Self {
        let means = match apt::is_here() {
            true if apt::is_installed(name) => Means::Here,
            true => Self::from_apt(name),
            false => Means::None(format!(
                "install {name}, or what it is called on this system"
            )),
        };
        Self {
            name: name.to_owned(),
            purpose,
            means,
        }
    }

    /// Several, for the same purpose.
    pub fn packages(names: &[&str], purpose: &'static str) -> Vec<Self> {
        let need = |name: &&str| Self::package(name, purpose);
        names.iter().map(need).collect()
    }

    /// A program, whoever brought it, that Debian has in `package`.
    pub fn program(program: &str, package: &str, purpose: &'static str) -> Self {
        if workspace::find_program(program).is_some() {
            return Self::here(program, purpose);
        }
        let means = match apt::is_here() {
            true => Self::from_apt(package),
            false => Means::None(format!("install the program {program}")),
        };
        Self {
            name: package.to_owned(),
            purpose,
            means,
        }
    }

    fn from_apt(package: &str) -> Means {
        if apt::offered(&[package.to_owned()]).contains(package) {
            return Means::Apt;
        }
        Means::None(format!("apt does not offer {package}"))
    }

    pub fn is_missing(&self) -> bool {
        !matches!(self.means, Means::Here)
    }

    pub fn can_be_installed(&self) -> bool {
        !matches!(self.means, Means::None(_))
    }

    /// For the list of `setup --check`.
    pub fn state(&self) -> String {
        match &self.means {
            Means::Here => "here".to_owned(),
            Means::Apt => "missing; setup installs it with apt".to_owned(),
            Means::Rustup => "missing; setup adds it with rustup".to_owned(),
            Means::CargoInstall { .. } => "missing; setup builds it, 1 to 3 minutes".to_owned(),
            Means::Python => "missing; setup puts it into target/ocsf".to_owned(),
            Means::None(advice) => format!("MISSING: {advice}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_here_needs_no_package() {
        let need = Need::program("sh", "no-such-package", "runs scripts");
        assert_eq!((need.is_missing(), need.name.as_str()), (false, "sh"));
    }

    #[test]
    fn what_nobody_offers_cannot_be_installed_and_says_its_name() {
        let need = Need::program("no-such-program", "no-such-package", "nothing");
        assert!(need.is_missing() && !need.can_be_installed());
        assert!(need.state().contains("no-such-p"), "{}", need.state());
    }
}
