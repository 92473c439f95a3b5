//! What is printed for a wrong configuration, to the letter.

use super::{Files, check_errors, pretty_assert};

#[test]
fn an_unknown_key_names_its_place_and_the_nearest_key() {
    let files = Files::new().with(
        "conf.d/payroll.toml",
        "[[mask.rule]]\nname = \"payroll\"\npattern = \"x\"\noptoins = [\"-p\"]\n",
    );
    pretty_assert(
        &files.errors(),
        "\
error: unknown key `optoins` in [[mask.rule]] \"payroll\"
  --> /etc/audit-daemon/conf.d/payroll.toml:4:1
   |
 4 | optoins = [\"-p\"]
   | ^^^^^^^ did you mean `options`?
Nothing was started; the running daemon keeps its old config.",
    );
}

#[test]
fn only_keys_of_the_same_place_are_suggested() {
    check_errors(
        "[log]\npin_dri = \"/x\"\n",
        "
error: unknown key `pin_dri` in [log]
  --> /etc/audit-daemon/config.toml:2:1
   |
 2 | pin_dri = \"/x\"
   | ^^^^^^^
   = valid here: dir, segment_size, cap, commit_interval
Nothing was started; the running daemon keeps its old config.",
    );
}

#[test]
fn sections_and_events_are_suggested_too() {
    check_errors(
        "[lgo]\ndir = \"/x\"\n[events.forkk]\nrecord = true\n[events.cgroup]\nrecord = true\n",
        "
error: unknown section `lgo`
  --> /etc/audit-daemon/config.toml:1:2
   |
 1 | [lgo]
   |  ^^^ did you mean `log`?

error: unknown event `forkk` in [events]
  --> /etc/audit-daemon/config.toml:3:9
   |
 3 | [events.forkk]
   |         ^^^^^ did you mean `fork`?

error: unknown key `record` in [events.cgroup]
  --> /etc/audit-daemon/config.toml:6:1
   |
 6 | record = true
   | ^^^^^^
   = valid here: required

3 errors. Nothing was started; the running daemon keeps its old config.",
    );
}

#[test]
fn wrong_types_say_what_was_expected() {
    check_errors(
        "log = 5\n[kernel]\ncompat = \"true\"\nring_bulk = 8388608\n[[records]]\n[process_table]\nentries_max = \"many\"\n[mask.rule]\nname = 'x'\n",
        "
error: `log` must be a table, not an integer
  --> /etc/audit-daemon/config.toml:1:7
   |
 1 | log = 5
   |       ^ expected a table with its keys

error: `compat` in [kernel] must be true or false, not a string
  --> /etc/audit-daemon/config.toml:3:10
   |
 3 | compat = \"true\"
   |          ^^^^^^ write it without quotes

error: `ring_bulk` in [kernel] must be a size with a unit, not an integer
  --> /etc/audit-daemon/config.toml:4:13
   |
 4 | ring_bulk = 8388608
   |             ^^^^^^^ write it with its unit, such as \"8388608 B\"

error: `records` is a table, not an array of tables
  --> /etc/audit-daemon/config.toml:5:1
   |
 5 | [[records]]
   | ^^^^^^^^^^^ use single brackets

error: `entries_max` in [process_table] must be an integer, not a string
  --> /etc/audit-daemon/config.toml:7:15
   |
 7 | entries_max = \"many\"
   |               ^^^^^^ expected an integer from 1024 to 4194304

error: `rule` in [mask] is an array of tables
  --> /etc/audit-daemon/config.toml:8:1
   |
 8 | [mask.rule]
   | ^^^^^^^^^^^ write [[mask.rule]]

6 errors. Nothing was started; the running daemon keeps its old config.",
    );
}

#[test]
fn a_ring_names_the_nearest_sizes() {
    check_errors(
        "kernel.ring_critical = \"6 MiB\"\nkernel.ring_bulk = \"2 KiB\"\n",
        "
error: `ring_critical` in [kernel] is not a power of two
  --> /etc/audit-daemon/config.toml:1:24
   |
 1 | kernel.ring_critical = \"6 MiB\"
   |                        ^^^^^^^ nearest: \"4 MiB\", \"8 MiB\"

error: `ring_bulk` in [kernel] is too small
  --> /etc/audit-daemon/config.toml:2:20
   |
 2 | kernel.ring_bulk = \"2 KiB\"
   |                    ^^^^^^^ expected \"4 KiB\" to \"256 MiB\"

2 errors. Nothing was started; the running daemon keeps its old config.",
    );
}

#[test]
fn a_word_that_is_not_in_the_list_is_corrected() {
    check_errors(
        "[kernel]\npin = \"requried\"\ndiagnostics = \"verbose\"\n[events.exec]\nrequired = true\n",
        "
error: `pin` in [kernel] cannot be \"requried\"
  --> /etc/audit-daemon/config.toml:2:7
   |
 2 | pin = \"requried\"
   |       ^^^^^^^^^^ did you mean \"required\"?

error: `diagnostics` in [kernel] cannot be \"verbose\"
  --> /etc/audit-daemon/config.toml:3:15
   |
 3 | diagnostics = \"verbose\"
   |               ^^^^^^^^^ expected \"off\" or \"error\" or \"warn\" or \"info\" or \"debug\"

error: `required` in [events.exec] must be a string, not true or false
  --> /etc/audit-daemon/config.toml:5:12
   |
 5 | required = true
   |            ^^^^ expected \"always\" or \"if-available\"

3 errors. Nothing was started; the running daemon keeps its old config.",
    );
}

#[test]
fn what_is_no_toml_is_said_once_a_line_and_does_not_hide_the_rest() {
    check_errors(
        "[log]\ndir = /var/log/audit\ncap = \"1 GB\"\n\n[log]\ndir = \"/b\"\nsegmentsize = \"1 MiB\"\n",
        "
error: this is not TOML: string values must be quoted
  --> /etc/audit-daemon/config.toml:2:7
   |
 2 | dir = /var/log/audit
   |       ^^^^^^^^^^^^^^ expected literal string

error: `cap` in [log] has the unknown unit \"GB\"
  --> /etc/audit-daemon/config.toml:3:7
   |
 3 | cap = \"1 GB\"
   |       ^^^^^^ did you mean \"1 GiB\"?

error: `log` is set twice
  --> /etc/audit-daemon/config.toml:5:2
   |
 5 | [log]
   |  ^^^ it stands above already: keep one

error: `dir` is set twice
  --> /etc/audit-daemon/config.toml:6:1
   |
 6 | dir = \"/b\"
   | ^^^ it stands above already: keep one

error: unknown key `segmentsize` in [log]
  --> /etc/audit-daemon/config.toml:7:1
   |
 7 | segmentsize = \"1 MiB\"
   | ^^^^^^^^^^^ did you mean `segment_size`?

5 errors. Nothing was started; the running daemon keeps its old config.",
    );
}

#[test]
fn entries_of_lists_are_marked_one_by_one() {
    check_errors(
        "[records]\nlabels = [\n  \"env:prod\",\n  \"watch:x\", 5,\n  \"env:prod\",\n  \"prod\",\n]\nenvironment = [\"A=B\"]\n",
        "
error: `labels` in [records] cannot be \"watch:x\"
  --> /etc/audit-daemon/config.toml:4:3
   |
 4 |   \"watch:x\", 5,
   |   ^^^^^^^^^ labels in watch: are set by watches only

error: `labels` in [records] must be a string, not an integer
  --> /etc/audit-daemon/config.toml:4:14
   |
 4 |   \"watch:x\", 5,
   |              ^ expected a string in quotes

error: `labels` in [records] names this twice
  --> /etc/audit-daemon/config.toml:5:3
   |
 5 |   \"env:prod\",
   |   ^^^^^^^^^^ take one of them out

error: `labels` in [records] cannot be \"prod\"
  --> /etc/audit-daemon/config.toml:6:3
   |
 6 |   \"prod\",
   |   ^^^^^^ expected key:value, such as \"env:prod\"

error: `environment` in [records] cannot be \"A=B\"
  --> /etc/audit-daemon/config.toml:8:16
   |
 8 | environment = [\"A=B\"]
   |                ^^^^^ expected the name of an environment variable

5 errors. Nothing was started; the running daemon keeps its old config.",
    );
}

#[test]
fn metrics_beyond_loopback_are_refused_with_the_reason() {
    check_errors(
        "metrics = { listen = \"0.0.0.0:9465\" }",
        "
error: `listen` in [metrics] would be open to the network
  --> /etc/audit-daemon/config.toml:1:22
   |
 1 | metrics = { listen = \"0.0.0.0:9465\" }
   |                      ^^^^^^^^^^^^^^ nothing protects it: listen on loopback and let a proxy authenticate
Nothing was started; the running daemon keeps its old config.",
    );
}

#[test]
fn rules_without_name_or_effect_and_double_ones_are_refused() {
    let files = Files::main("[[mask.rule]]\noptions = ['-p']\n[[mask.rule]]\nname = 'a'\n").with(
        "conf.d/b.toml",
        "[[mask.rule]]\nname = 'a'\npattern = 'x'\n",
    );
    pretty_assert(
        &files.errors(),
        "\
error: [[mask.rule]] has no name
  --> /etc/audit-daemon/config.toml:1:1
   |
 1 | [[mask.rule]]
   | ^^^^^^^^^^^^^ add name = \"…\", it marks what was masked

error: [[mask.rule]] \"a\" masks nothing
  --> /etc/audit-daemon/config.toml:3:1
   |
 3 | [[mask.rule]]
   | ^^^^^^^^^^^^^ add options, variables or a pattern

error: [[mask.rule]] \"a\" stands twice
  --> /etc/audit-daemon/conf.d/b.toml:1:1
   |
 1 | [[mask.rule]]
   | ^^^^^^^^^^^^^ give each rule a name of its own

3 errors. Nothing was started; the running daemon keeps its old config.",
    );
}

#[test]
fn settings_that_disagree_are_shown_where_they_were_made() {
    let files =
        Files::main("log.cap = \"1 GiB\"\n").with("conf.d/a.toml", "log.cap = \"100 MiB\"\n");
    pretty_assert(
        &files.errors(),
        "\
error: `cap` in [log] is less than two segments of 64 MiB
  --> /etc/audit-daemon/conf.d/a.toml:1:11
   |
 1 | log.cap = \"100 MiB\"
   |           ^^^^^^^^^ raise it, or lower `segment_size`
Nothing was started; the running daemon keeps its old config.",
    );
    check_errors(
        "status.socket = \"/run/a.sock\"\nmetrics.listen = \"unix:/run/a.sock\"\n",
        "
error: `listen` in [metrics] is the socket of [status]
  --> /etc/audit-daemon/config.toml:2:18
   |
 2 | metrics.listen = \"unix:/run/a.sock\"
   |                  ^^^^^^^^^^^^^^^^^^ choose another path
Nothing was started; the running daemon keeps its old config.",
    );
}

#[test]
fn a_setting_can_be_refused_later() {
    let rule = "[[mask.rule]]\nname = 'a'\npattern = '('\n";
    let loaded = Files::main(rule).load().unwrap();
    let errors = loaded.refuse(
        "mask.rule[0].pattern",
        "`pattern` is no regular expression",
        "(",
    );
    let place = errors.reports[0]
        .snippet
        .as_ref()
        .map(|s| (s.line, s.column, s.source.as_str()));
    assert_eq!(place, Some((3, 11, "pattern = '('")));

    let nearest = loaded.refuse("mask.rule[0].options[4]", "m", "l");
    assert_eq!(nearest.reports[0].snippet.as_ref().map(|s| s.line), Some(1));

    let unset = loaded
        .refuse("kernel.pin_dir", "no\u{1b} bpffs there", "l")
        .to_string();
    pretty_assert(
        &unset,
        "\
error: no\\u001b bpffs there
   = `kernel.pin_dir` has its default value
Nothing was started; the running daemon keeps its old config.",
    );
}

#[test]
fn twenty_errors_are_shown_and_the_rest_is_counted() {
    let mut content = "[log]\n".to_owned();
    (0..2_345).for_each(|n| content.push_str(&format!("zz{n} = 1\n")));
    let errors = Files::main(&content).load().unwrap_err();
    assert_eq!((errors.reports.len(), errors.more), (20, 2_325));
    let lines: Vec<_> = errors
        .reports
        .iter()
        .filter_map(|r| r.snippet.as_ref())
        .map(|s| s.line)
        .collect();
    let text = errors.to_string();
    assert!(text.ends_with(
        "\n2345 errors, the first 20 shown. Nothing was started; the running daemon keeps its old config."
    ));
    assert_eq!(lines, (2..22).collect::<Vec<_>>());
}
