//! Letters: sent once by however many nodes, tried again, given up, and never made of what the database holds.

use std::collections::BTreeSet;
use std::sync::Arc;

use purser_core::access::Role;
use purser_core::app::App;
use purser_core::error::{Code, Error};
use purser_core::ids::{TenantId, UserId};
use purser_core::mail::{Kind, Undelivered};
use purser_core::secret::Secret;
use purser_core::users::NewUser;

use crate::on_both;
use crate::postbox::{Postbox, only, short, token};
use crate::world::{World, command_line, visit};

const HOUR: u64 = 3_600;

fn newcomer(name: &str) -> NewUser {
    NewUser::parse(&format!("{name}@acme.test"), "New", "Comer", "", [Role::Viewer], None).unwrap()
}

async fn invite(world: &World, tenant: &TenantId, name: &str) -> UserId {
    world.app.invite_user(&world.managing(tenant).await, newcomer(name)).await.unwrap().id
}

async fn figures(app: &App) -> (u64, u64, u64) {
    let figures = app.mail_figures().await.unwrap();
    (figures.waiting, figures.uncertain, figures.given_up)
}

fn later() -> Undelivered {
    Undelivered::Later("the line is busy".into())
}

on_both! {
    async fn two_nodes_send_each_letter_once(world) {
        let world = world.with_mail().await;
        let acme = world.tenant("acme").await;
        for at in 0..50 {
            invite(&world, &acme, &format!("n{at}")).await;
        }
        let (other, postbox) = (world.another_node().await, Arc::new(Postbox::default()));
        let rounds = [&world.app, &other, &world.app, &other].map(|node| {
            let (node, postbox) = (Arc::clone(node), Arc::clone(&postbox));
            tokio::spawn(async move { while node.post_letters(&*postbox).await.unwrap() > 0 {} })
        });
        for round in rounds {
            round.await.unwrap();
        }
        let letters = postbox.take();
        let to: BTreeSet<&str> = letters.iter().map(|letter| letter.mailbox.as_str()).collect();
        assert_eq!((letters.len(), to.len()), (50, 50));
        assert_eq!(figures(&world.app).await, (0, 0, 0));
    }

    async fn a_letter_that_was_not_taken_is_tried_again_and_given_up_after_two_days(world) {
        let world = world.with_mail().await;
        let acme = world.tenant("acme").await;
        invite(&world, &acme, "ann").await;
        world.postbox.refuse([later(), later()]);
        assert!(world.letters().await.is_empty());
        world.wait(59);
        assert!(world.letters().await.is_empty());
        world.wait(1);
        assert!(world.letters().await.is_empty());
        assert_eq!(figures(&world.app).await, (1, 0, 0));
        world.wait(300);
        assert_eq!(short(&world.letters().await), ["invitation to ann@acme.test"]);

        invite(&world, &acme, "ben").await;
        world.postbox.refuse(std::iter::repeat_with(later).take(100));
        for _ in 0..49 {
            assert!(world.letters().await.is_empty());
            world.wait(HOUR);
        }
        assert_eq!(figures(&world.app).await, (0, 0, 1));
        let line = world.last(&acme, "mail.given-up").await.unwrap();
        assert!(line.starts_with("system mail.given-up letter:") && line.ends_with(" done: the line is busy"), "{line}");
        let report = world.app.mail_report(&command_line()).await.unwrap();
        assert!(report.sends && report.troubled[0].state == "given-up" && report.troubled[0].kind == "invitation");
        world.wait(15 * 24 * HOUR);
        world.app.keep_house().await.unwrap();
        assert_eq!(figures(&world.app).await, (0, 0, 0));
    }

    async fn a_letter_refused_for_good_is_given_up_at_once(world) {
        let world = world.with_mail().await;
        let acme = world.tenant("acme").await;
        invite(&world, &acme, "ann").await;
        world.postbox.refuse([Undelivered::Never("550 no\r\nsuch mailbox".into())]);
        assert!(world.letters().await.is_empty());
        assert_eq!(figures(&world.app).await, (0, 0, 1));
        let line = world.last(&acme, "mail.given-up").await.unwrap();
        assert!(line.ends_with("done: 550 no  such mailbox"), "{line}");
        world.wait(HOUR);
        assert!(world.letters().await.is_empty());
    }

    async fn a_letter_that_may_have_gone_is_not_sent_again(world) {
        let world = world.with_mail().await;
        let acme = world.tenant("acme").await;
        invite(&world, &acme, "ann").await;
        world.postbox.refuse([Undelivered::Uncertain("the line went dead".into())]);
        assert!(world.letters().await.is_empty());
        // Nor one whose carrier has died, once that is sure.
        invite(&world, &acme, "ben").await;
        let now = 1_800_000_000_000_000_i64;
        world.database.run(&format!("UPDATE letters SET state = 'sending', due_at = {now} WHERE state = 'waiting'")).await;
        world.wait(15 * 60 - 1);
        assert!(world.letters().await.is_empty());
        assert_eq!(figures(&world.app).await, (1, 1, 0));
        world.wait(1);
        assert!(world.letters().await.is_empty());
        assert_eq!(figures(&world.app).await, (0, 2, 0));
        let line = world.last(&acme, "mail.uncertain").await.unwrap();
        assert!(line.ends_with("done: the server stopped while it was sending"), "{line}");
        world.wait(100 * HOUR);
        assert!(world.letters().await.is_empty());
    }

    async fn where_no_mail_leaves_what_needs_it_is_refused_and_changes_nothing(world) {
        let acme = world.tenant("acme").await;
        let by_mail = |settings: &mut purser_core::config::Settings| settings.mail.outbox = Some("out".into());
        let nodes = [Arc::clone(&world.app), world.node_with(by_mail).await];
        let john = world.user(&acme, "john", &[Role::Viewer]).await;
        let token = world.sign_in("john@acme.test").await.handed.token;
        let invited = world.app.create_user(&world.managing(&acme).await, newcomer("ann")).await.unwrap();
        for node in nodes {
            let by = node.managing_users_of(&command_line(), &acme).await.unwrap();
            let caller = crate::world::caller(&node, &token).await.unwrap();
            let before = world.database.dump().await;
            let refusals = [
                node.invite_user(&by, newcomer("ben")).await.map(drop),
                node.resend_invitation(&by, invited.id).await.map(drop),
                node.forgot_password(&forgotten("john@acme.test"), &visit()).await,
                node.change_email(&caller, other_address()).await,
            ];
            for refusal in refusals {
                assert_eq!(refusal.unwrap_err().code(), Code::MailUnavailable);
            }
            assert_eq!(world.database.dump().await, before);
        }
        // What can do without a letter is done without one.
        world.app.disable_user(&world.managing(&acme).await, john.id).await.unwrap();
        assert_eq!(world.database.value("SELECT count(*) FROM letters").await, "0");
    }

    async fn a_letter_whose_link_is_dead_is_not_sent(world) {
        let world = world.with_mail().await;
        let acme = world.tenant("acme").await;
        invite(&world, &acme, "ann").await;
        world.wait(73 * HOUR);
        assert!(world.letters().await.is_empty());
        let ben = invite(&world, &acme, "ben").await;
        world.app.resend_invitation(&world.managing(&acme).await, ben).await.unwrap();
        assert_eq!(short(&world.letters().await), ["invitation to ben@acme.test"]);
        let cem = invite(&world, &acme, "cem").await;
        world.app.revoke_invitation(&world.managing(&acme).await, cem).await.unwrap();
        assert!(world.letters().await.is_empty());
        assert_eq!(figures(&world.app).await, (0, 0, 0));
    }

    async fn after_a_restore_no_letter_goes_and_no_link_leads_anywhere(world) {
        let world = world.with_mail().await;
        let acme = world.tenant("acme").await;
        invite(&world, &acme, "ann").await;
        let letters = world.letters().await;
        invite(&world, &acme, "ben").await;
        world.app.forgot_password(&forgotten("ann@acme.test"), &visit()).await.unwrap();
        world.app.begin_after_restore(&command_line()).await.unwrap();
        assert!(world.letters().await.is_empty());
        let refused = world.app.invitation(&token(only(&letters, Kind::Invitation)), &visit()).await;
        assert!(matches!(refused, Err(Error::InvalidToken)));
    }

    async fn a_letter_says_who_writes_to_whom_and_its_link_is_ours(world) {
        let world = world.with_mail().await;
        let acme = world.tenant("acme").await;
        invite(&world, &acme, "ann").await;
        let letters = world.letters().await;
        let letter = only(&letters, Kind::Invitation);
        assert_eq!((letter.tenant_name.as_str(), letter.first_name.as_str()), ("acme", "New"));
        assert_eq!(letter.mailbox, "ann@acme.test");
        let link = letter.link.as_ref().unwrap().reveal();
        assert!(link.starts_with("https://id.test/invitation?token="), "{link}");
        assert_eq!(letter.expires_at.unwrap().seconds(), 1_800_000_000 + 72 * 3_600);
    }

    async fn nothing_in_the_database_is_a_link_or_becomes_one(world) {
        let world = world.with_mail().await;
        let acme = world.tenant("acme").await;
        invite(&world, &acme, "ann").await;
        let before = world.database.dump().await;
        let letters = world.letters().await;
        let good = token(only(&letters, Kind::Invitation));
        assert!(!before.contains(good.reveal()) && !world.database.dump().await.contains(good.reveal()));
        let id = world.database.value("SELECT id FROM links").await;
        let elsewhere = World::elsewhere().await.with_mail().await;
        let theirs = elsewhere.tenant("acme").await;
        invite(&elsewhere, &theirs, "ann").await;
        let letters = elsewhere.letters().await;
        let foreign = token(only(&letters, Kind::Invitation));
        for forged in [id.as_str(), foreign.reveal(), "", "A", &good.reveal()[..good.reveal().len() - 1], &format!("{}A", good.reveal())] {
            let refused = world.app.invitation(&Secret::new(forged), &visit()).await;
            assert!(matches!(refused, Err(Error::InvalidToken)), "{forged}");
        }
        world.app.invitation(&good, &visit()).await.unwrap();
    }
}

fn forgotten(email: &str) -> purser_core::people::Forgotten {
    purser_core::people::Forgotten { email: email.into(), client: None }
}

fn other_address() -> purser_core::people::EmailChange {
    let password = Secret::new(crate::world::PASSWORD);
    purser_core::people::EmailChange { email: "jane@acme.test".into(), password }
}
