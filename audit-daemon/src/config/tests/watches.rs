//! `[[watch]]`: what is read, and what is printed for what is wrong.

use super::super::{Config, Exception, Operation, Scope, Watch};
use super::{Files, check_errors, pretty_assert};

/// A watch of the fewest words.
fn plain(name: &str, path: &str) -> String {
    format!("[[watch]]\nname = '{name}'\npaths = ['{path}']\n")
}

fn watches(content: &str) -> Vec<Watch> {
    Files::main(content).config().watch
}

#[test]
fn every_key_of_a_watch_is_read() {
    let found = watches(
        r#"
[[watch]]
name = "payroll"
paths = ["/srv/payroll/**", '/home/*/.ssh/{authorized_keys,\x72c}']
operations = ["read", "mount"]
exclude = [
    { paths = ["/srv/payroll/tmp/**"] },
    { executables = ["/usr/sbin/backupd", "/usr/bin/["], users = ["backup", "0"], containers = ["web"] },
]
labels = { zone = "pci", team = "payments: x" }
scope = "all"
"#,
    );
    let texts = |list: &[&str]| {
        list.iter()
            .map(|text| (*text).to_owned())
            .collect::<Vec<_>>()
    };
    let expect = Watch {
        name: "payroll".to_owned(),
        paths: texts(&["/srv/payroll/**", "/home/*/.ssh/{authorized_keys,\\x72c}"]),
        operations: vec![Operation::Read, Operation::Mount],
        exclude: vec![
            Exception {
                paths: texts(&["/srv/payroll/tmp/**"]),
                ..Exception::default()
            },
            Exception {
                paths: Vec::new(),
                executables: texts(&["/usr/sbin/backupd", "/usr/bin/["]),
                users: texts(&["backup", "0"]),
                containers: texts(&["web"]),
            },
        ],
        labels: texts(&["team:payments: x", "zone:pci"]),
        scope: Scope::All,
    };
    assert_eq!(found, [expect]);
}

#[test]
fn what_is_left_out_has_its_default() {
    let found = watches(&plain("a_b-0", "/etc/passwd"));
    assert_eq!(found.len(), 1);
    let words: Vec<_> = found[0].operations.iter().map(|one| one.as_str()).collect();
    assert_eq!(
        words,
        [
            "write",
            "create",
            "delete",
            "rename",
            "link",
            "attributes",
            "mount"
        ]
    );
    assert_eq!((found[0].exclude.len(), found[0].labels.len()), (0, 0));
    assert_eq!(found[0].scope, Scope::Host);
    assert_eq!(Config::default().watch, []);
}

#[test]
fn watches_of_all_files_add_up_in_their_order() {
    let files = Files::main(plain("main", "/m"))
        .with("conf.d/b.toml", plain("b", "/b") + &plain("b2", "/b"))
        .with("conf.d/a.toml", plain("a", "/a"));
    let found = files.config().watch;
    let names: Vec<_> = found.iter().map(|watch| watch.name.as_str()).collect();
    assert_eq!(names, ["main", "a", "b", "b2"]);
}

#[test]
fn names_are_unique_over_all_files() {
    let files = Files::main(plain("a", "/a")).with("conf.d/x.toml", plain("a", "/b"));
    pretty_assert(
        &files.errors(),
        "\
error: [[watch]] \"a\" stands twice
  --> /etc/audit-daemon/conf.d/x.toml:1:1
   |
 1 | [[watch]]
   | ^^^^^^^^^ give each watch a name of its own
Nothing was started; the running daemon keeps its old config.",
    );
}

#[test]
fn empty_watches_are_refused() {
    check_errors(
        "[[watch]]\n[[watch]]\nname = 'a'\npaths = []\noperations = []\nexclude = [{}, { users = [] }]\n",
        "
error: [[watch]] has no name
  --> /etc/audit-daemon/config.toml:1:1
   |
 1 | [[watch]]
   | ^^^^^^^^^ add name = \"…\", it stands in the records

error: [[watch]] watches nothing
  --> /etc/audit-daemon/config.toml:1:1
   |
 1 | [[watch]]
   | ^^^^^^^^^ add paths = [\"/…\"]

error: `paths` in [[watch]] \"a\" is empty
  --> /etc/audit-daemon/config.toml:4:9
   |
 4 | paths = []
   |         ^^ name at least one

error: `operations` in [[watch]] \"a\" is empty
  --> /etc/audit-daemon/config.toml:5:14
   |
 5 | operations = []
   |              ^^ name at least one

error: [[watch[1].exclude]] has no condition
  --> /etc/audit-daemon/config.toml:6:12
   |
 6 | exclude = [{}, { users = [] }]
   |            ^^ add paths, executables, users or containers

error: `users` in [[watch[1].exclude]] is empty
  --> /etc/audit-daemon/config.toml:6:26
   |
 6 | exclude = [{}, { users = [] }]
   |                          ^^ name at least one

6 errors. Nothing was started; the running daemon keeps its old config.",
    );
}

#[test]
fn each_wrong_path_is_shown_in_its_line() {
    check_errors(
        "[[watch]]\nname = 'a'\npaths = [\n 'srv/x',\n '/srv/../x',\n '/srv/x/',\n '/srv/x**',\n '/srv/{x', '/a', '/a',\n 5,\n]\n",
        "
error: `paths` in [[watch]] \"a\" cannot be \"srv/x\"
  --> /etc/audit-daemon/config.toml:4:2
   |
 4 |  'srv/x',
   |  ^^^^^^^ expected a path that begins with /

error: `paths` in [[watch]] \"a\" cannot be \"/srv/../x\"
  --> /etc/audit-daemon/config.toml:5:2
   |
 5 |  '/srv/../x',
   |  ^^^^^^^^^^^ write the path out: components . and .. are not followed

error: `paths` in [[watch]] \"a\" cannot be \"/srv/x/\"
  --> /etc/audit-daemon/config.toml:6:2
   |
 6 |  '/srv/x/',
   |  ^^^^^^^^^ take off the last slash for the directory itself, add ** for what is below it

error: `paths` in [[watch]] \"a\" cannot be \"/srv/x**\"
  --> /etc/audit-daemon/config.toml:7:2
   |
 7 |  '/srv/x**',
   |  ^^^^^^^^^^ ** stands for whole directories: write it alone between slashes, or a single *

error: `paths` in [[watch]] \"a\" cannot be \"/srv/{x\"
  --> /etc/audit-daemon/config.toml:8:2
   |
 8 |  '/srv/{x', '/a', '/a',
   |  ^^^^^^^^^ { is not closed: add }, or write \\{ for the character

error: `paths` in [[watch]] \"a\" names this twice
  --> /etc/audit-daemon/config.toml:8:19
   |
 8 |  '/srv/{x', '/a', '/a',
   |                   ^^^^ take one of them out

error: `paths` in [[watch]] \"a\" must be a string, not an integer
  --> /etc/audit-daemon/config.toml:9:2
   |
 9 |  5,
   |  ^ expected a string in quotes

7 errors. Nothing was started; the running daemon keeps its old config.",
    );
}

#[test]
fn mistyped_words_are_corrected() {
    check_errors(
        "[[watch]]\nname = 'A'\npaths = ['/a']\noperations = ['wirte', 'sit', 'sit']\nscope = 'hosts'\nlables = {}\nexclude = [{ path = ['/a/b'] }]\n[[wacth]]\n",
        "
error: `name` in [[watch]] \"A\" cannot be \"A\"
  --> /etc/audit-daemon/config.toml:2:8
   |
 2 | name = 'A'
   |        ^^^ expected 1 to 64 of a-z, 0-9, _ and -

error: `operations` in [[watch]] \"A\" cannot be \"wirte\"
  --> /etc/audit-daemon/config.toml:4:15
   |
 4 | operations = ['wirte', 'sit', 'sit']
   |               ^^^^^^^ did you mean \"write\"?

error: `operations` in [[watch]] \"A\" cannot be \"sit\"
  --> /etc/audit-daemon/config.toml:4:24
   |
 4 | operations = ['wirte', 'sit', 'sit']
   |                        ^^^^^ expected \"read\" or \"write\" or \"create\" or \"delete\" or \"rename\" or \"link\" or \"attributes\" or \"mount\" or \"times\"

error: `operations` in [[watch]] \"A\" names this twice
  --> /etc/audit-daemon/config.toml:4:31
   |
 4 | operations = ['wirte', 'sit', 'sit']
   |                               ^^^^^ take one of them out

error: `scope` in [[watch]] \"A\" cannot be \"hosts\"
  --> /etc/audit-daemon/config.toml:5:9
   |
 5 | scope = 'hosts'
   |         ^^^^^^^ did you mean \"host\"?

error: unknown key `lables` in [[watch]] \"A\"
  --> /etc/audit-daemon/config.toml:6:1
   |
 6 | lables = {}
   | ^^^^^^ did you mean `labels`?

error: unknown key `path` in [[watch[0].exclude]]
  --> /etc/audit-daemon/config.toml:7:14
   |
 7 | exclude = [{ path = ['/a/b'] }]
   |              ^^^^ did you mean `paths`?

error: unknown section `wacth`
  --> /etc/audit-daemon/config.toml:8:3
   |
 8 | [[wacth]]
   |   ^^^^^ did you mean `watch`?

8 errors. Nothing was started; the running daemon keeps its old config.",
    );
}

#[test]
fn wrong_kinds_of_tables_and_labels_are_refused() {
    check_errors(
        "[[watch]]\nname = 'a'\npaths = ['/a']\nlabels = { watch = 'x', n = 1 }\nexclude = { users = ['x'] }\n",
        "
error: `labels` in [[watch]] \"a\" cannot have \"watch:x\"
  --> /etc/audit-daemon/config.toml:4:12
   |
 4 | labels = { watch = 'x', n = 1 }
   |            ^^^^^^^^^^^ labels in watch: are set by watches only

error: `labels` in [[watch]] \"a\" must be a table of strings, not an integer
  --> /etc/audit-daemon/config.toml:4:29
   |
 4 | labels = { watch = 'x', n = 1 }
   |                             ^ expected a string in quotes

error: `exclude` in [[watch]] \"a\" is an array of tables
  --> /etc/audit-daemon/config.toml:5:11
   |
 5 | exclude = { users = ['x'] }
   |           ^^^^^^^^^^^^^^^^^ write [{ paths = [\"/…\"] }]

3 errors. Nothing was started; the running daemon keeps its old config.",
    );
    check_errors(
        "[watch]\nname = 'a'\n",
        "
error: `watch` is an array of tables
  --> /etc/audit-daemon/config.toml:1:1
   |
 1 | [watch]
   | ^^^^^^^ write [[watch]]
Nothing was started; the running daemon keeps its old config.",
    );
}

#[test]
fn excluded_programs_are_whole_paths() {
    for (path, expect) in [
        ("/usr/bin/[", true),
        ("/usr/sbin/sshd", true),
        ("sshd", false),
        ("/usr/sbin/", false),
        ("/usr/bin/*", false),
        ("/usr/../sshd", false),
    ] {
        let text = plain("a", "/a") + &format!("exclude = [{{ executables = ['{path}'] }}]\n");
        assert_eq!(Files::main(text).load().is_ok(), expect, "{path}");
    }
}

#[test]
fn all_paths_together_are_bounded() {
    let many = |count: usize| -> String {
        let paths: Vec<_> = (0..count).map(|n| format!("'/p/{n}'")).collect();
        format!("[[watch]]\nname = 'many'\npaths = [{}]\n", paths.join(","))
    };
    let fits = Files::main(many(9_999)).with("conf.d/a.toml", plain("one", "/a"));
    assert_eq!(fits.config().watch.len(), 2);
    let beyond = Files::main(many(10_000)).with("conf.d/a.toml", plain("one", "/a"));
    pretty_assert(
        &beyond.errors(),
        "\
error: `watch` has more than 10000 paths, counted over all watches
  --> /etc/audit-daemon/conf.d/a.toml:1:1
   |
 1 | [[watch]]
   | ^^^^^^^^^ one too many here
Nothing was started; the running daemon keeps its old config.",
    );
    let ten = "{0,1}".repeat(10);
    let braces = (0..98).map(|n| plain(&format!("w{n}"), &format!("/{ten}")));
    let errors = Files::main(braces.collect::<String>()).load().unwrap_err();
    let message = "`watch` stands for more than 100000 paths";
    assert_eq!(errors.reports[0].message, message);
    assert_eq!((errors.reports.len(), errors.more), (1, 0));
}
