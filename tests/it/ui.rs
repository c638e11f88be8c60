//! What a user sees who makes a mistake that the types stop: `tests/ui/fail/NAME.rs` must not
//! compile, and rustc must say `NAME.stderr`; `tests/ui/pass/*.rs` must compile without a warning.
//!
//! `FLOE_BLESS=1 cargo test --test it ui` writes the `.stderr` files anew. No `trybuild`: it would
//! check Polars a second time. rustc is run on the rlib that this very binary is linked to.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

/// The texts around our messages are those of this version; see [`contract`] for others.
const BLESSED_WITH: &str = "rustc 1.95.";

#[test]
fn every_mistake_gets_its_message() {
    let rustc = Rustc::new();
    let bless = std::env::var_os("FLOE_BLESS").is_some();
    let exact = rustc.version.starts_with(BLESSED_WITH);
    assert!(exact || !bless, "bless with {BLESSED_WITH}x");
    let cases = cases("fail");
    let firsts = Mutex::new(BTreeSet::new());
    let complaints = on_all(&cases, |case| {
        let output = rustc.compile(case);
        if output.compiles {
            return Some("it compiles, and should not".to_owned());
        }
        let seen = normalized(&output.stderr);
        let first = seen.lines().next().unwrap_or_default();
        firsts.lock().expect("no panic").insert(first.to_owned());
        let file = case.with_extension("stderr");
        if bless {
            fs::write(&file, &seen).expect("the message can be written");
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        let missing = contract(&expected).find(|sentence| !output.stderr.contains(sentence));
        if let Some(missing) = missing {
            return Some(format!("`{missing}` is missing in:\n{}", output.stderr));
        }
        (exact && seen != expected).then(|| format!("expected:\n{expected}\nseen:\n{seen}"))
    });
    assert!(complaints.is_empty(), "{complaints}");
    let firsts = firsts.into_inner().expect("no panic");
    assert!(firsts.len() >= 10, "ten different mistakes: {firsts:#?}");
    for stderr in files("fail", "stderr") {
        let case = stderr.with_extension("rs");
        assert!(case.exists(), "{} has no case", stderr.display());
    }
}

#[test]
fn correct_programs_compile_without_a_warning() {
    let rustc = Rustc::new();
    let complaints = on_all(&cases("pass"), |case| {
        let output = rustc.compile(case);
        let fine = output.compiles && output.stderr.is_empty();
        (!fine).then_some(output.stderr)
    });
    assert!(complaints.is_empty(), "{complaints}");
}

#[test]
fn the_page_on_leakage_quotes_the_real_messages() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/leakage.md")).expect("the page is there");
    let mut quoted = 0;
    for line in page
        .lines()
        .filter(|line| line.contains("(../tests/ui/fail/"))
    {
        let (_, rest) = line.split_once("`` ").expect("a row quotes a message");
        let (message, rest) = rest.split_once(" ``").expect("the message ends");
        let (_, rest) = rest.split_once("(../").expect("a row links to its case");
        let (case, _) = rest.split_once(')').expect("the link ends");
        let stderr = root.join(case).with_extension("stderr");
        let stderr = fs::read_to_string(&stderr).unwrap_or_else(|_| panic!("no case {case}"));
        assert!(
            stderr.contains(message),
            "{case} says another thing than `{message}`"
        );
        quoted += 1;
    }
    assert!(quoted >= 10, "only {quoted} messages are quoted");
}

#[test]
fn the_library_is_the_one_that_this_binary_links() {
    let proof = proof().expect("the names of functions are in a test binary");
    let bytes = fs::read(&*LIBRARY).expect("the library can be read");
    assert!(
        holds(&bytes, &proof),
        "{} has no {proof}",
        LIBRARY.display()
    );
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/ui")
        .join(folder);
    let entries = fs::read_dir(&folder).expect("the cases are beside the tests");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

fn cases(folder: &str) -> Vec<PathBuf> {
    let cases = files(folder, "rs");
    assert!(!cases.is_empty());
    cases
}

fn name(case: &Path) -> &str {
    case.file_stem()
        .and_then(|name| name.to_str())
        .expect("cases have plain names")
}

/// Runs two cases at a time and gathers what is wrong.
fn on_all(cases: &[PathBuf], judge: impl Fn(&Path) -> Option<String> + Sync) -> String {
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(String::new());
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(complaint) = judge(case) {
                let mut wrong = wrong.lock().expect("no panic");
                writeln!(wrong, "\n=== {}\n{complaint}", name(case)).expect("a string takes all");
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    wrong.into_inner().expect("no panic")
}

struct Rustc {
    library: PathBuf,
    version: String,
    folder: tempfile::TempDir,
}

struct Output {
    compiles: bool,
    stderr: String,
}

impl Rustc {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let output = command(folder.path()).arg("--version").output();
        let output = output.expect("rustc runs: set RUSTC, or put it on the path");
        Self {
            library: LIBRARY.clone(),
            version: String::from_utf8_lossy(&output.stdout).into_owned(),
            folder,
        }
    }

    fn compile(&self, case: &Path) -> Output {
        // A copy in the folder where rustc runs: its paths are short and the same everywhere, and
        // rustc does not find, nor quote, the lines of the library.
        let folder = self.folder.path();
        let file = case.file_name().expect("a case is a file");
        fs::copy(case, folder.join(file)).expect("the case can be copied");
        let deps = self.library.parent().expect("a library lies in a folder");
        let output = command(folder)
            .args([
                "--edition",
                "2024",
                "--crate-type",
                "lib",
                "--emit",
                "metadata",
            ])
            .args([
                "--error-format",
                "human",
                "--color",
                "never",
                "--diagnostic-width",
                "140",
            ])
            .arg("-o")
            .arg(folder.join(name(case)).with_extension("rmeta"))
            .arg("--extern")
            .arg(format!("floe={}", self.library.display()))
            .arg("-L")
            .arg(format!("dependency={}", deps.display()))
            .arg(file)
            .output()
            .expect("rustc ran before");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        for trouble in [
            "error[E0460]",
            "error[E0463]",
            "error[E0514]",
            "internal compiler error",
        ] {
            assert!(
                !stderr.contains(trouble),
                "rustc cannot use {}, which may be built by another rustc:\n{stderr}",
                self.library.display()
            );
        }
        Output {
            compiles: output.status.success(),
            stderr,
        }
    }
}

/// rustc in an environment of its own: `RUSTFLAGS`, `RUST_BACKTRACE` and their like change texts.
fn command(folder: &Path) -> Command {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.env_clear().current_dir(folder);
    let kept = [
        "PATH",
        "HOME",
        "USERPROFILE",
        "SYSTEMROOT",
        "TMPDIR",
        "TEMP",
        "TMP",
        "LD_LIBRARY_PATH",
        "CARGO_HOME",
        "RUSTUP_HOME",
        "RUSTUP_TOOLCHAIN",
    ];
    for variable in kept {
        if let Some(value) = std::env::var_os(variable) {
            command.env(variable, value);
        }
    }
    command
}

static LIBRARY: LazyLock<PathBuf> = LazyLock::new(library);

/// The rlib of floe that this binary is linked to.
///
/// Several may lie beside it, of other feature sets or of other days; the newest need not be ours,
/// since cargo does not touch what is fresh. Ours has the function that a backtrace names here,
/// with its hash. Where a binary has no names, it is the newest one older than the binary.
fn library() -> PathBuf {
    let binary = std::env::current_exe().expect("a test knows its own path");
    let folder = binary.parent().expect("a binary lies in a folder");
    let written = |path: &Path| fs::metadata(path).and_then(|facts| facts.modified()).ok();
    let entries = fs::read_dir(folder).expect("the folder of the binary can be read");
    let mut candidates: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            name.starts_with("libfloe-") && name.ends_with(".rlib")
        })
        .collect();
    candidates.sort_by_key(|path| std::cmp::Reverse(written(path)));
    let found = match proof() {
        _ if candidates.len() == 1 => candidates.pop(),
        Some(proof) => candidates
            .into_iter()
            .find(|path| fs::read(path).is_ok_and(|bytes| holds(&bytes, &proof))),
        None => candidates
            .into_iter()
            .find(|path| written(path) <= written(&binary)),
    };
    found.unwrap_or_else(|| panic!("no rlib of floe in {}", folder.display()))
}

/// The end of the mangled name of a function of floe: its hash is that of one build of the crate.
fn proof() -> Option<String> {
    struct Probe;
    impl fmt::Debug for Probe {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{:#}", std::backtrace::Backtrace::force_capture())
        }
    }
    // A stage is labeled by its `Debug` text, which is asked for inside of `Error::at`. The label
    // is cut, so the text is kept on the way.
    struct Keep(Mutex<String>);
    impl fmt::Debug for Keep {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            *self.0.lock().expect("no panic") = format!("{Probe:?}");
            Ok(())
        }
    }
    let keep = Keep(Mutex::default());
    let _labeled = floe::Error::new(floe::ErrorKind::Config, "a probe").at(&keep);
    let trace = keep.0.into_inner().expect("no panic");
    let (_, rest) = trace.split_once("floe::error::Error::at::h")?;
    let hash = rest.get(..16)?;
    Some(format!("17h{hash}E"))
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// What rustc says, without what changes from one machine or day to the next: line numbers of the
/// library, files for long types, and the list of other types that have a trait.
fn normalized(stderr: &str) -> String {
    let mut lines = Vec::new();
    let mut listing = false;
    for line in stderr.lines() {
        let text = line.trim_start();
        let noise = text.starts_with("= note: the full name for the type has been written to")
            || text.starts_with("= note: consider using `--verbose`")
            || text.starts_with("error: aborting due to")
            || text.starts_with("Some errors have detailed explanations")
            || text.starts_with("For more information about");
        if noise {
            continue;
        }
        let starts_list = [
            "help: the following other types implement",
            "help: the trait `",
        ]
        .iter()
        .any(|start| line.starts_with(start))
            || text.starts_with("= help: the following other types implement");
        if starts_list {
            listing = true;
            continue;
        }
        let listed = text.starts_with("-->")
            || text.starts_with(":::")
            || text.starts_with("= note: `")
            || text == "|"
            || line.starts_with("        ");
        if listing && listed {
            continue;
        }
        listing = false;
        lines.push(
            match text.strip_prefix("--> ").or(text.strip_prefix("::: ")) {
                Some(place) if place.contains('/') => {
                    let path = place.split(':').next().unwrap_or_default();
                    let indent = &line[..line.len() - place.len()];
                    format!("{indent}{path}")
                }
                _ => line.to_owned(),
            },
        );
    }
    lines.push(String::new());
    lines.join("\n").replace("\n\n\n", "\n\n")
}

/// The sentences of an expected message that are ours: they hold with every version of rustc.
fn contract(expected: &str) -> impl Iterator<Item = &str> {
    let first = expected.lines().next().unwrap_or_default();
    let message = first.strip_prefix("error[E0277]: ").map(|message| {
        // The path of the type may be written in another way.
        let own = message
            .strip_prefix('`')
            .and_then(|rest| rest.split_once("` "));
        own.map_or(message, |(_, sentence)| sentence)
    });
    let notes = expected.lines().filter_map(|line| {
        let note = line.trim_start().strip_prefix("= note: ")?;
        let foreign = ["required", "expected", "found", "private"];
        (!foreign.iter().any(|start| note.starts_with(start))).then_some(note)
    });
    message.into_iter().chain(notes)
}
