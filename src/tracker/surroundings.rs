use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use serde::{Deserialize, Serialize};

/// Who runs it, on which machine, and at which state of the code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Surroundings {
    /// The user, as the environment names it, or else the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The program, by its file name. Its arguments may hold secrets and are not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The commit that the working folder is at, if it is in a clone of Git.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<Git>,
    /// The name of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The operating system, such as `linux`.
    pub os: String,
    /// The processor's architecture, such as `x86_64`.
    pub arch: String,
    /// How many threads may run at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<usize>,
    /// The version of Polars.
    pub polars: String,
}

/// The state of a clone of Git.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Git {
    /// The commit, in hexadecimal digits.
    pub commit: String,
    /// The branch, if one is checked out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub branch: Option<String>,
    /// Whether files that Git knows differ from the commit.
    pub dirty: bool,
}

/// After this a slow file system is not waited for.
const PATIENCE: Duration = Duration::from_secs(2);

impl Surroundings {
    /// Those of this process, now.
    pub fn here() -> Self {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let program = env::current_exe().ok();
        let program = program.as_deref().and_then(|path| path.file_name());
        let host = fs::read_to_string("/proc/sys/kernel/hostname").ok();
        Self {
            user: ["USER", "LOGNAME", "USERNAME"]
                .into_iter()
                .find_map(variable)
                .or_else(owner),
            program: program.map(|name| name.to_string_lossy().into_owned()),
            git: git(),
            host: host
                .map(|name| name.trim().to_owned())
                .or_else(|| variable("HOSTNAME"))
                .filter(|name| !name.is_empty()),
            os: env::consts::OS.to_owned(),
            arch: env::consts::ARCH.to_owned(),
            cpus: thread::available_parallelism().ok().map(usize::from),
            polars: polars::VERSION.to_owned(),
        }
    }
}

/// The user that the process belongs to, where the environment is bare: in containers, under `cron`.
fn owner() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    let id = ids.split_whitespace().next()?;
    let users = fs::read_to_string("/etc/passwd").ok()?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    })
}

/// Asks Git itself, which knows work trees, packed references and ignored files; none where it is
/// not installed, or this is no clone.
fn git() -> Option<Git> {
    let child = Command::new("git")
        .args([
            "status",
            "--porcelain=v2",
            "--branch",
            "--untracked-files=no",
        ])
        // It must not write to the clone, nor ask anybody anything.
        .envs([("GIT_OPTIONAL_LOCKS", "0"), ("GIT_TERMINAL_PROMPT", "0")])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let text = output(child).ok()??;
    let mut git = Git::default();
    for line in text.lines() {
        if let Some(commit) = line.strip_prefix("# branch.oid ") {
            commit.clone_into(&mut git.commit);
        } else if let Some(branch) = line.strip_prefix("# branch.head ") {
            git.branch = (branch != "(detached)").then(|| branch.to_owned());
        } else if !line.starts_with('#') {
            git.dirty = true;
        }
    }
    // A clone without a commit says `(initial)`.
    let is_commit = git.commit.len() >= 40 && git.commit.bytes().all(|b| b.is_ascii_hexdigit());
    is_commit.then_some(git)
}

/// What a child prints, if it ends well and in time.
fn output(mut child: Child) -> io::Result<Option<String>> {
    let Some(mut stdout) = child.stdout.take() else {
        return Ok(None);
    };
    // It may print more than a pipe holds.
    let reader = thread::spawn(move || io::read_to_string(&mut stdout));
    let began = Instant::now();
    while child.try_wait()?.is_none() {
        if began.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(1));
    }
    let ended_well = child.wait()?.success();
    let text = reader.join().ok().and_then(Result::ok);
    Ok(text.filter(|_| ended_well))
}
