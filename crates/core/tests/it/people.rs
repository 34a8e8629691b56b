//! Invitations, forgotten passwords and new addresses: who may, once only, and what kills a link.

use futures::future::join_all;
use purser_core::access::{Caller, Grant, Role, right};
use purser_core::error::{Code, Error, Result};
use purser_core::ids::{TenantId, UserId};
use purser_core::mail::Kind;
use purser_core::people::{EmailChange, Forgotten};
use purser_core::secret::Secret;
use purser_core::session::SignedIn;
use purser_core::signin::{Acceptance, PasswordChange};
use purser_core::tenants::TenantStatus;
use purser_core::users::{NewUser, User, UserFilter, UserStatus, UserUpdate};

use crate::on_both;
use crate::postbox::{only, short, token};
use crate::world::{PASSWORD, World, from, named, refresh, stranger, visit};

const HOUR: u64 = 3_600;
const CHOSEN: &str = "a very long chosen phrase 77";

fn newcomer(email: &str, roles: &[Role]) -> NewUser {
    NewUser::parse(email, "New", "Comer", "", roles.iter().copied(), None).unwrap()
}

/// A world with mail and a tenant.
async fn ground(world: World) -> (World, TenantId) {
    let world = Box::pin(world.with_mail()).await;
    let acme = world.tenant("acme").await;
    (world, acme)
}

/// Invites somebody, and gives them with the token of their link.
async fn invited(world: &World, tenant: &TenantId, email: &str) -> (User, Secret) {
    let user = world.app.invite_user(&world.managing(tenant).await, newcomer(email, &[Role::Author])).await.unwrap();
    let letters = world.letters().await;
    (user, token(only(&letters, Kind::Invitation)))
}

fn acceptance(token: &Secret, password: &str) -> Acceptance {
    Acceptance { token: token.clone(), first_name: None, last_name: None, password: Secret::new(password) }
}

async fn accept(world: &World, token: &Secret) -> Result<SignedIn> {
    world.app.accept_invitation(acceptance(token, CHOSEN), &visit()).await
}

async fn forget(world: &World, email: &str) -> Result<()> {
    let client = Some("acme".to_owned());
    world.app.forgot_password(&Forgotten { email: email.into(), client }, &stranger()).await
}

/// Asks for a link, and gives its token.
async fn reset_token(world: &World, email: &str) -> Secret {
    forget(world, email).await.unwrap();
    let letters = world.letters().await;
    token(only(&letters, Kind::PasswordReset))
}

async fn reset(world: &World, token: &Secret) -> Result<()> {
    world.app.reset_password(token, &Secret::new(CHOSEN), &visit()).await.map(drop)
}

async fn ask_for(world: &World, caller: &Caller, email: &str, password: &str) -> Result<()> {
    world.app.change_email(caller, EmailChange { email: email.into(), password: Secret::new(password) }).await
}

async fn present(world: &World, tenant: &TenantId, id: UserId) -> User {
    let reading = world.app.users_of(&crate::world::command_line(), tenant, &UserFilter::default()).await.unwrap();
    reading.into_iter().find(|user| user.id == id).unwrap()
}

async fn signed_in(world: &World, user: &User) -> Caller {
    let signed_in = world.app.sign_in(named(&user.email, PASSWORD, "acme"), &visit()).await.unwrap();
    world.caller(&signed_in.handed.token).await.unwrap()
}

/// What a story can have changed but the log and the counts.
async fn state(world: &World) -> String {
    let dump = world.database.dump().await;
    dump.lines()
        .filter(|line| !line.starts_with("audit: ") && !line.starts_with("guesses: "))
        .collect::<Vec<_>>()
        .join("\n")
}

fn dead<T>(outcome: &Result<T>) -> bool {
    matches!(outcome, Err(Error::InvalidToken))
}

on_both! {
    async fn an_invitation_lets_in_whoever_has_the_mailbox_once(world) {
        let (world, acme) = ground(world).await;
        let (user, link) = invited(&world, &acme, "ann@acme.test").await;
        assert_eq!(user.status, UserStatus::Invited);
        let shown = world.app.invitation(&link, &visit()).await.unwrap();
        assert_eq!((shown.tenant_name.as_str(), shown.email.as_str(), shown.first_name.as_str(), shown.by_password), ("acme", "ann@acme.test", "New", true));
        let chosen = Acceptance { first_name: Some("Ann".into()), last_name: Some("Lee".into()), ..acceptance(&link, CHOSEN) };
        let session = world.app.accept_invitation(chosen, &visit()).await.unwrap();
        let caller = world.caller(&session.handed.token).await.unwrap();
        assert_eq!((caller.user().id, caller.user().first_name.as_str(), caller.amr()), (user.id, "Ann", "pwd"));
        assert_eq!(present(&world, &acme, user.id).await.status, UserStatus::Active);
        assert!(dead(&world.app.invitation(&link, &visit()).await) && dead(&accept(&world, &link).await));
        world.try_sign_in("ann@acme.test", CHOSEN).await.unwrap();
        let line = world.last(&acme, "user.activated").await.unwrap();
        assert_eq!(line, format!("user {0} user.activated user:{0} done", user.id));
        assert_eq!(world.last(&acme, "link.shown").await, None);
    }

    async fn of_twenty_who_accept_at_once_one_does(world) {
        let (world, acme) = ground(world).await;
        let (_, link) = invited(&world, &acme, "ann@acme.test").await;
        let other = world.another_node().await;
        let tries = (0..20).map(|at| {
            let (node, link) = (if at % 2 == 0 { world.app.clone() } else { other.clone() }, link.clone());
            tokio::spawn(async move { node.accept_invitation(acceptance(&link, CHOSEN), &stranger()).await })
        });
        let outcomes: Vec<_> = join_all(tries).await.into_iter().map(|it| it.unwrap()).collect();
        assert_eq!(outcomes.iter().filter(|it| it.is_ok()).count(), 1);
        assert!(outcomes.iter().all(|it| it.is_ok() || dead(it)), "{outcomes:?}");
        assert_eq!(world.database.value("SELECT count(*) FROM sessions").await, "1");
    }

    async fn an_invitation_lives_seventy_two_hours(world) {
        let (world, acme) = ground(world).await;
        let (_, link) = invited(&world, &acme, "ann@acme.test").await;
        world.wait(72 * HOUR - 1);
        world.app.invitation(&link, &visit()).await.unwrap();
        world.wait(1);
        let before = state(&world).await;
        assert!(dead(&accept(&world, &link).await));
        assert_eq!(state(&world).await, before);
        world.app.keep_house().await.unwrap();
        assert_eq!(world.database.value("SELECT count(*) FROM links").await, "0");
    }

    async fn whatever_changes_the_invited_user_kills_the_link(world) {
        let (world, acme) = ground(world).await;
        let by = world.managing(&acme).await;
        for deed in ["resend", "revoke", "address", "disable", "disable and enable", "end sessions", "delete", "tenant"] {
            let email = format!("{}@acme.test", deed.replace(' ', "-"));
            let (user, link) = invited(&world, &acme, &email).await;
            let app = &world.app;
            match deed {
                "resend" => drop(app.resend_invitation(&by, user.id).await.unwrap()),
                "revoke" => drop(app.revoke_invitation(&by, user.id).await.unwrap()),
                "address" => {
                    let update = UserUpdate { email: Some("other@acme.test".into()), ..UserUpdate::default() };
                    app.update_user(&by, user.id, update).await.unwrap();
                }
                "disable" => drop(app.disable_user(&by, user.id).await.unwrap()),
                "disable and enable" => {
                    app.disable_user(&by, user.id).await.unwrap();
                    app.enable_user(&by, user.id).await.unwrap();
                }
                "end sessions" => drop(app.end_user_sessions(&by, user.id).await.unwrap()),
                "delete" => drop(app.delete_user(&by, user.id).await.unwrap()),
                _ => world.switch(&acme, TenantStatus::Disabled).await,
            }
            assert!(dead(&accept(&world, &link).await), "{deed}");
            if deed == "resend" {
                let letters = world.letters().await;
                accept(&world, &token(only(&letters, Kind::Invitation))).await.unwrap();
            }
        }
    }

    async fn only_who_manages_users_invites_and_a_user_admin_no_admin(world) {
        let (world, acme) = ground(world).await;
        let managing = async |role| -> Result<Grant<right::UsersManage>> { world.as_role(role).await.grant() };
        let user_admin = managing(Role::UserAdmin).await.unwrap();
        let by = world.managing(&acme).await;
        let boss = world.app.invite_user(&by, newcomer("boss@acme.test", &[Role::Admin])).await.unwrap();
        assert_eq!(world.letters().await.len(), 1);
        for role in [Role::Author, Role::Operator, Role::Approver, Role::Publisher, Role::Viewer] {
            assert!(matches!(managing(role).await, Err(Error::Forbidden)));
        }
        let before = world.database.dump().await;
        let refusals = [
            world.app.invite_user(&user_admin, newcomer("ann@acme.test", &[Role::Admin])).await,
            world.app.invite_user(&user_admin, newcomer("ann@acme.test", &[Role::Viewer, Role::Admin])).await,
            world.app.resend_invitation(&user_admin, boss.id).await,
            world.app.revoke_invitation(&user_admin, boss.id).await,
        ];
        for refusal in refusals {
            assert!(matches!(refusal, Err(Error::Forbidden)), "{refusal:?}");
        }
        assert_eq!(world.database.dump().await, before);
        world.app.invite_user(&user_admin, newcomer("ann@acme.test", &[Role::UserAdmin])).await.unwrap();
        assert_eq!(short(&world.letters().await), ["invitation to ann@acme.test"]);
    }

    async fn what_cannot_be_invited_changes_nothing(world) {
        let (world, acme) = ground(world).await;
        let by = world.managing(&acme).await;
        let john = world.user(&acme, "john", &[Role::Viewer]).await;
        let before = world.database.dump().await;
        let with_password = NewUser::parse("ann@acme.test", "A", "B", "", [], Some(Secret::new(PASSWORD))).unwrap();
        assert_eq!(world.app.invite_user(&by, with_password).await.unwrap_err().code(), Code::ValidationError);
        for outcome in [world.app.resend_invitation(&by, john.id).await, world.app.revoke_invitation(&by, john.id).await] {
            assert!(matches!(outcome, Err(Error::Conflict)));
        }
        for outcome in [world.app.resend_invitation(&by, UserId(99_999)).await, world.app.revoke_invitation(&by, UserId(99_999)).await] {
            assert!(matches!(outcome, Err(Error::NotFound)));
        }
        assert_eq!(world.database.dump().await, before);
        let taken = world.app.invite_user(&by, newcomer("JOHN@acme.test", &[])).await;
        assert!(matches!(taken, Err(Error::AccountExists)));
        assert!(world.letters().await.is_empty());
    }

    async fn revoking_deletes_whoever_never_came_and_leaves_whoever_did(world) {
        let (world, acme) = ground(world).await;
        let by = world.managing(&acme).await;
        let (ann, _) = invited(&world, &acme, "ann@acme.test").await;
        world.app.revoke_invitation(&by, ann.id).await.unwrap();
        assert_eq!(world.database.value("SELECT count(*) FROM users").await, "0");
        assert!(world.last(&acme, "user.invitation-revoked").await.is_some());
        assert!(world.last(&acme, "user.deleted").await.is_some());
        // Somebody who came through a provider, was disabled, and is enabled again, has no password and is invited once more.
        let (ben, _) = invited(&world, &acme, "ben@acme.test").await;
        world.database.run("UPDATE users SET last_sign_in_at = 1").await;
        world.app.resend_invitation(&by, ben.id).await.unwrap();
        let letters = world.letters().await;
        world.app.revoke_invitation(&by, ben.id).await.unwrap();
        assert!(dead(&accept(&world, &token(only(&letters, Kind::Invitation))).await));
        assert_eq!(present(&world, &acme, ben.id).await.status, UserStatus::Invited);
    }

    async fn a_user_made_without_a_password_can_be_invited_afterwards(world) {
        let (world, acme) = ground(world).await;
        let by = world.managing(&acme).await;
        let made = world.app.create_user(&by, newcomer("ann@acme.test", &[Role::Author])).await.unwrap();
        assert!(world.letters().await.is_empty());
        world.app.resend_invitation(&by, made.id).await.unwrap();
        let letters = world.letters().await;
        assert_eq!(accept(&world, &token(only(&letters, Kind::Invitation))).await.unwrap().user.id, made.id);
    }

    async fn a_password_that_may_not_be_one_leaves_the_link_good(world) {
        let (world, acme) = ground(world).await;
        let (_, link) = invited(&world, &acme, "ann@acme.test").await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        let reset_link = reset_token(&world, "john@acme.test").await;
        let before = state(&world).await;
        for bad in ["short", "password", "\0 long enough", ""] {
            let refused = world.app.accept_invitation(acceptance(&link, bad), &visit()).await;
            assert_eq!(refused.unwrap_err().code(), Code::ValidationError, "{bad}");
            let refused = world.app.reset_password(&reset_link, &Secret::new(bad), &visit()).await;
            assert_eq!(refused.unwrap_err().code(), Code::ValidationError, "{bad}");
        }
        let nameless = Acceptance { last_name: Some(" ".into()), ..acceptance(&link, CHOSEN) };
        assert_eq!(world.app.accept_invitation(nameless, &visit()).await.unwrap_err().code(), Code::ValidationError);
        assert_eq!(state(&world).await, before);
        accept(&world, &link).await.unwrap();
        reset(&world, &reset_link).await.unwrap();
        assert_eq!(short(&world.letters().await), ["password-changed to john@acme.test"]);
    }

    async fn where_passwords_are_off_an_invitation_says_so_and_opens_nothing(world) {
        let (world, acme) = ground(world).await;
        let (_, link) = invited(&world, &acme, "ann@acme.test").await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        let reset_link = reset_token(&world, "john@acme.test").await;
        world.settle(&acme, |settings| settings.sso_only = true).await;
        assert!(!world.app.invitation(&link, &visit()).await.unwrap().by_password);
        let before = world.database.dump().await;
        assert!(matches!(accept(&world, &link).await, Err(Error::SsoRequired)));
        assert!(matches!(reset(&world, &reset_link).await, Err(Error::SsoRequired)));
        assert_eq!(world.database.dump().await, before);
        forget(&world, "john@acme.test").await.unwrap();
        assert_eq!(short(&world.letters().await), ["sign-in-elsewhere to john@acme.test"]);
    }

    async fn an_invitation_lands_in_its_own_tenant_only(world) {
        let (world, acme) = ground(world).await;
        let other = world.tenant("other").await;
        let theirs = world.user_called(&other, "ann@acme.test", PASSWORD, &[Role::Admin]).await;
        let before = present(&world, &other, theirs.id).await;
        let (user, link) = invited(&world, &acme, "ann@acme.test").await;
        let session = accept(&world, &link).await.unwrap();
        let caller = world.caller(&session.handed.token).await.unwrap();
        assert_eq!((caller.tenant().id.as_str(), caller.user().id), ("acme", user.id));
        let after = present(&world, &other, theirs.id).await;
        assert_eq!((after.status, after.roles, after.last_sign_in_at), (before.status, before.roles, before.last_sign_in_at));
        world.app.sign_in(named("ann@acme.test", PASSWORD, "other"), &visit()).await.unwrap();
    }

    async fn forgetting_is_noted_alike_whoever_is_meant(world) {
        let (world, acme) = ground(world).await;
        let by = world.managing(&acme).await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        let off = world.user(&acme, "off", &[Role::Viewer]).await;
        world.app.disable_user(&by, off.id).await.unwrap();
        world.letters().await;
        invited(&world, &acme, "ann@acme.test").await;
        world.user(&acme, "sso", &[Role::Viewer]).await;
        world.database.run("UPDATE users SET password_hash = NULL WHERE email = 'sso@acme.test'").await;
        let untouched = world.database.dump().await;
        let but_the_wish = |dump: String| {
            dump.lines().filter(|line| !line.starts_with("forgotten: ") && !line.starts_with("guesses: ")).collect::<Vec<_>>().join("\n")
        };
        let expected = but_the_wish(untouched);
        let all = ["john@acme.test", "nobody@acme.test", "off@acme.test", "ann@acme.test", "sso@acme.test"];
        let mut reads = Vec::new();
        for email in all {
            let before = world.app.figures().statements_read;
            forget(&world, email).await.unwrap();
            reads.push(world.app.figures().statements_read - before);
            assert_eq!(but_the_wish(world.database.dump().await), expected, "{email}");
        }
        assert!(reads.iter().all(|count| *count == reads[0]), "{reads:?}");
        assert_eq!(world.database.value("SELECT count(*) FROM forgotten").await, "5");
        let letters = world.letters().await;
        assert_eq!(short(&letters), ["password-reset to john@acme.test", "sign-in-elsewhere to sso@acme.test"]);
        assert!(only(&letters, Kind::SignInElsewhere).link.is_none());
        let log: Vec<String> = world.log(&acme).await.iter().filter(|line| line.action == "user.password-forgotten")
            .map(|line| format!("{}: {}", line.outcome, line.reason)).collect();
        for reason in ["done: password-reset", "refused: unknown address", "refused: disabled", "refused: invited, and not here yet", "done: sign-in-elsewhere"] {
            assert_eq!(log.iter().filter(|it| *it == reason).count(), 1, "{reason}: {log:?}");
        }
    }

    async fn without_a_tenant_every_account_with_the_address_is_written_to(world) {
        let (world, acme) = ground(world).await;
        let other = world.tenant("other").await;
        for tenant in [&acme, &other] {
            world.user_called(tenant, "john@corp.test", PASSWORD, &[Role::Viewer]).await;
        }
        let wish = |client: Option<&str>| Forgotten { email: "John@Corp.test".into(), client: client.map(Into::into) };
        let nodes = [world.app.clone(), world.another_node().await];
        world.app.forgot_password(&wish(None), &visit()).await.unwrap();
        // Both nodes deal with it at once.
        let rounds = nodes.map(|node| tokio::spawn(async move {
            let postbox = crate::postbox::Postbox::default();
            node.post_letters(&postbox).await.unwrap();
            postbox.take()
        }));
        let letters: Vec<_> = join_all(rounds).await.into_iter().flat_map(|it| it.unwrap()).chain(world.letters().await).collect();
        assert_eq!(short(&letters), ["password-reset to john@corp.test"; 2]);
        for letter in &letters {
            reset(&world, &token(letter)).await.unwrap();
        }
        world.letters().await;
        world.app.forgot_password(&wish(Some("other")), &visit()).await.unwrap();
        assert_eq!(world.letters().await.len(), 1);
        for stranger in ["no-such-client", "NOT A CLIENT"] {
            world.app.forgot_password(&wish(Some(stranger)), &visit()).await.unwrap();
        }
        assert!(world.letters().await.is_empty());
    }

    async fn a_reset_ends_every_session_and_is_told(world) {
        let (world, acme) = ground(world).await;
        let john = world.user(&acme, "john", &[Role::Viewer]).await;
        let session = world.sign_in("john@acme.test").await;
        let link = reset_token(&world, "john@acme.test").await;
        reset(&world, &link).await.unwrap();
        assert!(dead(&world.caller(&session.handed.token).await) && dead(&refresh(&world.app, &session.handed.refresh_token).await));
        assert!(matches!(world.try_sign_in("john@acme.test", PASSWORD).await, Err(Error::InvalidCredentials)));
        world.try_sign_in("john@acme.test", CHOSEN).await.unwrap();
        assert_eq!(short(&world.letters().await), ["password-changed to john@acme.test"]);
        let line = world.last(&acme, "user.password-reset").await.unwrap();
        assert_eq!(line, format!("user {0} user.password-reset user:{0} done", john.id));
        assert!(dead(&reset(&world, &link).await));
    }

    async fn of_twenty_resets_at_once_one_is_done(world) {
        let (world, acme) = ground(world).await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        let link = reset_token(&world, "john@acme.test").await;
        let other = world.another_node().await;
        let tries = (0..20).map(|at| {
            let (node, link) = (if at % 2 == 0 { world.app.clone() } else { other.clone() }, link.clone());
            let password = Secret::new(format!("{CHOSEN} {at}"));
            tokio::spawn(async move { node.reset_password(&link, &password, &stranger()).await })
        });
        let outcomes: Vec<_> = join_all(tries).await.into_iter().map(|it| it.unwrap()).collect();
        assert_eq!(outcomes.iter().filter(|it| it.is_ok()).count(), 1, "{outcomes:?}");
        assert!(outcomes.iter().all(|it| it.is_ok() || dead(it)), "{outcomes:?}");
        assert_eq!(short(&world.letters().await), ["password-changed to john@acme.test"]);
    }

    async fn a_reset_link_dies_with_time_and_with_whatever_overtakes_it(world) {
        let (world, acme) = ground(world).await;
        let by = world.managing(&acme).await;
        for deed in ["time", "newer", "password", "address", "disable", "end sessions", "delete", "tenant"] {
            let john = world.user(&acme, deed.split(' ').next().unwrap(), &[Role::Viewer]).await;
            let link = reset_token(&world, &john.email).await;
            match deed {
                "time" => world.wait(600),
                "newer" => drop(reset_token(&world, &john.email).await),
                "password" => {
                    let caller = signed_in(&world, &john).await;
                    let wish = PasswordChange { current: Secret::new(PASSWORD), new: Secret::new(CHOSEN) };
                    world.app.change_password(&caller, wish).await.unwrap();
                }
                "address" => {
                    let update = UserUpdate { email: Some("other@acme.test".into()), ..UserUpdate::default() };
                    world.app.update_user(&by, john.id, update).await.unwrap();
                }
                "disable" => drop(world.app.disable_user(&by, john.id).await.unwrap()),
                "end sessions" => drop(world.app.end_user_sessions(&by, john.id).await.unwrap()),
                "delete" => drop(world.app.delete_user(&by, john.id).await.unwrap()),
                _ => world.switch(&acme, TenantStatus::Disabled).await,
            }
            world.letters().await;
            let before = state(&world).await;
            assert!(dead(&reset(&world, &link).await), "{deed}");
            assert_eq!(state(&world).await, before, "{deed}");
        }
    }

    async fn a_link_of_one_purpose_is_none_of_another(world) {
        let (world, acme) = ground(world).await;
        let (_, invitation) = invited(&world, &acme, "ann@acme.test").await;
        let john = world.user(&acme, "john", &[Role::Viewer]).await;
        let resetting = reset_token(&world, "john@acme.test").await;
        ask_for(&world, &signed_in(&world, &john).await, "jack@acme.test", PASSWORD).await.unwrap();
        let letters = world.letters().await;
        let confirming = token(only(&letters, Kind::AddressConfirmation));
        let before = state(&world).await;
        for wrong in [&resetting, &confirming] {
            assert!(dead(&accept(&world, wrong).await) && dead(&world.app.invitation(wrong, &visit()).await));
        }
        for wrong in [&invitation, &confirming] {
            assert!(dead(&reset(&world, wrong).await));
        }
        for wrong in [&invitation, &resetting] {
            assert!(dead(&world.app.confirm_email(wrong, &visit()).await));
        }
        assert_eq!(state(&world).await, before);
    }

    async fn a_mailbox_gets_five_links_an_hour_however_many_ask_at_once(world) {
        let (world, acme) = ground(world).await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        for email in ["john@acme.test", "nobody@acme.test"] {
            let tries = (0..20).map(|_| {
                let (node, wish) = (world.app.clone(), Forgotten { email: email.into(), client: Some("acme".into()) });
                tokio::spawn(async move { node.forgot_password(&wish, &stranger()).await })
            });
            let outcomes: Vec<_> = join_all(tries).await.into_iter().map(|it| it.unwrap()).collect();
            assert_eq!(outcomes.iter().filter(|it| it.is_ok()).count(), 5, "{email}");
            assert!(outcomes.iter().all(|it| matches!(it, Ok(()) | Err(Error::RateLimited(_)))));
        }
        // Each link overtakes the one before, whose letter then stays away.
        assert!((1..=5).contains(&world.letters().await.len()));
        world.wait(HOUR);
        forget(&world, "john@acme.test").await.unwrap();
        assert_eq!(world.letters().await.len(), 1);
        let (ann, _) = invited(&world, &acme, "ann@acme.test").await;
        let by = world.managing(&acme).await;
        for _ in 0..4 {
            world.app.resend_invitation(&by, ann.id).await.unwrap();
        }
        let before = state(&world).await;
        assert!(matches!(world.app.resend_invitation(&by, ann.id).await, Err(Error::RateLimited(_))));
        assert_eq!(state(&world).await, before);
        world.letters().await;
    }

    async fn one_address_asks_sixty_times_an_hour(world) {
        let (world, _) = ground(world).await;
        let from_there = from("203.0.113.9".parse().unwrap());
        let asked = async |at: u32| {
            let wish = Forgotten { email: format!("n{at}@acme.test"), client: None };
            world.app.forgot_password(&wish, &from_there).await
        };
        for at in 0..60 {
            asked(at).await.unwrap();
        }
        assert!(matches!(asked(60).await, Err(Error::RateLimited(wait)) if wait.as_secs() == 3_600));
        assert!(world.letters().await.is_empty());
    }

    async fn links_cannot_be_tried_for_ever(world) {
        let (world, acme) = ground(world).await;
        let (_, link) = invited(&world, &acme, "ann@acme.test").await;
        let from_there = from("203.0.113.9".parse().unwrap());
        for _ in 0..300 {
            assert!(dead(&world.app.invitation(&Secret::new("junk"), &from_there).await));
        }
        assert!(matches!(world.app.invitation(&link, &from_there).await, Err(Error::RateLimited(_))));
        world.app.invitation(&link, &visit()).await.unwrap();
    }

    async fn a_new_address_is_the_user_s_once_its_mailbox_says_so(world) {
        let (world, acme) = ground(world).await;
        let john = world.user(&acme, "john", &[Role::Viewer]).await;
        let session = world.sign_in("john@acme.test").await;
        let caller = world.caller(&session.handed.token).await.unwrap();
        let resetting = reset_token(&world, "john@acme.test").await;
        ask_for(&world, &caller, "Jack@corp.test", PASSWORD).await.unwrap();
        let letters = world.letters().await;
        assert_eq!(short(&letters), ["address-asked to john@acme.test about Jack@corp.test", "address-confirmation to Jack@corp.test"]);
        assert_eq!(present(&world, &acme, john.id).await.email, "john@acme.test");
        let link = token(only(&letters, Kind::AddressConfirmation));
        world.app.confirm_email(&link, &visit()).await.unwrap();
        assert_eq!(short(&world.letters().await), ["address-changed to john@acme.test about Jack@corp.test"]);
        assert_eq!(present(&world, &acme, john.id).await.email, "Jack@corp.test");
        // The session goes on; what lies in the former mailbox is of no use, and so is the link again.
        assert_eq!(world.caller(&session.handed.token).await.unwrap().user().email, "Jack@corp.test");
        assert!(dead(&reset(&world, &resetting).await) && dead(&world.app.confirm_email(&link, &visit()).await));
        world.try_sign_in("jack@corp.test", PASSWORD).await.unwrap();
        assert!(world.try_sign_in("john@acme.test", PASSWORD).await.is_err());
        let found = world.app.users(&caller.grant().unwrap(), &UserFilter { search: "jack@corp".into(), ..UserFilter::default() }).await;
        assert_eq!(found.unwrap().len(), 1);
    }

    async fn nobody_has_letters_sent_to_many_strangers_by_wishing_for_their_addresses(world) {
        let (world, acme) = ground(world).await;
        let john = world.user(&acme, "john", &[Role::Viewer]).await;
        let caller = signed_in(&world, &john).await;
        let mut sent = 0;
        for nth in 0..8 {
            let asked = ask_for(&world, &caller, &format!("stranger-{nth}@else.test"), PASSWORD).await;
            assert_eq!(asked.is_ok(), nth < 5, "{nth}: {asked:?}");
            assert!(asked.is_ok() || matches!(asked, Err(Error::RateLimited(_))));
            sent += world.letters().await.iter().filter(|letter| letter.mailbox != john.email).count();
        }
        assert_eq!(sent, 5);
        world.wait(HOUR);
        ask_for(&world, &caller, "jack@acme.test", PASSWORD).await.unwrap();
        world.letters().await;
    }

    async fn an_address_that_cannot_be_had_is_refused_and_nothing_changes(world) {
        let (world, acme) = ground(world).await;
        let john = world.user(&acme, "john", &[Role::Viewer]).await;
        world.user(&acme, "jane", &[Role::Viewer]).await;
        let caller = signed_in(&world, &john).await;
        let before = state(&world).await;
        assert!(matches!(ask_for(&world, &caller, "jane@acme.test", PASSWORD).await, Err(Error::AccountExists)));
        assert!(matches!(ask_for(&world, &caller, "jack@acme.test", "wrong password 1").await, Err(Error::InvalidCredentials)));
        for (email, password) in [("not an address", PASSWORD), ("john@acme.test", PASSWORD), ("jack@acme.test", "")] {
            assert_eq!(ask_for(&world, &caller, email, password).await.unwrap_err().code(), Code::ValidationError);
        }
        assert_eq!(state(&world).await, before);
        assert!(world.letters().await.is_empty());
    }

    async fn whoever_has_no_password_to_show_asks_for_no_address(world) {
        let (world, acme) = ground(world).await;
        let john = world.user(&acme, "john", &[Role::Viewer]).await;
        let token = world.sign_in("john@acme.test").await.handed.token;
        world.settle(&acme, |settings| settings.sso_only = true).await;
        let refused = ask_for(&world, &world.caller(&token).await.unwrap(), "jack@acme.test", PASSWORD).await;
        assert!(matches!(refused, Err(Error::SsoRequired)));
        world.settle(&acme, |settings| settings.sso_only = false).await;
        let by_sql = format!("UPDATE users SET password_hash = NULL WHERE id = {}", john.id);
        world.database.run(&by_sql).await;
        let refused = ask_for(&world, &world.caller(&token).await.unwrap(), "jack@acme.test", PASSWORD).await;
        assert!(matches!(refused, Err(Error::SsoRequired)));
        assert!(world.letters().await.is_empty());
        assert_eq!(world.database.value("SELECT count(*) FROM links").await, "0");
    }

    async fn an_address_that_another_has_by_then_is_refused_and_the_link_stays(world) {
        let (world, acme) = ground(world).await;
        let john = world.user(&acme, "john", &[Role::Viewer]).await;
        ask_for(&world, &signed_in(&world, &john).await, "jack@acme.test", PASSWORD).await.unwrap();
        let letters = world.letters().await;
        let link = token(only(&letters, Kind::AddressConfirmation));
        let jack = world.user(&acme, "jack", &[Role::Viewer]).await;
        let before = state(&world).await;
        assert!(matches!(world.app.confirm_email(&link, &visit()).await, Err(Error::AccountExists)));
        assert_eq!(state(&world).await, before);
        world.app.delete_user(&world.managing(&acme).await, jack.id).await.unwrap();
        world.app.confirm_email(&link, &visit()).await.unwrap();
        world.letters().await;
    }

    async fn of_two_who_want_one_address_one_gets_it(world) {
        let (world, acme) = ground(world).await;
        let mut links = Vec::new();
        for name in ["john", "jane"] {
            let user = world.user(&acme, name, &[Role::Viewer]).await;
            ask_for(&world, &signed_in(&world, &user).await, "best@acme.test", PASSWORD).await.unwrap();
            let letters = world.letters().await;
            links.push(token(only(&letters, Kind::AddressConfirmation)));
        }
        let other = world.another_node().await;
        let (here, there) = (visit(), visit());
        let outcomes = tokio::join!(world.app.confirm_email(&links[0], &here), other.confirm_email(&links[1], &there));
        let codes = [outcomes.0, outcomes.1].map(|it| it.err().map(|refusal| refusal.code()));
        assert!(matches!(codes, [None, Some(Code::AccountExists)] | [Some(Code::AccountExists), None]), "{codes:?}");
        assert_eq!(world.letters().await.len(), 1);
    }

    async fn whoever_is_concerned_is_told(world) {
        let (world, acme) = ground(world).await;
        let by = world.managing(&acme).await;
        let john = world.user(&acme, "john", &[Role::Viewer]).await;
        let caller = signed_in(&world, &john).await;
        let wish = PasswordChange { current: Secret::new(PASSWORD), new: Secret::new(CHOSEN) };
        world.app.change_password(&caller, wish).await.unwrap();
        assert_eq!(short(&world.letters().await), ["password-changed to john@acme.test"]);
        let update = UserUpdate { email: Some("jack@acme.test".into()), ..UserUpdate::default() };
        world.app.update_user(&by, john.id, update).await.unwrap();
        assert_eq!(short(&world.letters().await), ["address-changed to john@acme.test about jack@acme.test"]);
        world.app.update_user(&by, john.id, UserUpdate { title: Some("Fitter".into()), ..UserUpdate::default() }).await.unwrap();
        world.app.disable_user(&by, john.id).await.unwrap();
        assert_eq!(short(&world.letters().await), ["account-disabled to jack@acme.test"]);
        world.app.enable_user(&by, john.id).await.unwrap();
        world.app.disable_user(&by, john.id).await.unwrap();
        assert_eq!(short(&world.letters().await), ["account-disabled to jack@acme.test"]);
    }
}
