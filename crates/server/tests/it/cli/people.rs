//! What the command line does for people who cannot help themselves.

use purser_core::env::{Clock as _, SystemClock, Timestamp};
use purser_core::error::Error;
use purser_core::secret::Secret;
use purser_core::session::Shown;
use purser_standin::totp;

use super::deployment::{Deployment, runtime, visit};
use super::{ANN, PASSWORD};

/// Signs Ann in, and sets an authenticator app up for her.
fn enrol(here: &Deployment) {
    let token = here.sign_in("ann@acme.test", PASSWORD).unwrap().handed.token;
    runtime().block_on(async {
        let app = here.app().await;
        let caller = app.caller(Shown::Bearer(token.reveal()), None, visit()).await.unwrap();
        let offer = app.start_totp(&caller, None).await.unwrap();
        let code = totp::code(offer.secret.reveal(), SystemClock::starting_at(Timestamp(0)).now().seconds());
        app.confirm_totp(&caller, &Secret::new(code)).await.unwrap();
    });
}

on_both! {
    fn who_lost_every_second_factor_is_let_in_by_whoever_runs_the_server(here: &Deployment) {
        here.with_client();
        let user = [&["user", "create", "--client", "acme", "--role", "Admin", "--password-stdin"], ANN].concat();
        here.fed(format!("{PASSWORD}\n"), &user).done();
        let reset = |client: &str, email: &str| {
            here.purser(&["user", "reset-two-factor", "--client", client, "--email", email])
        };
        let refusals = [
            reset("nobody", "ann@acme.test").refused(),
            reset("acme", "bob@acme.test").refused(),
            reset("acme", "bob").refused(),
            reset("acme", "ann@acme.test").refused(),
        ];
        insta::allow_duplicates! { insta::assert_snapshot!(refusals.concat()); }
        enrol(here);
        assert!(matches!(here.sign_in("ann@acme.test", PASSWORD), Err(Error::TwoFactorRequired(_))));
        assert_eq!(
            reset("acme", "Ann@ACME.test").done(),
            "Took every second factor of user 1 ann@acme.test away. Their sessions are over.\n"
        );
        here.sign_in("ann@acme.test", PASSWORD).unwrap();
        let log = here.purser(&["audit", "export", "--action", "user.two-factor-reset", "--output", "-"]).done();
        assert!(log.contains("command-line") && log.contains("user:1") && log.contains("done"), "{log}");
        assert_eq!(log.lines().count(), 1, "{log}");
    }
}
