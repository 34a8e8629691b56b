//! Domains of a tenant: naming them, and proving that they are its own.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use purser_core::error::Error;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use crate::on_both;
use crate::providers::{settling, told};
use crate::world::command_line;

on_both! {
    async fn a_domain_is_proven_by_its_txt_record_alone(world) {
        let dns = NameServer::start().await;
        let address = dns.address;
        let world = world.with(move |settings| settings.federation.dns_server = Some(address)).await;
        let acme = world.tenant("acme").await;
        let by = settling(&world, &acme).await;
        let added = world.app.add_domain(&by, " Bücher.TEST. ").await.unwrap();
        assert_eq!((added.name.as_str(), added.verified_at), ("xn--bcher-kva.test", None));
        assert!(matches!(world.app.add_domain(&by, "bücher.test").await, Err(Error::Conflict)));
        let record = added.record();
        let before = world.database.dump().await;
        let wrong = format!("{record}x");
        for records in [vec![], vec!["v=spf1 -all"], vec![wrong.as_str()], vec!["purser-verification="]] {
            dns.say(&records);
            let refused = world.app.verify_domain(&by, "bücher.test").await;
            assert!(matches!(&refused, Err(Error::Invalid(problems)) if problems[0].field == "domain"), "{refused:?}");
        }
        assert_eq!(world.database.dump().await, before);
        dns.say(&["v=spf1 -all", &record]);
        let verified = world.app.verify_domain(&by, "BÜCHER.test").await.unwrap();
        assert_eq!(verified.verified_by.as_deref(), Some("dns"));
        assert_eq!(dns.asked(), "xn--bcher-kva.test");
        world.app.remove_domain(&by, "bücher.test").await.unwrap();
        world.app.add_domain(&by, "acme.test").await.unwrap();
        let confirmed = world.app.confirm_domain(&command_line(), &acme, "acme.test").await.unwrap();
        assert_eq!(confirmed.verified_by.as_deref(), Some("admin"));
        assert_eq!(told(&world, &acme).await, [
            "domain.added domain:xn--bcher-kva.test",
            "domain.verified domain:xn--bcher-kva.test dns",
            "domain.removed domain:xn--bcher-kva.test",
            "domain.added domain:acme.test",
            "domain.verified domain:acme.test admin",
        ]);
    }

    async fn what_is_no_domain_cannot_be_named(world) {
        let acme = world.tenant("acme").await;
        let by = settling(&world, &acme).await;
        let before = world.database.dump().await;
        for name in ["", "com", "127.0.0.1", "[::1]", "a..test", "-a.test", "a_b.test", "a.test/x", "a.test:80", "x@a.test", "1.2", &format!("{}.test", "x".repeat(64))] {
            let refused = world.app.add_domain(&by, name).await;
            assert!(matches!(refused, Err(Error::Invalid(_))), "{name}: {refused:?}");
        }
        assert_eq!(world.database.dump().await, before);
    }
}

/// A name server that says the same of every name (RFC 1035 section 4).
struct NameServer {
    address: SocketAddr,
    said: Arc<Mutex<Vec<String>>>,
    asked: Arc<Mutex<String>>,
    task: JoinHandle<()>,
}

impl NameServer {
    async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let (said, asked) = (Arc::default(), Arc::default());
        let task = tokio::spawn(Self::serve(socket, Arc::clone(&said), Arc::clone(&asked)));
        Self { address, said, asked, task }
    }

    fn say(&self, records: &[&str]) {
        *self.said.lock() = records.iter().map(|&record| record.to_owned()).collect();
    }

    /// The name that was asked for last.
    fn asked(&self) -> String {
        self.asked.lock().clone()
    }

    async fn serve(socket: UdpSocket, said: Arc<Mutex<Vec<String>>>, asked: Arc<Mutex<String>>) {
        let mut question = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut question).await {
            let records = said.lock().clone();
            let name_end = 12 + question[12..length].iter().position(|byte| *byte == 0).unwrap() + 1;
            *asked.lock() = labels(&question[12..name_end]);
            let count = u8::try_from(records.len()).unwrap();
            let mut answer = question[..name_end + 4].to_vec();
            answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, count, 0, 0, 0, 0]);
            for record in records {
                // The record in two parts, which are one text.
                let (one, two) = record.split_at(record.len() / 2);
                let length = u16::try_from(record.len() + 2).unwrap().to_be_bytes();
                answer.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60]);
                answer.extend(length);
                for part in [one, two] {
                    answer.push(u8::try_from(part.len()).unwrap());
                    answer.extend(part.bytes());
                }
            }
            socket.send_to(&answer, from).await.unwrap();
        }
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn labels(mut wire: &[u8]) -> String {
    let mut names = Vec::new();
    while let Some((&length, rest)) = wire.split_first() {
        let (label, more) = rest.split_at(length.into());
        names.push(String::from_utf8(label.to_vec()).unwrap());
        wire = more;
    }
    names.pop();
    names.join(".")
}
