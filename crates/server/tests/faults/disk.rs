//! A full disk and a locked file under SQLite: writes are refused, sessions that live go on, and nobody is signed in who is not
//! written down.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::deployment::{BOSS, Deployment};
use crate::patience::{LONG, TOLD, Watch, alone, promised, until};
use crate::wire::{Reply, Tokens};

#[test]
fn on_a_full_disk_living_sessions_go_on_and_nobody_is_signed_in_unwritten() {
    let _alone = alone();
    let Some(disk) = Disk::mount() else {
        eprintln!("skipped: mounting a small file system is not permitted here");
        return;
    };
    let here = Deployment::on_sqlite_in(disk.path());
    let node = here.start();
    let live = node.boss();
    let ended = node.boss();
    node.sign_out(&ended.access).unwrap().ok();
    let mut all = vec![live.clone()];
    for _ in 0..2 {
        disk.fill();
        // The log may have room left inside it: so many may still be written down.
        let refused = until(TOLD, "a sign-in is refused", || kept(node.sign_in(BOSS).unwrap(), &mut all));
        is_the_disks_fault(&refused);
        is_the_disks_fault(&node.refresh(&live.refresh).unwrap());
        is_the_disks_fault(&node.sign_out(&live.access).unwrap());
        for one in &all {
            node.me(&one.access).unwrap().ok();
        }
        assert!(node.me(&ended.access).unwrap().is_dead());
        disk.free();
        let signed_in = until(TOLD, "a sign-in works again", || Some(node.sign_in(BOSS).unwrap()).filter(Reply::is_ok));
        all.push(signed_in.tokens());
    }
    node.kill();
    let node = here.start();
    for one in &all {
        node.me(&one.access).unwrap().ok();
        node.refresh(&one.refresh).unwrap().ok();
    }
    assert!(node.me(&ended.access).unwrap().is_dead());
    node.stop();
}

#[test]
fn while_another_program_holds_the_file_writes_are_refused_in_time_and_reads_go_on() {
    let _alone = alone();
    let folder = TempDir::new().unwrap();
    let here = Deployment::on_sqlite_in(folder.path());
    let node = here.start();
    let live = node.boss();
    let other = rusqlite::Connection::open(folder.path().join("purser.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| is_the_disks_fault(&node.sign_out(&live.access).unwrap()));
        }
        let since = Watch::start();
        until(LONG, "they have waited", || {
            node.me(&live.access).unwrap().ok();
            node.ready().unwrap().ok();
            (since.reading() > Duration::from_secs(3)).then_some(())
        });
    });
    other.execute_batch("ROLLBACK").unwrap();
    until(promised(1), "a change is taken again", || Some(node.sign_in(BOSS).unwrap()).filter(Reply::is_ok));
    node.me(&live.access).unwrap().ok();
    node.stop();
}

/// Keeps what a success handed out; gives a refusal.
fn kept(reply: Reply, all: &mut Vec<Tokens>) -> Option<Reply> {
    if reply.is_ok() {
        all.push(reply.tokens());
        return None;
    }
    Some(reply)
}

#[track_caller]
fn is_the_disks_fault(reply: &Reply) {
    assert_eq!((reply.status, reply.code()), (503, "STORE_UNAVAILABLE"), "{reply:?}");
    assert!(reply.header("retry-after").is_some(), "{reply:?}");
    assert!(reply.took < TOLD, "{reply:?}");
}

/// A disk of a few megabytes.
struct Disk(TempDir);

impl Disk {
    /// None if we may not.
    fn mount() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs"])
            .arg(folder.path())
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    /// Takes what room there is, to the last page.
    fn fill(&self) {
        let mut filler = File::options().create(true).append(true).open(self.filler()).unwrap();
        while filler.write_all(&[0; 4096]).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let output = Command::new("umount").arg("--lazy").arg(self.path()).output();
        assert!(output.is_ok_and(|output| output.status.success()) || thread::panicking(), "cannot be unmounted");
    }
}
