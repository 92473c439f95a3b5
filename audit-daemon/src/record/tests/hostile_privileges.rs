//! Acts on privileges of any process, with names that no terminal should see.

use super::super::view::*;
use super::super::*;
use super::hostile::Draw;

pub fn privileges(
    draw: &mut Draw,
    meta: Meta,
    actor: ActorView,
    process: ProcessView,
    use_it: &mut dyn FnMut(&PrivilegeView),
) {
    let name = Text::whole(b"a\x1b[2J\xff");
    let kernel = |object| {
        PrivilegeAct::Kernel(KernelAct {
            object,
            name,
            kind: Some("tracing"),
            path: Fact::Known(name),
            system_call: "bpf",
            change: Some((name, Text::whole(b"\xe2"))),
            clock: Some(Clock {
                from_utc_ns: i64::MAX,
                to_utc_ns: i64::MIN,
            }),
        })
    };
    let acts = [
        PrivilegeAct::Ids(Ids::Groups, process),
        PrivilegeAct::Capabilities(process, true),
        PrivilegeAct::Process(Reach::Signal, process),
        PrivilegeAct::Memory {
            writes: draw.one_in(2),
            process,
            base: Some(u64::MAX),
            bytes: Some(u64::MAX),
        },
        PrivilegeAct::Module {
            loads: draw.one_in(2),
            module: Module::Name(name),
        },
        kernel(KernelObject::EnteredNamespaces),
        kernel(KernelObject::AttachedProgram),
        kernel(KernelObject::HostName),
    ];
    for act in acts {
        let view = PrivilegeView {
            meta,
            actor,
            act,
            detail: None,
            errno: draw.below(40) as i32,
            without_result: draw.one_in(4),
            folded: draw.one_in(3).then_some(Folded {
                count: u64::MAX,
                first_utc_ns: 0,
                last_utc_ns: 1,
            }),
        };
        use_it(&view);
    }
}
