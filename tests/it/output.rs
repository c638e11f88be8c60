//! Writing a file whole: what stands at its path before decides what happens there.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::process::Command;

use floe::ErrorKind;
use floe::output::write_whole;

#[test]
fn a_pipe_or_a_device_is_refused_and_stays() {
    let room = tempfile::tempdir().expect("a directory");
    let pipe = room.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    let error = write_whole(&pipe, |file| file.write_all(b"x")).expect_err("a pipe");
    assert_eq!(error.kind(), ErrorKind::Output);
    assert!(error.to_string().contains("a pipe or a device"), "{error}");
    let kind = fs::metadata(&pipe).expect("it is there").file_type();
    assert!(kind.is_fifo());
}

#[test]
fn a_link_is_followed_and_permissions_stay() {
    let room = tempfile::tempdir().expect("a directory");
    let [file, link] = ["file", "link"].map(|name| room.path().join(name));
    fs::write(&file, "before").expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("permissions");
    symlink(&file, &link).expect("a link");
    write_whole(&link, |file| file.write_all(b"after")).expect("it is written");
    assert_eq!(fs::read_to_string(&file).expect("a file"), "after");
    assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
    let mode = fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
