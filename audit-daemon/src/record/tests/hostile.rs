//! Views of whatever a process could bring about: any bytes anywhere, and every way of not
//! knowing, drawn from a seed.

use super::super::view::*;

/// SplitMix64: small, and the same everywhere.
pub struct Draw(pub u64);

impl Draw {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Mostly short, sometimes beyond every limit.
    pub fn bytes(&mut self, length_max: u64) -> Vec<u8> {
        let length = if self.one_in(40) {
            length_max
        } else {
            40.min(length_max)
        };
        let length = self.below(length + 1) as usize;
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            match self.below(12) {
                0..6 => bytes.extend_from_slice(b"usr/bin"),
                6 => bytes.push(b' ' + self.below(95) as u8),
                7 => bytes.push(1 + self.below(255) as u8),
                8 => bytes.extend_from_slice("é€😀".as_bytes()),
                9 => bytes.extend_from_slice("\u{202e}\u{feff}\u{85}\u{2067}".as_bytes()),
                10 => bytes.extend_from_slice(b"'\"\\\n\x1b[2J"),
                _ => bytes.push(b'/'),
            }
        }
        bytes
    }

    pub fn string(&mut self, length_max: u64) -> String {
        String::from_utf8_lossy(&self.bytes(length_max)).into_owned()
    }

    /// Arguments with their NULs.
    pub fn argv(&mut self, length_max: u64) -> Vec<u8> {
        let mut argv = Vec::new();
        let arguments = if self.one_in(30) { 200 } else { 6 };
        for _ in 0..self.below(arguments) {
            argv.extend(self.bytes(length_max).into_iter().filter(|&b| b != 0));
            argv.push(0);
        }
        argv
    }

    pub fn fact<T>(&mut self, value: T) -> Fact<T> {
        match self.below(6) {
            0 => Fact::Absent,
            1 => Fact::Pending,
            2 => Fact::Unknown,
            _ => Fact::Known(value),
        }
    }

    fn text<'a>(&mut self, bytes: &'a [u8], marks: &'a [Mark<'a>]) -> Text<'a> {
        let cut_from = self
            .one_in(8)
            .then(|| bytes.len() as u64 + self.below(100_000));
        let sources = [
            Source::Kernel,
            Source::Userspace,
            Source::AsGiven,
            Source::Proc,
        ];
        let source = if self.one_in(6) {
            sources[self.below(4) as usize]
        } else {
            Source::Kernel
        };
        let marks = if self.one_in(8) { marks } else { &[] };
        Text {
            bytes,
            cut_from,
            marks,
            source,
        }
    }

    fn inode(&mut self) -> Inode {
        let mode = (self.below(16) as u32) << 12 | 0o755;
        Inode {
            major: self.next() as u32,
            minor: 1,
            number: self.next(),
            mode,
        }
    }

    fn file<'a>(&mut self, path: &'a [u8]) -> FileView<'a> {
        let inode = self.inode();
        FileView {
            path: self.text(path, &[]),
            inode: self.fact(inode),
            links: self.below(3) as u32,
            is_deleted: self.one_in(5),
            permissions: self.one_in(3).then_some(0o4755),
            details: None,
            kind: 0,
        }
    }

    fn owner<'a>(&mut self, name: &'a str) -> Owner<'a> {
        let id = |draw: &mut Draw| {
            if draw.one_in(2) {
                0
            } else {
                draw.next() as u32
            }
        };
        let caps = [0, 0x2000, 0x1ff_ffff_ffff][self.below(3) as usize];
        Owner {
            uid: id(self),
            gid: id(self),
            euid: id(self),
            egid: id(self),
            fsuid: self.one_in(2).then(|| self.next() as u32),
            user_name: self.fact(name),
            group_name: self.fact(name),
            caps: self.one_in(2).then_some(Caps {
                effective: caps,
                full: 0x1ff_ffff_ffff,
            }),
        }
    }

    fn container<'a>(&mut self, name: &'a str) -> ContainerView<'a> {
        let image = Image {
            digest: "sha256:00",
            name: self.one_in(2).then_some(name),
        };
        ContainerView {
            uid: name,
            name: self.fact(name),
            image: self.fact(image),
            runtime: self.fact("docker"),
            pod_uid: self
                .one_in(2)
                .then_some("6b1f7a52-0c1e-4f0a-9d57-2f1d2f6c8a10"),
            pod: self.fact(Pod {
                name,
                namespace: name,
            }),
        }
    }

    fn id(&mut self) -> ProcessId {
        let start_ns = (!self.one_in(10)).then(|| self.next());
        ProcessId {
            pid: self.next() as u32 >> 10,
            start_ns,
        }
    }

    fn privileges(&mut self) -> Privileges<'static> {
        const GROUPS: Groups<'static> = Groups {
            first: &[4, 24, u32::MAX],
            count: 3,
        };
        let sets = (0x3000, u64::MAX);
        Privileges {
            ambient: self.one_in(3).then_some(sets),
            effective: self.one_in(3).then_some(sets),
            permitted: self.one_in(3).then_some(sets),
            groups: self.one_in(3).then_some(GROUPS),
            groups_before: self.one_in(3).then_some(Groups { count: 9, ..GROUPS }),
            user_ns: self.one_in(3).then_some(u32::MAX),
        }
    }

    fn exec_traits<'a>(&mut self, wild: &'a Wild) -> ExecTraits<'a> {
        let gain = Gain {
            setuid: self.one_in(5),
            setgid: self.one_in(5),
            file_caps: self.one_in(5),
        };
        let kinds = [Fileless::Memfd, Fileless::Deleted, Fileless::Tmpfs];
        let fileless = self.one_in(6).then(|| kinds[self.below(3) as usize]);
        let inode = self.inode();
        let path = self.text(&wild.script, &[]);
        let script = Script {
            path,
            inode: self.fact(inode),
        };
        let before = Before {
            euid: self.below(2) as u32,
            cap_effective: self.below(3),
        };
        ExecTraits {
            gain,
            fileless,
            script: self
                .one_in(4)
                .then_some(script)
                .map_or(Fact::Absent, Fact::Known),
            before: self.one_in(3).then_some(before),
        }
    }
}

/// What the views below borrow.
pub struct Wild {
    pub argv: Vec<u8>,
    pub path: Vec<u8>,
    pub name: Vec<u8>,
    pub directory: Vec<u8>,
    pub script: Vec<u8>,
    pub word: String,
    pub environment: Vec<(Vec<u8>, Vec<u8>)>,
    pub labels: Vec<String>,
    pub rules: Vec<(String, u64)>,
}

impl Wild {
    pub fn new(draw: &mut Draw) -> Self {
        let names: [&[u8]; 4] = [b"LD_PRELOAD", b"ENV", b"NODE_OPTIONS", b"\xff"];
        let variables = if draw.one_in(20) { 20 } else { 3 };
        Wild {
            argv: draw.argv(if draw.0 & 31 == 0 { 9_000 } else { 60 }),
            path: draw.bytes(5_000),
            name: draw.bytes(300),
            directory: draw.bytes(5_000),
            script: draw.bytes(5_000),
            word: draw.string(300),
            environment: (0..draw.below(variables))
                .map(|_| (names[draw.below(4) as usize].to_vec(), draw.bytes(2_000)))
                .collect(),
            labels: (0..draw.below(5)).map(|_| draw.string(300)).collect(),
            rules: (0..draw.below(80))
                .map(|_| (draw.string(100), draw.next()))
                .collect(),
        }
    }

    /// Lends a process with everything, for as long as `use_it` runs.
    pub fn process(&self, draw: &mut Draw, use_it: &mut dyn FnMut(&mut Draw, ProcessView)) {
        let marks: Vec<Mark> = self
            .rules
            .iter()
            .map(|(rule, length)| Mark {
                rule,
                length: *length,
            })
            .collect();
        let environment: Vec<Variable> = self
            .environment
            .iter()
            .map(|(name, value)| Variable {
                name,
                value: draw.text(value, &marks),
            })
            .collect();
        let ancestry: Vec<Ancestor> = (0..draw.below(12))
            .map(|_| Ancestor {
                id: draw.id(),
                name: draw.fact(&self.name),
            })
            .collect();
        let parent = ProcessView {
            id: draw.id(),
            name: draw.fact(&self.name),
            path: draw.fact(Text::whole(&self.path)),
            ..ProcessView::default()
        };
        let (path, file) = (draw.text(&self.path, &[]), draw.file(&self.path));
        let (argv, directory) = (
            draw.text(&self.argv, &marks),
            draw.text(&self.directory, &[]),
        );
        let (owner, container) = (draw.owner(&self.word), draw.container(&self.word));
        let process = ProcessView {
            id: draw.id(),
            name: draw.fact(&self.name),
            path: draw.fact(path),
            file: draw.fact(file),
            command: draw.fact(argv),
            directory: draw.fact(directory),
            environment: &environment,
            environment_incomplete: draw.one_in(6),
            owner: draw.fact(owner),
            container: draw.fact(container),
            namespace_pid: draw.one_in(4).then_some(1),
            parent: draw.one_in(2).then_some(&parent),
            ancestry: &ancestry,
            exec: draw.exec_traits(self),
            privileges: draw.privileges(),
            pid_source: Source::Kernel,
        };
        use_it(draw, process);
    }

    pub fn meta(&self, draw: &mut Draw) -> Meta<'_> {
        let lane = if draw.one_in(2) {
            Lane::Bulk
        } else {
            Lane::Critical
        };
        let event = EventUid {
            lane,
            cpu: draw.below(512) as u32,
            strand: draw.below(3) as u8,
            number: draw.next(),
        };
        Meta {
            utc_ns: draw.next() as i64,
            sequence: draw.next() >> 11,
            event: Some(event),
            correlation: draw.one_in(5).then_some("9f1c2b7a40d3.7"),
            labels: &self.labels,
        }
    }

    pub fn actor<'a>(&'a self, draw: &mut Draw, process: &'a ProcessView<'a>) -> ActorView<'a> {
        let id = |draw: &mut Draw| {
            if draw.one_in(3) {
                UNSET
            } else {
                draw.below(3_000) as u32
            }
        };
        ActorView {
            process: Some(process),
            login_uid: id(draw),
            login_name: draw.fact(&self.word),
            session: id(draw),
            session_ip: draw.one_in(3).then_some("2001:db8::7"),
        }
    }
}
