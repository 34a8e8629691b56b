//! kill -9 of the server under load: whatever was acknowledged is still so when it is back.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::deployment::{BOSS, Deployment, Node};
use crate::on_both;
use crate::patience::{pause, promised};
use crate::wire::{Door, Tokens};

/// Clients that work at the same time.
const WORKERS: usize = 8;

/// How often the server is killed in one story.
fn rounds() -> u32 {
    std::env::var("FAULT_ROUNDS").map_or(4, |rounds| rounds.parse().expect("FAULT_ROUNDS is a number"))
}

on_both! {
    fn killed_under_load_a_server_keeps_every_word_it_gave(here: Deployment) {
        let mut workers: Vec<Worker> = (0..WORKERS).map(Worker::new).collect();
        let mut node = here.start();
        let boss = node.boss();
        for worker in &workers {
            node.create_user(&boss.access, &worker.email, "ADMIN").unwrap();
        }
        let mut facts = 0;
        for round in 0..rounds() {
            node = kill_under_load(&here, node, &mut workers, round);
            facts += check_all(&node, &mut workers);
        }
        node.stop();
        let node = here.start();
        facts += check_all(&node, &mut workers);
        eprintln!("{facts} facts held");
        assert!(facts > 100, "there was hardly any load: {facts} facts");
    }
}

/// Lets the workers work until the server dies under them, and starts it again.
fn kill_under_load(here: &Deployment, node: Node, workers: &mut [Worker], round: u32) -> Node {
    thread::scope(|scope| {
        for worker in workers {
            let door = node.door;
            scope.spawn(move || worker.work(door));
        }
        pause(Duration::from_millis(700 + u64::from(round * 137 % 600)));
        node.kill();
    });
    let node = here.start();
    assert!(node.begun().reading() < promised(2), "ready after {:?}", node.begun().reading());
    node
}

/// Looks after all facts; says how many there were.
fn check_all(node: &Node, workers: &mut [Worker]) -> usize {
    let boss = node.sign_in(BOSS).unwrap().ok().tokens();
    let facts = AtomicUsize::new(0);
    thread::scope(|scope| {
        for worker in workers {
            let (door, boss, facts) = (node.door, &boss.access, &facts);
            scope.spawn(move || facts.fetch_add(worker.check(door, boss), Ordering::Relaxed));
        }
    });
    facts.into_inner()
}

/// A client, and what it was promised.
struct Worker {
    email: String,
    users_made: u32,
    /// Sessions that live, with the refresh token last received.
    live: Vec<Tokens>,
    /// Sessions one of whose refresh tokens is spent: the second was presented.
    forked: Vec<(String, Tokens)>,
    /// Sessions that are no more.
    ended: Vec<Tokens>,
    /// Users, and the roles they may have: one, or two if the answer was lost.
    users: Vec<(String, Vec<&'static str>)>,
}

impl Worker {
    fn new(number: usize) -> Self {
        let email = format!("worker-{number}@acme.test");
        Self { email, users_made: 0, live: vec![], forked: vec![], ended: vec![], users: vec![] }
    }

    /// Works until nobody answers any more.
    fn work(&mut self, door: Door) {
        while self.one_turn(door).is_ok() {}
    }

    fn one_turn(&mut self, door: Door) -> io::Result<()> {
        let stays = door.sign_in(&self.email)?.ok().tokens();
        self.live.push(stays.clone());
        self.sign_in_and_out(door)?;
        self.refresh_twice(door)?;
        self.make_a_user(door, &stays.access)
    }

    fn sign_in_and_out(&mut self, door: Door) -> io::Result<()> {
        let goes = door.sign_in(&self.email)?.ok().tokens();
        // If this answer is lost, nobody knows.
        door.sign_out(&goes.access)?.ok();
        self.ended.push(goes);
        Ok(())
    }

    fn refresh_twice(&mut self, door: Door) -> io::Result<()> {
        let first = door.sign_in(&self.email)?.ok().tokens();
        self.live.push(first.clone());
        // If an answer is lost from here on, the token that was presented is still good.
        let second = door.refresh(&first.refresh)?.ok().tokens();
        self.live.last_mut().unwrap().refresh.clone_from(&second.refresh);
        let third = door.refresh(&second.refresh)?.ok().tokens();
        self.live.pop();
        self.forked.push((first.refresh, third));
        Ok(())
    }

    fn make_a_user(&mut self, door: Door, token: &str) -> io::Result<()> {
        self.users_made += 1;
        let user = door.create_user(token, &format!("made-{}-by-{}", self.users_made, self.email), "VIEWER")?;
        self.users.push((user.clone(), vec!["VIEWER", "AUTHOR"]));
        door.set_role(token, &user, "AUTHOR")?;
        self.users.last_mut().unwrap().1.remove(0);
        Ok(())
    }

    fn check(&mut self, door: Door, boss: &str) -> usize {
        for one in &mut self.live {
            door.me(&one.access).unwrap().ok();
            *one = door.refresh(&one.refresh).unwrap().ok().tokens();
        }
        for (spent, last) in self.forked.drain(..) {
            door.me(&last.access).unwrap().ok();
            assert!(door.refresh(&spent).unwrap().is_dead(), "a spent token came back");
            assert!(door.me(&last.access).unwrap().is_dead(), "a replay ended nothing");
            self.ended.push(last);
        }
        for one in &self.ended {
            assert!(door.me(&one.access).unwrap().is_dead(), "an ended session came back");
            assert!(door.refresh(&one.refresh).unwrap().is_dead(), "an ended session came back");
        }
        for (user, roles) in &mut self.users {
            let role = door.role_of(boss, user).unwrap().expect("a user who was made is there");
            roles.retain(|one| *one == role);
            assert_eq!(roles.len(), 1, "user {user} is {role}");
        }
        2 * self.live.len() + 2 * self.ended.len() + self.users.len()
    }
}
