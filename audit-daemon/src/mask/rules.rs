//! THE table of what is a secret. Add a row here; nothing else needs to change.
//!
//! Owns: the names, programs, token shapes and schemes that announce a secret.
//! Must not: contain code. The engine that reads the table is in the sibling files.
//! Invariants (tested): rule names are lower-case words joined by `-`; every list is in use; every
//! name word has a hook in `NAME_HOOKS`, without which the fast path would never see it.
//!
//! The lists are kept in lines by hand (`rustfmt::skip`): one word a line would hide the table.
//!
//! Four ways to announce a secret:
//! 1. `NAME_WORDS`: by the name before it: `--db-password x`, `API_KEY=x`, `"token": "x"`;
//! 2. `PROGRAMS`: by the program that reads it: `mysql -px`, `curl -u user:x`;
//! 3. `SHAPES`: by its own look: `ghp_…`, `AKIA…`, anywhere;
//! 4. by syntax, in `text.rs`: URL credentials, `Authorization` headers, private key blocks, SQL.

use super::value::Strength;

// ---------------------------------------------------------------------------------------------
// 1. Names

/// A word (or a pair of words) that ends the name of a secret.
#[derive(Debug)]
pub(super) struct NameWord {
    pub rule: &'static str,
    /// The word that must stand before it: `api` for `API_KEY`, `apiKey`, `apikey`.
    pub before: Option<&'static str>,
    pub word: &'static str,
    /// Also at the end of a longer word: `PGPASSWORD`, `storepass`.
    pub glued: bool,
    pub strength: Strength,
}

const fn word(rule: &'static str, word: &'static str, strength: Strength) -> NameWord {
    NameWord {
        rule,
        before: None,
        word,
        glued: false,
        strength,
    }
}

const fn ending(rule: &'static str, word: &'static str, strength: Strength) -> NameWord {
    NameWord {
        rule,
        before: None,
        word,
        glued: true,
        strength,
    }
}

const fn key(before: &'static str) -> NameWord {
    let rule = "secret-key";
    NameWord {
        rule,
        before: Some(before),
        word: "key",
        glued: false,
        strength: Strength::Any,
    }
}

const fn glued_key(before: &'static str) -> NameWord {
    let rule = "secret-key";
    NameWord {
        rule,
        before: Some(before),
        word: "key",
        glued: true,
        strength: Strength::Any,
    }
}

/// The first entry that fits decides.
#[rustfmt::skip]
pub(super) const NAME_WORDS: &[NameWord] = &[
    ending("password", "password", Strength::Any),
    ending("password", "passwd", Strength::Any),
    ending("password", "passwort", Strength::Any),
    ending("password", "kennwort", Strength::Any),
    ending("password", "passphrase", Strength::Any),
    ending("password", "passcode", Strength::Any),
    ending("password", "pswd", Strength::Any),
    ending("password", "psswd", Strength::Any),
    ending("password", "pwd", Strength::Any),
    ending("password", "pass", Strength::Any),
    ending("password", "passw", Strength::Any),
    // What `expect` waits for: the first letter may be small or not.
    word("password", "assword", Strength::Any),
    ending("password", "rootpw", Strength::Any),
    ending("password", "bindpw", Strength::Any),
    word("password", "pw", Strength::Any),
    word("password", "psk", Strength::Any),
    NameWord {
        rule: "password",
        before: Some("pass"),
        word: "phrase",
        glued: true,
        strength: Strength::Any,
    },
    NameWord {
        rule: "password",
        before: Some("pass"),
        word: "word",
        glued: false,
        strength: Strength::Any,
    },
    ending("token", "token", Strength::Any),
    word("token", "jwt", Strength::Any),
    word("token", "bearer", Strength::Any),
    word("token", "pat", Strength::Random),
    word("credentials", "login", Strength::Random),
    ending("secret", "secret", Strength::Any),
    glued_key("api"),
    glued_key("secret"),
    glued_key("access"),
    glued_key("private"),
    key("auth"),
    key("encryption"),
    key("encrypt"),
    key("enc"),
    key("crypt"),
    key("cipher"),
    key("signing"),
    key("sign"),
    key("master"),
    key("account"),
    key("shared"),
    key("preshared"),
    key("storage"),
    key("app"),
    key("application"),
    key("session"),
    key("service"),
    key("subscription"),
    key("function"),
    key("functions"),
    key("integration"),
    key("license"),
    key("licence"),
    key("consumer"),
    key("unseal"),
    key("recovery"),
    key("hmac"),
    key("aes"),
    key("jwt"),
    key("webhook"),
    key("write"),
    key("ingest"),
    key("admin"),
    key("rpc"),
    NameWord {
        rule: "secret-key",
        before: Some("art"),
        word: "api",
        glued: false,
        strength: Strength::Any,
    },
    key("vapid"),
    ending("secret-key", "key", Strength::Random),
    ending("credentials", "credential", Strength::Unusual),
    ending("credentials", "credentials", Strength::Unusual),
    word("credentials", "creds", Strength::Unusual),
    word("credentials", "cred", Strength::Unusual),
    word("credentials", "auth", Strength::Unusual),
    word("credentials", "userpass", Strength::Unusual),
    ending("session", "cookie", Strength::Unusual),
    word("session", "session", Strength::Random),
    ending("session", "sessionid", Strength::Random),
    ending("session", "sessid", Strength::Random),
    word("one-time-code", "otp", Strength::Any),
    word("one-time-code", "totp", Strength::Any),
    word("signature", "sig", Strength::Random),
    word("signature", "signature", Strength::Random),
];

/// Every name word contains one of these. The fast path looks for them in any case.
#[rustfmt::skip]
pub(super) const NAME_HOOKS: &[&str] = &[
    "pass", "assword", "pwd", "pswd", "psswd", "kennwort", "rootpw", "bindpw", "pw=", "pw\0", "pw ", "pw:",
    "pw\"", "psk", "phrase", "token", "jwt", "bearer", "pat=", "pat\0", "_pat", "secret", "key",
    "cred", "auth", "cookie", "session", "sessid", "sig=", "signature", "login", "securestring",
    "art-api", "artapi", "otp=", "otp\0", "otp ", "otp\"", "otp:",
];

/// Words that end in `pass` or `token` and have nothing to do with either.
#[rustfmt::skip]
pub(super) const NOT_PASSWORDS: &[&str] = &[
    "bypass", "compass", "encompass", "trespass", "overpass", "underpass", "surpass", "multipass",
    "lowpass", "highpass", "bandpass", "allpass", "onepass", "twopass", "firstpass",
    "hotkey", "monkey", "turkey", "donkey", "jockey", "whiskey", "hockey", "keepass", "lastpass",
    "askpass", "nopass",
];

/// After a secret's name, these say that what follows is not the secret itself.
#[rustfmt::skip]
pub(super) const HARMLESS_TAILS: &[&str] = &[
    "file", "files", "path", "dir", "directory", "folder", "stdin", "fd", "url", "uri", "endpoint",
    "host", "name", "names", "id", "ids", "ttl", "type", "types", "length", "len", "min", "max",
    "size", "count", "limit", "limits", "policy", "policies", "expiry", "expires", "expiration",
    "expire", "age", "prompt", "command", "cmd", "eval", "manager", "store", "provider",
    "providers", "version", "arn", "env", "var", "field", "header", "headers", "column", "reset",
    "required", "enabled", "disabled", "enable", "disable", "timeout", "rotation", "rotate",
    "algorithm", "algo", "alg", "method", "methods", "mode", "format", "label", "hint", "service",
    "role", "namespace", "attempts", "retries", "tries", "warn", "days", "issuer", "audience",
    "scope", "scopes", "lifetime", "duration", "socket", "sock", "plugin", "helper", "check",
    "authentication", "agent", "lib", "library", "tool", "script", "generator", "bytes", "cert",
    "certificate", "ca", "prefix", "suffix", "ref", "location", "backend", "engine", "server",
    "port", "realm", "domain", "user", "users", "username", "group", "groups", "owner", "owners",
    "email", "class", "module", "keyring", "changed", "change", "strength", "complexity",
    "history", "quality", "encoding", "storage", "cache", "page", "budget", "rate", "bucket",
    "bits", "spec", "usage", "serial", "fingerprint", "regex", "pattern", "template",
    "placeholder", "title", "section", "support", "level", "log", "mount", "mounts", "volume",
    "delay", "index", "position", "offset", "separator", "delimiter", "verify", "verification",
    "validation", "validator", "review", "request", "requests", "response", "map", "list",
    "manifest", "resource", "source", "sources", "target", "pair", "pairs", "per", "sep", "kind",
    "sha256", "checksum", "digest", "db", "database", "table", "schema", "wrapper", "interval",
    "address", "bus", "state", "status", "scanning", "scan", "scanner", "detection", "protection", "crt",
];

/// After a secret's name, these change nothing: `password1`, `SECRET_KEY_BASE`, `token-value`.
/// Any other word there makes the name doubtful, not harmless.
#[rustfmt::skip]
pub(super) const NEUTRAL_TAILS: &[&str] = &[
    "value", "values", "string", "plain", "plaintext", "text", "base64", "b64", "base", "new",
    "old", "current", "confirm", "confirmation", "repeat", "again", "prod", "production", "dev",
    "development", "staging", "stage", "test", "live", "primary", "secondary", "main", "root",
    "admin", "hash", "hashed", "crypted", "encrypted", "raw", "data", "hex", "next", "previous",
    "prev", "backup", "a", "b", "rw", "ro", "readonly", "unsafe", "insecure", "in", "out",
];

/// Before a secret's name, these take the meaning away: `no-password`, `max-token`.
#[rustfmt::skip]
pub(super) const HARMLESS_HEADS: &[&str] = &[
    "no", "max", "min", "num", "use", "ask", "skip", "require", "requires", "public", "next",
    "starting", "continuation", "page", "paging", "pagination", "eos", "bos", "pad", "unk", "mask",
    "stop", "sep", "cls", "allow", "deny", "disable", "enable", "show", "generate", "gen", "with",
    "without", "has", "is", "total", "resume", "cancellation", "sync", "empty", "permit", "pull",
    "existing",
];

// ---------------------------------------------------------------------------------------------
// 2. Programs

/// Which part of an argument is the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    /// What follows the first occurrence: `user:SECRET` is `After(":")`.
    After(&'static str),
    /// What follows the first occurrence, or everything: `user:SECRET`, or just `SECRET`.
    AfterOrWhole(&'static str),
    /// Between the first and the last: `user/SECRET@host` is `Between("/", "@")`.
    Between(&'static str, &'static str),
    /// Everything, if it contains this: curl's `-b name=value` is a cookie, `-b file` is not.
    WholeIf(&'static str),
    /// Everything, unless it contains this: SNMP's `-c public` is no secret to anybody.
    WholeUnless(&'static str),
    /// `name=SECRET`, unless the name says that it is none: `username=bob`.
    Assigned,
    /// What follows the last occurrence.
    AfterLast(&'static str),
    /// From the first occurrence to the next comma: `h=db,p=SECRET,t=x` is `Field(",p=")`.
    Field(&'static str),
    /// `user:SECRET`, nothing else with a colon.
    UserPassword,
}

/// Where on the command line the secret stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// `-pX` and `-p X`, also at the end of a cluster of `flags`: `-vp X`.
    Short(u8, Part),
    /// `-pX` only: `-p X` means something else.
    Glued(u8, Part),
    /// `--user X` and `--user=X`; also `-pw X`, and bare words: `password X`.
    Long(&'static str, Part),
    /// Directly behind this text: `/p:X`.
    Prefix(&'static str, Part),
    /// The argument at this place among those that are no options, after the sub-commands.
    Operand(usize, Part),
    /// The last argument that is no option, after the sub-commands.
    Last(Part),
    /// An argument that is a secret's name, then the secret: `config set db.password X`.
    Named,
    /// Any argument.
    Anywhere(Part),
    /// Every `NAME=X` among the arguments.
    Assignments,
    /// What is piped in from `echo`, if one of these options is given, or with an empty list.
    Piped(&'static [&'static str], Part),
    /// Here this option carries no secret, whatever its name says.
    Harmless(&'static str),
    /// Here this option has no value in the next argument: `psql --password` only asks for one.
    Flag(&'static str),
    /// As `Flag`, but many write a value there all the same: an unusual one is a secret.
    Doubtful(&'static str),
}

/// How a family of programs takes secrets.
#[derive(Debug)]
pub(super) struct Program {
    pub rule: &'static str,
    pub programs: &'static [&'static str],
    /// Sub-commands that must occur in this order: `["config", "set"]`. `-nb*` stands for these
    /// short options, in one cluster or several; `x*`, `*x`, `*x*` for what begins with, ends with
    /// or contains `x`; `^x` for one that only options may precede.
    pub sub: &'static [&'static str],
    /// Short options without a value: clusters of these are read through.
    pub flags: &'static str,
    /// Options with a value in the next argument, where operands are counted.
    pub valued: &'static [&'static str],
    pub places: &'static [Place],
    /// Options end at the first operand, which begins another command: `sshpass -p x ssh -p 22`.
    pub leading: bool,
}

const fn program(
    rule: &'static str,
    programs: &'static [&'static str],
    places: &'static [Place],
) -> Program {
    Program {
        rule,
        programs,
        sub: &[],
        flags: "",
        valued: &[],
        places,
        leading: false,
    }
}

impl Program {
    const fn sub(mut self, sub: &'static [&'static str]) -> Self {
        self.sub = sub;
        self
    }
    const fn flags(mut self, flags: &'static str) -> Self {
        self.flags = flags;
        self
    }
    const fn leading(mut self) -> Self {
        self.leading = true;
        self
    }
    const fn valued(mut self, valued: &'static [&'static str]) -> Self {
        self.valued = valued;
        self
    }
}

use Part::{
    After, AfterLast, AfterOrWhole, Assigned, Between, Field, UserPassword, Whole, WholeIf,
    WholeUnless,
};
use Place::{
    Anywhere, Assignments, Doubtful, Flag, Glued, Harmless, Last, Long, Named, Operand, Piped,
    Prefix, Short,
};

#[rustfmt::skip]
const CONTAINERS: &[&str] = &[
    "docker", "podman", "nerdctl", "buildah", "skopeo", "oras", "helm", "crane", "regctl",
];
#[rustfmt::skip]
const LDAP: &[&str] = &[
    "ldapsearch", "ldapadd", "ldapmodify", "ldapdelete", "ldappasswd", "ldapwhoami", "ldapcompare",
    "ldapmodrdn", "ldapexop",
];
#[rustfmt::skip]
const SNMP: &[&str] = &[
    "snmpget", "snmpwalk", "snmpset", "snmpbulkwalk", "snmpbulkget", "snmpgetnext", "snmptrap",
    "snmptable", "snmpstatus", "snmpdf", "snmptranslate", "snmpinform",
];
#[rustfmt::skip]
const MYSQL: &[&str] = &[
    "mysql", "mariadb", "mysqldump", "mariadb-dump", "mysqladmin", "mariadb-admin", "mysqlimport",
    "mysqlshow", "mysqlcheck", "mysqlslap", "mysqlbinlog", "mysqlpump", "mariadb-backup",
    "xtrabackup", "innobackupex", "mysqlsh", "mysql_upgrade", "mariadb-check", "mariadb-import",
];
#[rustfmt::skip]
const POSTGRES: &[&str] = &[
    "psql", "pg_dump", "pg_dumpall", "pg_restore", "createdb", "dropdb", "createuser", "dropuser",
    "pg_basebackup", "vacuumdb", "reindexdb", "clusterdb", "pg_isready", "pg_receivewal", "initdb",
];
#[rustfmt::skip]
const MONGO: &[&str] = &[
    "mongo", "mongosh", "mongodump", "mongorestore", "mongoexport", "mongoimport", "mongostat",
    "mongotop", "mongofiles", "cqlsh", "arangosh", "cypher-shell", "neo4j-admin",
];
const PERCONA: &[&str] = &[
    "pt-archiver",
    "pt-table-checksum",
    "pt-table-sync",
    "pt-online-schema-change",
    "pt-kill",
    "pt-heartbeat",
    "pt-query-digest",
    "pt-show-grants",
    "pt-duplicate-key-checker",
    "pt-find",
    "pt-slave-find",
    "pt-slave-delay",
    "pt-deadlock-logger",
    "pt-upgrade",
    "pt-index-usage",
];
#[rustfmt::skip]
const QEMU: &[&str] = &[
    "qemu-system-x86_64", "qemu-system-aarch64", "qemu-kvm", "kvm", "qemu-img", "qemu-nbd",
    "qemu-io", "qemu-storage-daemon",
];
#[rustfmt::skip]
const REDIS: &[&str] = &[
    "redis-cli",
    "valkey-cli",
    "keydb-cli",
    "redis-benchmark",
    "iredis",
];
#[rustfmt::skip]
const SAMBA: &[&str] = &[
    "smbclient", "rpcclient", "smbget", "smbcacls", "smbtree", "smbmap", "nmblookup", "wmic",
    "winexe", "pth-winexe", "net", "samba-tool", "wbinfo", "smbspool", "smbcquotas",
];
#[rustfmt::skip]
const IMPACKET: &[&str] = &[
    "psexec.py", "smbexec.py", "wmiexec.py", "secretsdump.py", "getuserspns.py", "getnpusers.py",
    "smbclient.py", "mssqlclient.py", "atexec.py", "dcomexec.py", "gettgt.py", "getst.py",
    "lookupsid.py", "ticketer.py", "impacket-psexec", "impacket-smbexec", "impacket-wmiexec",
    "impacket-secretsdump", "impacket-getuserspns", "impacket-smbclient", "impacket-mssqlclient",
    "impacket-gettgt", "impacket-getnpusers", "addcomputer.py", "bloodhound-python", "certipy",
];

#[rustfmt::skip]
pub(super) const PROGRAMS: &[Program] = &[
    // Databases
    program("mysql-password", MYSQL,
        &[Glued(b'p', Whole), Doubtful("--password")],
    )
    .flags("ABCEGHILNSTVWbcefgijknoqrstvwxX?"),
    program("mysql-password", MYSQL, &[Operand(0, Whole)])
        .sub(&["password"])
        .valued(&["-u", "-h", "-P", "-S"]),
    program("mysql-password", &["mycli", "mytop", "mydumper", "myloader"],
        &[Short(b'p', Whole)],
    ),
    program("psql-prompt", POSTGRES, &[Flag("--password")]),
    program("mongo-password", MONGO, &[Short(b'p', Whole)]),
    program("redis-password", REDIS,
        &[
            Short(b'a', Whole),
            Long("requirepass", Whole),
            Long("masterauth", Whole),
            Prefix("auth ", Whole),
        ],
    ),
    program("redis-password", REDIS, &[Last(Whole)]).sub(&["^auth"]),
    program("redis-password", REDIS, &[Prefix(">", Whole), Prefix("#", Whole)])
        .sub(&["acl", "setuser"]),
    program("sql-server-password", &["sqlcmd", "bcp", "isql", "tsql", "osql", "mssql-cli", "fisql"],
        &[Short(b'P', Whole)],
    ),
    program("oracle-password", &["sqlplus", "sqlldr", "expdp", "impdp", "rman", "sqlcl"],
        &[
            Operand(0, Between("/", "@")),
            Prefix("userid=", Between("/", "@")),
            Prefix("target=", Between("/", "@")),
            Long("target", Between("/", "@")),
            Long("catalog", Between("/", "@")),
            Long("auxiliary", Between("/", "@")),
        ],
    )
    .valued(&["-r", "-c"]),
    program("db2-password", &["db2"], &[Long("using", Whole)]),
    program("cassandra-password", &["nodetool"], &[Long("-pw", Whole)]),
    program("etcd-user", &["etcdctl"], &[Long("--user", After(":")), Long("--password", Whole)]),
    program("mysql-password", PERCONA, &[Anywhere(Field(",p="))]),
    program("mysql-password", &[
            "mysqldbcopy", "mysqldbcompare", "mysqlfrm", "mysqldiff", "mysqlreplicate",
            "mysqlserverinfo", "mysqluserclone", "mysqlfailover", "mysqlrpladmin",
        ],
        &[
            Long("--source", Between(":", "@")),
            Long("--destination", Between(":", "@")),
            Long("--server", Between(":", "@")),
            Long("--server1", Between(":", "@")),
            Long("--server2", Between(":", "@")),
            Long("--master", Between(":", "@")),
            Long("--slave", Between(":", "@")),
        ],
    ),
    program("odbc-password", &["isql", "iusql"], &[Operand(2, Whole)]),
    program("etcd-user", &["etcdctl"], &[Operand(0, After(":"))]).sub(&["user", "add"]),
    program("neo4j-password", &["neo4j-admin"], &[Last(Whole)]).sub(&["set-initial-password"]),
    program("pgpass-line", &["echo", "printf"], &[Anywhere(AfterLast(":"))]).sub(&["*.pgpass"]),
    program("monitor-password", &["check_http", "check_curl", "check_pgsql", "check_oracle"],
        &[Short(b'a', After(":")), Long("-b", After(":"))],
    ),
    program("monitor-password", &["check_pgsql", "check_ldap", "check_mssql", "check_imap"],
        &[Long("--password", Whole), Short(b'P', Whole)],
    ),
    program("snmp-secret", &["check_snmp"],
        &[Short(b'C', WholeUnless("public")), Short(b'A', Whole), Short(b'X', Whole)],
    ),
    program("dns-key", &["dig", "nsupdate", "host", "delv", "kdig", "knsupdate", "named-checkzone"],
        &[Short(b'y', AfterLast(":"))],
    ),
    program("radius-secret", &["radtest"], &[Operand(1, Whole), Operand(4, Whole)])
        .valued(&["-t", "-P"]),
    program("radius-secret", &["radclient", "radzap", "raddebug"], &[Operand(2, Whole)])
        .valued(&["-f", "-c", "-n", "-p", "-r", "-t", "-d", "-D", "-S"]),
    program("storage-key", &["b2"], &[Operand(1, Whole)]).sub(&["authorize-account"]),
    program("storage-key", &["b2"], &[Operand(1, Whole)]).sub(&["account", "authorize"]),
    program("storage-key", &["swift"], &[Short(b'K', Whole)]),
    program("machine-secret", &["virsh"], &[Long("--base64", Whole), Harmless("--secret")])
        .sub(&["secret-set-value"]),
    program("machine-secret", &["virsh"], &[Operand(1, Whole)])
        .sub(&["secret-set-value"])
        .valued(&["--secret", "--base64", "--file"]),
    program("machine-secret", QEMU, &[Prefix("secret,", Field("data="))]),
    program("vmware-password", &["govc"], &[Short(b'u', Between(":", "@"))]),
    // Fetching
    program("ftp-password", &["curlftpfs", "ftpfs"], &[Operand(0, Between(":", "@"))]),
    program("curl-user", &["curl"],
        &[
            Short(b'u', After(":")),
            Short(b'U', After(":")),
            Long("--user", After(":")),
            Long("--proxy-user", After(":")),
            Short(b'E', After(":")),
            Long("--cert", After(":")),
            Short(b'x', Between(":", "@")),
            Long("--proxy", Between(":", "@")),
            Long("--oauth2-bearer", Whole),
            Short(b'b', WholeIf("=")),
            Long("--cookie", WholeIf("=")),
            Harmless("--cookie-jar"),
        ],
    )
    .flags("sSkLfiIvgGnNaqOR046jJlpZ#B123V"),
    program("http-auth", &["http", "https", "xh", "xhs", "httpie"],
        &[
            Short(b'a', AfterOrWhole(":")),
            Long("--auth", AfterOrWhole(":")),
        ],
    ),
    program("http-auth", &["ab", "nikto"],
        &[
            Short(b'A', After(":")),
            Short(b'P', After(":")),
            Long("-id", After(":")),
        ],
    ),
    program("ftp-password", &["lftp", "lftpget", "open"],
        &[Long("-u", After(",")), Long("--user", After(","))],
    ),
    program("ftp-password", &["ncftp", "ncftpput", "ncftpget", "ncftpls", "ncftpbatch"],
        &[Short(b'p', Whole)],
    ),
    program("ftp-password", &["aria2c"], &[Long("--rpc-secret", Whole)]),
    program("video-password", &["youtube-dl", "yt-dlp"],
        &[
            Short(b'p', Whole),
            Short(b'2', Whole),
            Long("--twofactor", Whole),
        ],
    ),
    program("two-pass-encoding", &["ffmpeg", "x264", "x265", "mencoder", "avconv", "vpxenc", "aomenc"],
        &[Harmless("-pass"), Harmless("--pass")],
    ),
    // Remote access
    program("sshpass-password", &["sshpass"], &[Short(b'p', Whole)])
        .flags("vVhe")
        .leading(),
    program("putty-password", &["plink", "pscp", "psftp", "putty", "kitty"],
        &[Long("-pw", Whole)],
    ),
    program("ssh-keygen-passphrase", &["ssh-keygen"],
        &[Short(b'N', Whole), Short(b'P', Whole)],
    )
    .flags("qpcyBlevH"),
    program("ssh-passphrase", &["dropbearkey", "dropbearconvert"],
        &[Long("-w", Whole)],
    ),
    program("rdp-password", &["xfreerdp", "wlfreerdp", "xfreerdp3", "sdl-freerdp", "wfreerdp"],
        &[
            Prefix("/p:", Whole),
            Prefix("/gp:", Whole),
            Prefix("/pth:", Whole),
            Prefix("/gateway:g:", After("p:")),
            Long("-p", Whole),
        ],
    ),
    program("rdp-password", &["rdesktop", "vncpasswd", "remmina"],
        &[Short(b'p', Whole)],
    ),
    program("vnc-password", &["x11vnc", "x0vncserver", "vncdo", "vncdotool"],
        &[Long("-passwd", Whole), Short(b'p', Whole)],
    ),
    program("smb-password", SAMBA,
        &[Short(b'U', After("%")), Long("--user", After("%"))],
    ),
    program("smb-password", &["smbmap", "enum4linux"],
        &[Short(b'p', Whole)],
    ),
    program("smb-password", &["smbclient"], &[Operand(1, Whole)])
        .flags("NLkgEPdh")
        .valued(&[
            "-U", "-c", "-W", "-I", "-p", "-m", "-D", "-L", "-A", "-d", "-s", "-n", "-t", "-M",
            "-T", "-O",
        ]),
    program("net-use-password", &["net"], &[
        Operand(1, WholeUnless("\\")),
        Operand(2, WholeUnless("/")),
    ])
    .sub(&["use"]),
    program("net-user-password", &["net"], &[Operand(1, Whole)]).sub(&["user"]),
    program("impacket-password", IMPACKET,
        &[
            Operand(0, Between(":", "@")),
            Short(b'p', Whole),
            Long("-hashes", Whole),
        ],
    ),
    program("spray-password", &[
            "crackmapexec", "nxc", "netexec", "cme", "evil-winrm", "hydra", "medusa", "ncrack",
            "kerbrute", "winrs", "psexec", "ldapdomaindump", "rpcdump.py",
        ],
        &[Short(b'p', Whole), Short(b'H', Whole)],
    ),
    program("ipmi-password", &["ipmitool", "ipmiutil"], &[Short(b'P', Whole)]).flags("vcgho"),
    program("ipmi-password", &["ipmi-power", "ipmi-sel", "ipmi-sensors", "bmc-info"], &[
        Short(b'p', Whole),
    ]),
    program("windows-password", &["cmdkey", "schtasks", "runas", "wmic", "dsadd"],
        &[
            Prefix("/pass:", Whole),
            Prefix("/password:", Whole),
            Long("/rp", Whole),
            Long("/p", Whole),
            Prefix("/p:", Whole),
        ],
    ),
    program("mail-password", &["sendxmpp", "steamcmd", "sendemail", "swaks", "smtp-cli"],
        &[Long("-xp", Whole), Long("-ap", Whole), Long("-p", Whole)],
    ),
    program("steam-password", &["steamcmd"], &[Operand(1, Whole)]).sub(&["+login"]),
    // Directories, network management
    program("ldap-password", LDAP, &[Short(b'w', Whole)]).flags("xZLvnWcAMCEIQ"),
    program("ldap-password", &["ldappasswd"],
        &[Short(b's', Whole), Short(b'a', Whole)],
    )
    .flags("xZvnWSA"),
    program("ldap-password", &["dsconf", "dsidm", "dsmod", "ldapvi", "slappasswd"],
        &[Short(b'w', Whole), Short(b's', Whole)],
    ),
    program("kerberos-password", &["kadmin", "kadmin.local"],
        &[Short(b'w', Whole), Long("-pw", Whole)],
    ),
    program("kerberos-password", &[
            "addprinc", "ank", "add_principal", "cpw", "change_password", "modprinc",
        ],
        &[Long("-pw", Whole)],
    ),
    program("snmp-secret", SNMP,
        &[
            Short(b'A', Whole),
            Short(b'X', Whole),
            Short(b'c', WholeUnless("public")),
        ],
    ),
    program("wifi-passphrase", &["wpa_passphrase"], &[Operand(1, Whole)]),
    program("wifi-passphrase", &["nmcli", "wpa_cli", "iwctl", "connmanctl", "netplan"],
        &[Named, Harmless("wpa-psk")],
    ),
    program("wifi-passphrase", &["iwconfig", "iw"],
        &[Long("key", AfterOrWhole(":"))],
    ),
    program("wifi-passphrase", &["create_ap"], &[Operand(3, Whole)]),
    program("vpn-key", &["wg", "openvpn"], &[Named]),
    program("vpn-password", &["openfortivpn"],
        &[Short(b'p', Whole)],
    ),
    program("mqtt-password", &["mosquitto_pub", "mosquitto_sub", "mosquitto_rr", "mqtt"],
        &[Short(b'P', Whole), Long("-pw", Whole)],
    ),
    program("mqtt-password", &["mosquitto_passwd"], &[Operand(2, Whole)]).flags("bcU"),
    program("mail-password", &["mail", "mailx", "s-nail", "mutt"],
        &[Short(b'S', After("password="))],
    ),
    program("mail-password", &["doveadm"], &[Operand(1, Whole)]).sub(&["auth", "test"]),
    program("mail-password", &["saslpasswd2"], &[Piped(&[], Whole)]),
    program("domain-password", &["samba-tool"], &[Operand(1, Whole)]).sub(&["user", "create"]),
    program("domain-password", &["samba-tool"], &[Operand(1, Whole)]).sub(&["user", "add"]),
    program("domain-password", &["wbinfo"], &[Short(b'a', After("%")), Short(b'K', After("%"))]),
    program("domain-password", &["adcli", "realm"], &[Piped(&[], Whole)]),
    program("domain-password", &[
            "ipa-server-install", "ipa-client-install", "ipa-replica-install", "ipa-kra-install",
            "ipa-ca-install", "ipa-dns-install",
        ],
        &[Short(b'a', Whole), Short(b'p', Whole), Short(b'w', Whole)],
    ),
    program("dialup-password", &["pppd"], &[Named]),
    program("rabbitmq-password", &["rabbitmqctl"], &[Operand(1, Whole)])
        .sub(&["add_user"])
        .valued(&["-n", "-p", "-t"]),
    program("rabbitmq-password", &["rabbitmqctl"], &[Operand(1, Whole)])
        .sub(&["change_password"])
        .valued(&["-n", "-p", "-t"]),
    program("rabbitmq-password", &["rabbitmqctl"], &[Operand(1, Whole)])
        .sub(&["authenticate_user"])
        .valued(&["-n", "-p", "-t"]),
    program("rabbitmq-password", &["rabbitmqadmin", "nats", "celery"],
        &[Short(b'p', Whole)],
    ),
    // Accounts
    program("htpasswd-password", &["htpasswd"],
        &[Operand(2, Whole)],
    )
    .sub(&["-b*"])
    .flags("bcnmBdpsDvi5")
    .valued(&["-C", "-r"]),
    program("htpasswd-password", &["htpasswd"], &[Operand(1, Whole)])
        .sub(&["-nb*"])
        .valued(&["-C", "-r"]),
    program("account-password", &["useradd", "usermod", "groupadd", "groupmod"],
        &[Short(b'p', Whole)],
    )
    .flags("mMrUNoDlLaAR"),
    program("account-password", &["chpasswd", "chgpasswd", "newusers"],
        &[Piped(&[], After(":"))],
    ),
    program("account-password", &["elasticsearch-users"], &[Short(b'p', Whole)]),
    program("account-password", &["php", "console", "drush", "grafana-cli", "occ", "symfony"],
        &[Operand(1, Whole)],
    )
    .sub(&["*:password"]),
    program("account-password", &["php", "console"], &[Operand(1, Whole)])
        .sub(&["*:change-password"]),
    program("account-password", &["grafana-cli", "grafana"], &[Operand(0, Whole)])
        .sub(&["reset-admin-password"]),
    program("account-password", &["passwd"],
        &[Piped(&["--stdin", "-s"], Whole), Piped(&[], Whole)],
    ),
    program("account-password", &["smbpasswd", "pdbedit", "kinit", "su", "mkpasswd"],
        &[Piped(&[], Whole)],
    ),
    program("account-password", &["mkpasswd"], &[Operand(0, Whole)])
        .valued(&["-m", "-S", "-R", "-P"]),
    program("account-password", &["sudo", "doas"],
        &[Piped(&["-S", "--stdin"], Whole)],
    ),
    program("account-password", &["doveadm", "grub-mkpasswd-pbkdf2", "caddy", "slappasswd"],
        &[Short(b'p', Whole), Piped(&[], Whole)],
    ),
    program("macos-keychain", &["security"],
        &[Short(b'w', Whole), Short(b'p', Whole), Short(b'P', Whole)],
    ),
    program("macos-keychain", &["dscl"], &[Operand(2, Whole)]).sub(&["-passwd"]),
    program("image-password", &["virt-customize", "virt-builder", "virt-sysprep"],
        &[
            Long("--root-password", After("password:")),
            Long("--password", After("password:")),
        ],
    ),
    // Cryptography, archives, documents
    program("openssl-password", &["openssl"],
        &[
            Long("-passin", After("pass:")),
            Long("-passout", After("pass:")),
            Long("-pass", After("pass:")),
            Long("-passkey", After("pass:")),
            Long("-password", After("pass:")),
            Long("-k", Whole),
            Long("-K", Whole),
            Long("-hmac", Whole),
            Long("-psk", Whole),
            Long("-macopt", After("key:")),
            Piped(&["stdin", "-stdin"], Whole),
            Harmless("-key"),
        ],
    ),
    program("openssl-password", &["openssl"], &[Operand(0, Whole)])
        .sub(&["passwd"])
        .valued(&["-salt", "-in"]),
    program("gpg-passphrase", &["gpg", "gpg2"],
        &[Piped(&["--passphrase-fd"], Whole)],
    ),
    program("keystore-password", &["keytool", "jarsigner", "apksigner"],
        &[
            Long("--ks-pass", After("pass:")),
            Long("--key-pass", After("pass:")),
        ],
    ),
    program("smartcard-pin", &[
            "pkcs11-tool", "pkcs15-tool", "pkcs15-init", "softhsm2-util", "p11tool", "ykman",
            "piv-tool", "yubico-piv-tool", "tpm2_create",
        ],
        &[
            Long("--pin", Whole),
            Long("--so-pin", Whole),
            Long("--new-pin", Whole),
            Long("--puk", Whole),
            Long("-p", Whole),
            Long("-P", Whole),
        ],
    ),
    program("zip-password", &["zip", "unzip", "zipcloak", "funzip"],
        &[Short(b'P', Whole)],
    )
    .flags("rqvjemTuf0123456789yoXDnlCLxg"),
    program("7z-password", &["7z", "7za", "7zr", "7zz", "p7zip"],
        &[Glued(b'p', Whole)],
    ),
    program("rar-password", &["rar", "unrar"],
        &[Glued(b'p', Whole), Prefix("-hp", Whole)],
    ),
    program("pdf-password", &["qpdf"],
        &[Operand(0, Whole), Operand(1, Whole)],
    )
    .sub(&["--encrypt"]),
    program("pdf-password", &["pdftk", "pdftotext", "pdftoppm", "pdfinfo", "mutool", "pdfimages"],
        &[
            Long("user_pw", Whole),
            Long("owner_pw", Whole),
            Long("input_pw", AfterOrWhole("=")),
            Long("-upw", Whole),
            Long("-opw", Whole),
        ],
    ),
    program("disk-passphrase", &[
            "cryptsetup", "clevis", "zfs", "zpool", "bcachefs", "gocryptfs", "encfs",
            "ecryptfs-add-passphrase", "tomb",
        ],
        &[Piped(&[], Whole)],
    ),
    program("disk-passphrase", &["veracrypt", "truecrypt"],
        &[Short(b'p', Whole)],
    )
    .flags("tdlCfk"),
    program("rclone-password", &["rclone"], &[Operand(0, Whole)]).sub(&["obscure"]),
    program("rclone-password", &["rclone"], &[Named]).sub(&["config"]),
    // Containers and orchestration
    program("registry-password", CONTAINERS, &[Short(b'p', Whole)]).sub(&["login"]),
    program("registry-password", CONTAINERS,
        &[
            Long("--creds", After(":")),
            Long("--src-creds", After(":")),
            Long("--dest-creds", After(":")),
            Harmless("--secret"),
        ],
    ),
    program("secret-option", &["ctr", "crictl"],
        &[
            Short(b'u', After(":")),
            Long("--user", After(":")),
            Long("--creds", After(":")),
        ],
    ),
    program("stdin-secret", &[
            "docker", "podman", "helm", "nerdctl", "buildah", "skopeo", "oras", "gh", "glab", "npm",
        ],
        &[Piped(&["--password-stdin", "--with-token", "--token-stdin"], Whole)],
    ),
    program("stdin-secret", &["gcloud"], &[Piped(&["secrets"], Whole)]),
    program("stdin-secret", &["kubectl", "oc", "kubeseal"],
        &[Piped(&["--from-file"], Whole)],
    ),
    program("vpn-password", &["openconnect"], &[Piped(&["--passwd-on-stdin"], Whole)]),
    program("vpn-key", &["wg"], &[Piped(&["private-key", "preshared-key", "pubkey"], Whole)]),
    program("stdin-secret", &["docker", "podman", "gh", "wrangler", "fly", "flyctl", "doppler"],
        &[Piped(&["secret"], Whole)],
    ),
    program("stdin-secret", &["htpasswd"], &[Piped(&["-i"], Whole)]),
    program("stdin-secret", &["vault", "bao"], &[Piped(&["login"], Whole)]),
    program("kubectl-secret", &["kubectl", "oc", "k3s", "microk8s", "microk8s.kubectl"],
        &[Long("--from-literal", Assigned)],
    )
    .sub(&["create", "secret"]),
    program("kubectl-secret", &["kubectl", "oc", "k3s"], &[Named]).sub(&["config", "set"]),
    program("join-token", &["kubeadm"], &[Operand(0, WholeIf("."))]).sub(&["token", "create"]),
    program("openshift-password", &["oc", "kubectl", "argocd", "rosa", "ocm"],
        &[Short(b'p', Whole)],
    )
    .sub(&["login"]),
    program("swarm-token", &["docker"], &[Short(b'k', Whole)]).sub(&["swarm"]),
    program("swarm-secret", &["docker", "podman"],
        &[Harmless("--secret")],
    ),
    // Clouds and secret stores
    program("aws-secret", &["aws", "awslocal"],
        &[Named],
    )
    .sub(&["configure", "set"]),
    program("aws-secret", &["aws", "awslocal"],
        &[
            Long("--secret-string", Whole),
            Long("--secret-binary", Whole),
        ],
    )
    .sub(&["secretsmanager"]),
    program("aws-secret", &["aws", "awslocal"],
        &[Long("--value", Whole)],
    )
    .sub(&["ssm", "put-parameter"]),
    program("secret-name", &["gcloud", "kubeseal", "chamber", "berglas"],
        &[Harmless("--secret")],
    ),
    program("secret-name", &["etcd"], &[Harmless("--auth-token")]),
    program("secret-name", &["pulumi"], &[Flag("--secret")]),
    program("aws-idempotency", &["aws"],
        &[
            Harmless("--client-token"),
            Harmless("--client-request-token"),
            Harmless("--secret"),
            Harmless("--starting-token"),
            Harmless("--key"),
        ],
    ),
    program("azure-password", &["az"], &[Short(b'p', Whole)]).sub(&["login"]),
    program("azure-password", &["az"], &[Short(b'p', Whole)]).sub(&["sql"]),
    program("azure-secret", &["az"], &[Long("--value", Whole)]).sub(&["keyvault", "secret", "set"]),
    program("cloud-login", &[
            "ibmcloud", "cf", "heroku", "doctl", "scw", "vultr", "civo", "linode-cli", "hcloud",
            "fly", "flyctl",
        ],
        &[Short(b'p', Whole), Long("--apikey", Whole)],
    )
    .sub(&["login"]),
    program("cloud-login", &["doctl"], &[Short(b't', Whole)]).sub(&["auth"]),
    program("cloud-secret", &["fly", "flyctl", "doppler", "heroku", "supabase", "infisical", "wrangler", "railway"],
        &[Assignments],
    )
    .sub(&["secrets", "set"]),
    program("cloud-secret", &["netlify"], &[Named]).sub(&["env:set"]),
    program("cloud-login", &["netlify"], &[Long("--auth", Whole)]),
    program("github-secret", &["gh", "glab"],
        &[
            Short(b'b', Whole),
            Long("--body", Whole),
            Long("--value", Whole),
        ],
    )
    .sub(&["secret", "set"]),
    program("vault-secret", &["vault", "bao"],
        &[Operand(0, WholeUnless("="))],
    )
    .sub(&["login"]),
    program("vault-secret", &["vault", "bao"], &[Operand(0, Whole)]).sub(&["unseal"]),
    program("vault-secret", &["vault", "bao"],
        &[Prefix("secret_id=", Whole), Prefix("client_token=", Whole)],
    ),
    program("vault-secret", &["vault", "bao"], &[Assignments]).sub(&["kv", "put"]),
    program("vault-secret", &["vault", "bao"], &[Assignments]).sub(&["kv", "patch"]),
    program("password-manager", &["bw"], &[Operand(0, Whole)]).sub(&["unlock"]),
    program("password-manager", &["bw"], &[Operand(1, Whole)]).sub(&["login"]),
    program("password-manager", &["op", "lpass", "keepassxc-cli", "pass", "secret-tool"],
        &[Piped(&[], Whole)],
    ),
    // Package and build tools
    program("package-token", &[
            "npm", "yarn", "pnpm", "poetry", "composer", "pip", "dotnet", "git", "hg", "bundle",
            "conda", "snap", "pulumi", "gcloud", "hub", "twine", "gh", "flatpak", "influx", "mc",
            "s3cmd", "cargo",
        ],
        &[Named, Harmless("user.signingkey")],
    )
    .sub(&["config"]),
    program("package-token", &["poetry"], &[Last(Whole)]).sub(&["config", "pypi-token.*"]),
    program("package-token", &["poetry", "composer"], &[Last(Whole)])
        .sub(&["config", "http-basic.*"]),
    program("package-token", &["poetry"], &[Short(b'p', Whole)]).sub(&["publish"]),
    program("package-token", &["composer"], &[Last(Whole)]).sub(&["config", "*-oauth.*"]),
    program("package-token", &["composer"], &[Last(Whole)]).sub(&["config", "*-token.*"]),
    program("package-token", &["composer"], &[Last(Whole)]).sub(&["config", "bearer.*"]),
    program("package-token", &["bundle", "bundler"], &[Last(UserPassword)]).sub(&["config", "*.*"]),
    program("package-token", &["dotnet", "nuget"], &[Short(b'p', Whole)]).sub(&["add", "source"]),
    program("package-token", &["dotnet", "nuget"], &[Short(b'p', Whole)])
        .sub(&["update", "source"]),
    program("package-token", &["dotnet"], &[Operand(1, Whole)])
        .sub(&["user-secrets", "set"])
        .valued(&["--project", "-p", "--id"]),
    program("package-token", &["pulumi"], &[Operand(1, Whole)]).sub(&["config", "set", "--secret"]),
    program("named-value", &[
            "setx", "setenv", "defaults", "fw_setenv", "gsettings", "debconf-communicate",
            "zkcli.sh", "dconf",
        ],
        &[Named],
    ),
    program("named-value", &["consul"], &[Named]).sub(&["kv", "put"]),
    program("named-value", &["launchctl"], &[Named]).sub(&["setenv"]),
    program("consul-token", &["consul"], &[Last(Whole)]).sub(&["acl", "set-agent-token"]),
    program("named-value", &["etcdctl"], &[Named]).sub(&["put"]),
    program("package-token", &["cargo"], &[Operand(0, Whole)])
        .sub(&["login"])
        .valued(&["--registry"]),
    program("package-token", &["conan"], &[Short(b'p', Whole)]).sub(&["user"]),
    program("package-token", &["conan"], &[Short(b'p', Whole)]).sub(&["login"]),
    program("package-token", &["twine"], &[Short(b'p', Whole)]).sub(&["upload"]),
    program("package-token", &["gem"], &[Short(b'k', Whole)]).sub(&["push"]),
    program("package-token", &["nuget", "dotnet"],
        &[Short(b'k', Whole), Long("-password", Whole)],
    )
    .sub(&["push"]),
    program("object-store-secret", &["mc"], &[Operand(3, Whole)]).sub(&["alias", "set"]),
    program("object-store-secret", &["mc"], &[Operand(2, Whole)]).sub(&["admin", "user", "add"]),
    program("tunnel-token", &["ngrok", "cachix"], &[Operand(0, Whole)]).sub(&["authtoken"]),
    program("tunnel-token", &["ngrok"], &[Operand(0, Whole)]).sub(&["add-authtoken"]),
    program("tunnel-token", &["cloudflared"], &[Operand(0, Whole)]).sub(&["service", "install"]),
    program("runner-token", &["gitlab-runner"], &[Short(b'r', Whole), Short(b't', Whole)])
        .sub(&["register"]),
    program("chef-password", &["knife"],
        &[Short(b'P', Whole), Short(b'x', After(":"))],
    ),
    program("p4-password", &["p4"],
        &[Short(b'P', Whole), Piped(&["login"], Whole)],
    ),
    program("ansible-secret", &["ansible-vault"], &[Operand(0, Whole)])
        .sub(&["encrypt_string"])
        .valued(&["--name", "-n", "--vault-password-file", "--vault-id", "--encrypt-vault-id"]),
    program("influx-password", &["influx", "influxd"],
        &[Long("-password", Whole), Short(b't', Whole)],
    ),
    program("influx-password", &["influx"], &[Short(b'p', Whole)]).sub(&["setup"]),
    program("influx-password", &["influx"], &[Short(b'p', Whole)]).sub(&["user"]),
    program("backup-key-id", &["duplicity", "duply"],
        &[Harmless("--encrypt-key"), Harmless("--sign-key"), Harmless("--encrypt-sign-key")],
    ),
    program("backup-password", &["bconsole", "duplicity", "sapcontrol", "hdbsql", "hdbuserstore"],
        &[Long("-p", Whole)],
    ),
    program("sap-password", &["hdbuserstore"], &[Operand(3, Whole)]).sub(&["set"]),
    program("vmware-password", &["esxcli", "vmware-cmd", "vim-cmd", "ovftool", "esxcfg-vswitch", "vmrun"],
        &[Long("-p", Whole), Long("-gp", Whole), Long("-vp", Whole)],
    ),
    program("java-admin-password", &[
            "asadmin", "jboss-cli.sh", "jboss-cli", "add-user.sh", "kcadm.sh", "weblogic.deployer",
            "kcadm",
        ],
        &[Short(b'p', Whole), Long("--password", Whole)],
    ),
    program("kafka-password", &["kcat", "kafkacat"],
        &[Prefix("sasl.password=", Whole)],
    ),
];

/// Options that name a user: then `-p` beside them is a password, even of an unknown program.
#[rustfmt::skip]
pub(super) const LOGIN_OPTIONS: &[&str] = &[
    "-u", "-U", "--user", "--username", "-user", "-username", "--login", "-login",
];

/// Programs without rows in which `-u` or `-p` mean something else.
#[rustfmt::skip]
pub(super) const NO_LOGINS: &[&[u8]] = &[
    b"wget", b"diff", b"cp", b"mv", b"rsync", b"patch", b"tar", b"install", b"setquota", b"quota",
    b"repquota", b"lpr", b"lp", b"lpq", b"lprm", b"ps", b"top", b"htop", b"lsof", b"fuser",
    b"pidstat", b"mvn", b"gradle", b"make", b"gcc", b"go", b"rustc", b"mount", b"umount", b"sort",
    b"tail", b"date", b"lsattr", b"setfacl", b"chown", b"apt", b"apt-get", b"dnf", b"yum", b"zypper",
    b"pacman", b"journalctl", b"systemctl", b"crontab", b"loginctl", b"nc", b"ncat", b"socat",
    b"iperf", b"iperf3", b"nmap", b"ss", b"netstat", b"route", b"nginx", b"uwsgi", b"gunicorn",
];

/// Programs that run the command in their arguments: a known program may follow.
#[rustfmt::skip]
pub(super) const WRAPPERS: &[&str] = &[
    "sudo", "doas", "env", "nohup", "nice", "ionice", "time", "timeout", "stdbuf", "setsid",
    "chroot", "nsenter", "ip", "docker", "podman", "kubectl", "oc", "crictl", "nerdctl", "lxc",
    "lxc-attach", "incus", "ssh", "su", "runuser", "gosu", "su-exec", "setpriv", "xargs", "watch",
    "parallel", "strace", "ltrace", "perf", "gdb", "valgrind", "flock", "systemd-run", "unshare",
    "faketime", "torsocks", "proxychains", "proxychains4", "sh", "bash", "zsh", "dash", "ksh",
    "ash", "fish", "find", "busybox", "toybox", "firejail", "bwrap", "taskset", "chrt", "numactl",
    "cgexec", "script", "screen", "tmux", "entr", "retry", "do", "then", "else", "elif", "if",
    "while", "until", "!", "{", "exec", "command", "eval", "builtin", "python", "python2",
    "python3", "perl", "ruby", "node", "npx", "bunx", "uvx", "pipx", "uv", "poetry", "pipenv",
    "bundle", "php", "catchsegv", "sem", "setarch", "dumb-init", "tini", "s6-setuidgid", "chpst",
    "unbuffer", "rlwrap", "winpty", "wine", "mpirun", "srun", "salt", "ansible",
    "dbus-run-session", "machinectl", "docker-compose", "vagrant", "multipass", "distrobox",
    "toolbox", "flatpak", "op", "doppler", "sshpass", "tee", "rosetta", "cygstart", "caffeinate",
    "pkexec", "hyperfine", "dotenv", "direnv", "mosh", "pdsh", "clush", "pssh", "parallel-ssh",
    "k3s", "microk8s",
];

/// Programs whose `-c` argument, or any argument with blanks, is a script.
#[rustfmt::skip]
pub(super) const SHELLS: &[&str] = &[
    "sh", "bash", "zsh", "dash", "ksh", "ash", "fish", "busybox", "su", "runuser", "ssh", "eval",
    "script", "watch", "parallel", "pdsh", "clush", "pssh", "tmux", "screen", "mosh", "flock",
    "hyperfine", "sem", "at", "xargs", "docker-entrypoint.sh", "entrypoint.sh", "rbash", "mksh",
];

/// Programs that search: their arguments are patterns, in which `password=` is nobody's password.
#[rustfmt::skip]
pub(super) const SEARCHERS: &[&str] = &[
    "grep", "egrep", "fgrep", "zgrep", "rgrep", "pgrep", "pkill", "rg", "ag", "ack", "git-grep",
    "zegrep", "xzgrep", "bzgrep", "ugrep", "pcregrep", "man", "apropos", "whatis", "locate",
    "journalctl", "fzf", "ripgrep", "semgrep", "awk", "gawk", "mawk", "jq", "yq", "xmllint",
    "xmlstarlet", "look", "tshark", "ngrep", "tcpdump", "gron", "jless", "which", "type",
    "whereis",
];

/// Programs that show or store text written for people.
#[rustfmt::skip]
pub(super) const WRITERS: &[&str] = &[
    "notify-send", "zenity", "dialog", "whiptail", "kdialog", "wall", "write", "say", "espeak",
    "spd-say", "yad", "xmessage", "figlet", "cowsay", "toilet", "task", "todo.sh", "logger",
    "terminal-notifier", "osd_cat", "rofi", "dmenu", "gum", "lolcat", "ntfy",
];

/// Programs whose messages (`MESSAGE_OPTIONS`) are text for people.
#[rustfmt::skip]
pub(super) const MESSENGERS: &[&str] = &[
    "git", "hg", "svn", "bzr", "jj", "gh", "glab", "hub", "tig", "gt", "jira", "mail", "mailx",
    "mutt", "alembic", "rails", "fossil", "darcs", "cvs", "p4", "tea", "lab", "arc", "sl", "npm",
    "cargo", "poetry", "changeset", "commitizen", "cz", "ghi",
];
#[rustfmt::skip]
pub(super) const MESSAGE_OPTIONS: &[&str] = &[
    "-m", "-am", "-sm", "-asm", "-s", "--message", "--title", "--body", "--notes", "--description",
    "--subject", "--comment", "--grep", "-S", "-G", "--format", "--pretty", "-t", "-b", "-n",
    "--summary", "--reason", "--text", "-sam", "-aSm", "-Sm", "-vm", "-qm",
];

/// Programs that only print their arguments: the producers before a pipe.
#[rustfmt::skip]
pub(super) const PRINTERS: &[&str] = &["echo", "printf", "yes", "print"];

/// First words by which a text in one argument is recognised as a command.
#[rustfmt::skip]
pub(super) const COMMON_COMMANDS: &[&str] = &[
    "export", "cd", "set", "cat", "ls", "source", ".", "for", "test", "[", "[[", "mkdir", "rm",
    "cp", "mv", "chmod", "chown", "touch", "apt", "apt-get", "yum", "dnf", "systemctl", "service",
    "wget", "java", "mvn", "gradle", "make", "terraform", "ansible-playbook", "kinit", "rsync",
    "scp", "tar", "sed", "declare", "local", "readonly", "trap", "sleep", "kill", "vi", "vim",
    "useradd", "ADD", "RUN", "CMD", "ENTRYPOINT",
];

// ---------------------------------------------------------------------------------------------
// 3. Shapes

/// Which bytes the body of a token is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// `[0-9a-f]`, any case
    Hex,
    /// `[A-Za-z0-9]`
    Alnum,
    /// `[A-Z0-9]`
    Upper,
    /// `[A-Za-z0-9_]`
    Word,
    /// `[A-Za-z0-9_-]`
    Url,
    /// `[A-Za-z0-9_.-]`
    Dotted,
    /// `[A-Za-z0-9+/=_.~-]`
    Base64,
    /// `[A-Za-z0-9/_-]`: the path of a web hook
    Path,
    /// `[A-Za-z0-9_:-]`: number, colon, token
    Bot,
}

/// A token that is known by its prefix.
#[derive(Debug)]
pub(super) struct Shape {
    pub rule: &'static str,
    pub prefix: &'static str,
    pub body: Body,
    /// Fewest bytes after the prefix. Below that it is a word that happens to begin alike.
    pub body_bytes_min: usize,
    /// The prefix is ordinary text (a host, a path) and stays; only the body is the secret.
    pub keeps_prefix: bool,
}

const fn shape(
    rule: &'static str,
    prefix: &'static str,
    body: Body,
    body_bytes_min: usize,
) -> Shape {
    Shape {
        rule,
        prefix,
        body,
        body_bytes_min,
        keeps_prefix: false,
    }
}

const fn behind(
    rule: &'static str,
    prefix: &'static str,
    body: Body,
    body_bytes_min: usize,
) -> Shape {
    Shape {
        rule,
        prefix,
        body,
        body_bytes_min,
        keeps_prefix: true,
    }
}

#[rustfmt::skip]
pub(super) const SHAPES: &[Shape] = &[
    shape("aws-access-key", "AKIA", Body::Upper, 16),
    shape("aws-access-key", "ASIA", Body::Upper, 16),
    shape("aws-access-key", "ABIA", Body::Upper, 16),
    shape("aws-access-key", "ACCA", Body::Upper, 16),
    shape("aws-bedrock-key", "ABSK", Body::Base64, 100),
    shape("github-token", "ghp_", Body::Word, 20),
    shape("github-token", "gho_", Body::Word, 20),
    shape("github-token", "ghu_", Body::Word, 20),
    shape("github-token", "ghs_", Body::Word, 20),
    shape("github-token", "ghr_", Body::Word, 20),
    shape("github-token", "github_pat_", Body::Word, 20),
    shape("gitlab-token", "glpat-", Body::Dotted, 16),
    shape("gitlab-token", "gldt-", Body::Dotted, 16),
    shape("gitlab-token", "glrt-", Body::Dotted, 16),
    shape("gitlab-token", "glptt-", Body::Dotted, 16),
    shape("gitlab-token", "glcbt-", Body::Dotted, 16),
    shape("gitlab-token", "glsoat-", Body::Dotted, 16),
    shape("gitlab-token", "glimt-", Body::Dotted, 16),
    shape("gitlab-token", "glagent-", Body::Dotted, 16),
    shape("gitlab-token", "gloas-", Body::Dotted, 16),
    shape("gitlab-token", "glft-", Body::Dotted, 16),
    shape("gitlab-token", "GR1348941", Body::Url, 16),
    shape("slack-token", "xoxb-", Body::Url, 10),
    shape("slack-token", "xoxp-", Body::Url, 10),
    shape("slack-token", "xoxa-", Body::Url, 10),
    shape("slack-token", "xoxr-", Body::Url, 10),
    shape("slack-token", "xoxs-", Body::Url, 10),
    shape("slack-token", "xoxe-", Body::Url, 10),
    shape("slack-token", "xoxe.xox", Body::Dotted, 10),
    shape("slack-token", "xoxc-", Body::Url, 10),
    shape("slack-token", "xoxd-", Body::Base64, 10),
    shape("slack-token", "xapp-", Body::Url, 10),
    behind("slack-webhook", "hooks.slack.com/services/", Body::Path, 20),
    behind("slack-webhook", "hooks.slack.com/workflows/", Body::Path, 20),
    behind("discord-webhook", "discord.com/api/webhooks/", Body::Path, 30),
    behind("discord-webhook", "discordapp.com/api/webhooks/", Body::Path, 30),
    behind("teams-webhook", "webhook.office.com/webhookb2/", Body::Path, 30),
    behind("chat-webhook", "hooks.zapier.com/hooks/catch/", Body::Path, 8),
    behind("telegram-token", "api.telegram.org/bot", Body::Bot, 30),
    shape("stripe-key", "sk_live_", Body::Word, 10),
    shape("stripe-key", "sk_test_", Body::Word, 10),
    shape("stripe-key", "rk_live_", Body::Word, 10),
    shape("stripe-key", "rk_test_", Body::Word, 10),
    shape("stripe-key", "whsec_", Body::Base64, 16),
    shape("google-key", "AIza", Body::Url, 30),
    shape("google-token", "ya29.", Body::Dotted, 20),
    shape("google-token", "GOCSPX-", Body::Url, 20),
    shape("json-web-token", "eyJ", Body::Dotted, 20),
    shape("npm-token", "npm_", Body::Alnum, 30),
    shape("pypi-token", "pypi-", Body::Url, 40),
    shape("openai-key", "sk-proj-", Body::Url, 16),
    shape("openai-key", "sk-svcacct-", Body::Url, 16),
    shape("openai-key", "sk-", Body::Alnum, 20),
    shape("openai-key", "sk-admin-", Body::Url, 16),
    shape("openai-key", "sess-", Body::Alnum, 30),
    shape("anthropic-key", "sk-ant-", Body::Url, 16),
    shape("openrouter-key", "sk-or-", Body::Url, 16),
    shape("digitalocean-token", "dop_v1_", Body::Hex, 32),
    shape("digitalocean-token", "doo_v1_", Body::Hex, 32),
    shape("digitalocean-token", "dor_v1_", Body::Hex, 32),
    shape("vault-token", "hvs.", Body::Url, 20),
    shape("vault-token", "hvb.", Body::Url, 20),
    shape("vault-token", "hvr.", Body::Url, 20),
    shape("sendgrid-key", "SG.", Body::Dotted, 40),
    shape("mailgun-key", "key-", Body::Hex, 32),
    shape("docker-token", "dckr_pat_", Body::Url, 16),
    shape("docker-token", "dckr_oat_", Body::Url, 16),
    shape("swarm-token", "SWMTKN-1-", Body::Url, 20),
    shape("tailscale-key", "tskey-", Body::Url, 12),
    shape("age-key", "AGE-SECRET-KEY-1", Body::Upper, 30),
    shape("hugging-face-token", "hf_", Body::Alnum, 30),
    shape("hugging-face-token", "api_org_", Body::Alnum, 30),
    shape("nvidia-key", "nvapi-", Body::Url, 30),
    shape("groq-key", "gsk_", Body::Alnum, 30),
    shape("xai-key", "xai-", Body::Alnum, 40),
    shape("replicate-token", "r8_", Body::Alnum, 30),
    shape("perplexity-key", "pplx-", Body::Alnum, 30),
    shape("shopify-token", "shpat_", Body::Hex, 32),
    shape("shopify-token", "shpss_", Body::Hex, 32),
    shape("shopify-token", "shpca_", Body::Hex, 32),
    shape("square-token", "sq0atp-", Body::Url, 20),
    shape("square-token", "sq0csp-", Body::Url, 20),
    shape("linear-key", "lin_api_", Body::Alnum, 20),
    shape("figma-token", "figd_", Body::Url, 20),
    shape("postman-key", "PMAK-", Body::Url, 30),
    shape("new-relic-key", "NRAK-", Body::Alnum, 20),
    shape("databricks-token", "dapi", Body::Hex, 32),
    shape("rubygems-key", "rubygems_", Body::Hex, 32),
    shape("nuget-key", "oy2", Body::Alnum, 43),
    shape("atlassian-token", "ATATT3", Body::Base64, 30),
    shape("bitbucket-token", "ATBB", Body::Alnum, 24),
    shape("notion-token", "ntn_", Body::Alnum, 30),
    shape("notion-token", "secret_", Body::Alnum, 40),
    shape("sentry-token", "sntrys_", Body::Base64, 30),
    shape("sentry-token", "sntryu_", Body::Hex, 40),
    shape("supabase-token", "sbp_", Body::Hex, 32),
    shape("supabase-token", "sb_secret_", Body::Url, 20),
    shape("pulumi-token", "pul-", Body::Hex, 40),
    shape("doppler-token", "dp.pt.", Body::Dotted, 20),
    shape("doppler-token", "dp.st.", Body::Dotted, 20),
    shape("doppler-token", "dp.sa.", Body::Dotted, 20),
    shape("onepassword-token", "ops_eyJ", Body::Base64, 40),
    shape("fly-token", "fm2_", Body::Base64, 30),
    shape("fly-token", "fo1_", Body::Url, 30),
    shape("grafana-token", "glsa_", Body::Word, 30),
    shape("grafana-token", "glc_", Body::Base64, 30),
    shape("facebook-token", "EAACEdEose0cBA", Body::Alnum, 1),
    shape("posthog-key", "phx_", Body::Alnum, 30),
    shape("planetscale-token", "pscale_tkn_", Body::Dotted, 20),
    shape("planetscale-token", "pscale_pw_", Body::Dotted, 20),
    shape("dynatrace-token", "dt0c01.", Body::Dotted, 40),
    shape("alibaba-key", "LTAI", Body::Alnum, 12),
    shape("duffel-token", "duffel_live_", Body::Url, 20),
    shape("easypost-key", "EZAK", Body::Alnum, 50),
    shape("buildkite-token", "bkua_", Body::Hex, 40),
    shape("circleci-token", "CCIPAT_", Body::Word, 30),
    shape("terraform-token", ".atlasv1.", Body::Url, 30),
    shape("artifactory-token", "AKCp", Body::Alnum, 60),
    shape("cloudflare-key", "v1.0-", Body::Hex, 100),
    shape("heroku-key", "HRKU-", Body::Url, 30),
];

// ---------------------------------------------------------------------------------------------
// 4. Syntax

/// Calls whose third literal is a password: place, user, password.
#[rustfmt::skip]
pub(super) const CONNECT_CALLS: &[&str] = &[
    "new PDO(", "DBI->connect(", "mysqli(", "mysqli_connect(", "MySQLdb.connect(",
    "pymysql.connect(", "getConnection(", "pg_pconnect(", "oci_connect(", "ldap_bind(",
];

/// Calls around a literal that is the secret all the same: `password => bcrypt('x')`.
#[rustfmt::skip]
pub(super) const WRAPPING_CALLS: &[&str] = &[
    "bcrypt", "make", "crypt", "encrypt", "hash", "md5", "sha1", "sha2", "sha256", "sha512",
    "hashpw", "password", "password_hash", "make_password", "generate_password_hash", "hash_password",
    "str", "string", "bytes", "quote", "securestring", "base64", "b64encode", "sensitive",
];

/// Headers whose whole value is a secret, or is one behind the scheme.
#[rustfmt::skip]
pub(super) const AUTH_SCHEMES: &[&str] = &[
    "bearer", "basic", "token", "digest", "negotiate", "apikey", "api-key", "key", "splunk",
    "ntlm", "aws4-hmac-sha256", "sharedkey", "genie", "genie-key", "discogs", "bot", "jwt", "ssws",
    "zoho-oauthtoken", "pveapitoken",
];
