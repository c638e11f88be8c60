//! What a scheduler that died has left running of its tries, so that none runs twice.
//!
//! It is found in three ways. By the mark that each try has in its environment, which all that it
//! starts inherits: the child has it from its first moment on, so that no kill is too early. By the
//! note of the group's leader, for what throws its environment away. And by the lock on the log,
//! which says that there is something still, also where nobody can tell what.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::error::{Error, ErrorKind, Result};

/// The variable of the environment with the mark of a try.
pub(super) const MARK: &str = "FLOE_TRY";

/// What is known of a try that was running.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) mark: Option<String>,
    pub(super) log: PathBuf,
}

/// A process, which no later one of the same number is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Process {
    number: i32,
    /// When it started, in ticks since the system did; none where that cannot be asked.
    born: Option<u64>,
}

/// A line of `/proc/<number>/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    number: i32,
    pub(super) has_ended: bool,
    pub(super) group: i32,
    born: u64,
}

impl Stat {
    fn of(number: i32) -> Option<Self> {
        let text = std::fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
        // The name stands in brackets and may hold anything. Then come state, parent and group,
        // and, as the 22nd field of the line, when it started.
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        Some(Self {
            number,
            has_ended: matches!(*fields.first()?, "Z" | "X"),
            group: fields.get(2)?.parse().ok()?,
            born: fields.get(19)?.parse().ok()?,
        })
    }

    fn process(self) -> Process {
        Process {
            number: self.number,
            born: Some(self.born),
        }
    }
}

/// All processes; none where there is no `/proc`.
pub(super) fn all() -> impl Iterator<Item = Stat> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| Stat::of(entry.file_name().to_str()?.parse().ok()?))
}

impl Process {
    fn lives(self) -> bool {
        let stat = Stat::of(self.number);
        stat.is_some_and(|stat| Some(stat.born) == self.born && !stat.has_ended)
    }

    /// Signals it, and no other that has its number by now.
    fn signal(self, signal: Signal) {
        let Some(pid) = Pid::from_raw(self.number) else {
            return;
        };
        // It may have ended in between, which is what is wanted.
        #[cfg(target_os = "linux")]
        {
            use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};

            // What is held is the process and not its number; whose it was is asked after that.
            if let Ok(held) = pidfd_open(pid, PidfdFlags::empty()) {
                if self.lives() {
                    let _ = pidfd_send_signal(held, signal);
                }
                return;
            }
        }
        if self.lives() {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

/// Where the leader of a try's group is noted.
pub(super) fn note_of(log: &Path) -> PathBuf {
    log.with_extension("pid")
}

/// Notes the leader of a try's group.
pub(super) fn note(log: &Path, leader: Pid) -> std::io::Result<()> {
    let number = leader.as_raw_nonzero().get();
    let born = Stat::of(number).map_or_else(String::new, |stat| stat.born.to_string());
    std::fs::write(note_of(log), format!("{number} {born} {}\n", boot()))
}

/// What tells one start of the system from another, where it says so.
fn boot() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.trim().to_owned()
}

/// The leader that was noted, if it was noted since the system started.
fn noted(log: &Path) -> Option<Process> {
    let text = std::fs::read_to_string(note_of(log)).ok()?;
    let mut words = text.trim_end_matches('\n').split(' ');
    let number = words.next()?.parse().ok()?;
    let born = words.next()?.parse().ok();
    (words.next()? == boot()).then_some(Process { number, born })
}

/// Ends all that is left of tries.
pub(super) fn end(tries: &[Left], grace: Duration) -> Result<()> {
    if tries.is_empty() {
        return Ok(());
    }
    let marks: BTreeSet<&str> = tries.iter().filter_map(|of| of.mark.as_deref()).collect();
    let leaders: BTreeSet<Process> = tries.iter().filter_map(|of| noted(&of.log)).collect();
    end_processes(&marks, &leaders, grace);
    for Left { log, .. } in tries {
        let lock = File::open(log).ok();
        if !is_free_within(lock.as_ref(), Duration::ZERO) {
            end_unknown(log, lock.as_ref(), grace);
        }
        if !is_free_within(lock.as_ref(), grace.saturating_add(Duration::from_secs(5))) {
            let message = format!(
                "a try that an earlier process started still runs; its log is `{}`",
                log.display()
            );
            return Err(Error::new(ErrorKind::Schedule, message)
                .with_help("end it, and start the schedule again")
                .transient());
        }
        let _ = std::fs::remove_file(note_of(log));
    }
    Ok(())
}

/// Ends the processes with these marks, and the groups of these leaders.
fn end_processes(marks: &BTreeSet<&str>, leaders: &BTreeSet<Process>, grace: Duration) {
    let mut known: BTreeSet<Process> = BTreeSet::new();
    let mut quiet = 0;
    for (signal, time) in [
        (Signal::TERM, grace),
        (Signal::KILL, Duration::from_secs(5)),
    ] {
        let begin = Instant::now();
        let mut told: BTreeSet<Process> = BTreeSet::new();
        loop {
            known.extend(found(marks, leaders));
            known.retain(|process| process.lives());
            // Twice: one that begins its program just then shows no environment for a moment.
            quiet = if known.is_empty() { quiet + 1 } else { 0 };
            if quiet > 1 {
                return;
            }
            for process in &known {
                if told.insert(*process) {
                    process.signal(signal);
                }
            }
            if !known.is_empty() && begin.elapsed() >= time {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn found(marks: &BTreeSet<&str>, leaders: &BTreeSet<Process>) -> Vec<Process> {
    // A leader that is there, be it as a zombie, keeps the number of its group from all others.
    let there = |leader: &&Process| {
        leader.born.is_some() && Stat::of(leader.number).map(Stat::process) == Some(**leader)
    };
    let groups: BTreeSet<i32> = leaders
        .iter()
        .filter(there)
        .map(|leader| leader.number)
        .collect();
    let is_ours = |stat: &Stat| {
        groups.contains(&stat.group) || mark(stat.number).is_some_and(|it| marks.contains(&*it))
    };
    // A try may itself have started the scheduler that looks.
    let is_other = |stat: &Stat| i64::from(stat.number) != i64::from(std::process::id());
    all()
        .filter(|stat| !stat.has_ended && is_other(stat))
        .filter(is_ours)
        .map(Stat::process)
        .collect()
}

/// The mark in the environment of a process, if it has one and lets us see it.
fn mark(number: i32) -> Option<String> {
    let environment = std::fs::read(format!("/proc/{number}/environ")).ok()?;
    let mut variables = environment.split(|byte| *byte == 0);
    let mark = variables.find_map(|variable| {
        let value = variable.strip_prefix(MARK.as_bytes())?;
        value.strip_prefix(b"=")
    })?;
    String::from_utf8(mark.to_owned()).ok()
}

/// Where no start of a process can be asked, the lock says that the try lives, and the note says
/// which group it was.
fn end_unknown(log: &Path, lock: Option<&File>, grace: Duration) {
    let leader = noted(log).filter(|leader| leader.born.is_none());
    let Some(group) = leader.and_then(|leader| Pid::from_raw(leader.number)) else {
        return;
    };
    let gone = || is_free_within(lock, Duration::ZERO);
    super::process::end_by_signals(group, grace, gone);
    super::process::end_group(group, grace);
}

/// Whether the lock on a log comes free: a log that never was is held by nobody.
fn is_free_within(log: Option<&File>, time: Duration) -> bool {
    let Some(log) = log else { return true };
    super::process::within(time, || {
        let is_free = log.try_lock().is_ok();
        if is_free {
            // For the looks after this one.
            let _ = log.unlock();
        }
        is_free
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command, Stdio};

    use super::*;

    const FOLDER: &str = "FLOE_TEST_ORPHAN_FOLDER";

    fn start(mark: Option<&str>) -> Child {
        let mut command = Command::new("/bin/sleep");
        command.arg("300").stdin(Stdio::null()).process_group(0);
        match mark {
            Some(mark) => command.env(MARK, mark),
            None => command.env_clear(),
        };
        command.spawn().unwrap()
    }

    fn left(folder: &Path, mark: Option<&str>) -> [Left; 1] {
        [Left {
            mark: mark.map(ToOwned::to_owned),
            log: folder.join("try.log"),
        }]
    }

    fn pid(child: &Child) -> Pid {
        Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap()
    }

    #[test]
    fn a_mark_finds_its_own_process_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let own = format!("{:032x}", rand::random::<u128>());
        let (mut ours, mut other) = (start(Some(&own)), start(Some(&format!("{own}0"))));
        end(&left(folder.path(), Some(&own)), Duration::from_secs(10)).unwrap();
        assert!(!ours.wait().unwrap().success());
        assert!(other.try_wait().unwrap().is_none(), "another was ended");
        other.kill().unwrap();
        other.wait().unwrap();
    }

    /// Looks for its own mark, when this binary is started to; nothing in an ordinary run.
    #[test]
    fn as_one_with_the_mark() {
        let Some(folder) = std::env::var_os(FOLDER) else {
            return;
        };
        let own = std::env::var(MARK).unwrap();
        let folder = Path::new(&folder);
        end(&left(folder, Some(&own)), Duration::from_secs(10)).unwrap();
    }

    #[test]
    fn nobody_ends_itself() {
        let folder = tempfile::tempdir().unwrap();
        let own = format!("{:032x}", rand::random::<u128>());
        let mut other = start(Some(&own));
        let test = "schedule::engine::orphan::tests::as_one_with_the_mark";
        let looks = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact"])
            .env(MARK, &own)
            .env(FOLDER, folder.path())
            .output()
            .unwrap();
        assert!(looks.status.success(), "{looks:?}");
        assert!(!other.wait().unwrap().success());
    }

    #[test]
    fn a_note_finds_what_has_no_mark_and_nobody_with_the_same_number() {
        let folder = tempfile::tempdir().unwrap();
        let tries = left(folder.path(), None);
        let mut child = start(None);
        let number = child.id();
        let stat = Stat::of(number.try_into().unwrap()).unwrap();
        // As after its number went to another, or after the system was started anew.
        for line in [
            format!("{number} {} {}\n", stat.born - 1, boot()),
            format!("{number} {} another-start\n", stat.born),
        ] {
            std::fs::write(note_of(&tries[0].log), line).unwrap();
            end(&tries, Duration::from_secs(10)).unwrap();
            assert!(child.try_wait().unwrap().is_none(), "another was ended");
        }
        note(&tries[0].log, pid(&child)).unwrap();
        end(&tries, Duration::from_secs(10)).unwrap();
        assert!(!child.wait().unwrap().success());
        assert!(!note_of(&tries[0].log).exists());
    }
}
