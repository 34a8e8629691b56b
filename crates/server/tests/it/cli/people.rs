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

#[test]
fn a_report_is_not_written_over_the_file_that_is_imported() {
    let here = Deployment::on_sqlite();
    here.with_client();
    let people = "email,firstName,lastName\nann@acme.test,Ann,Lee\nbad,Bob,Lee\n";
    let file = here.folder.path().join("people.csv");
    std::fs::write(&file, people).unwrap();
    std::os::unix::fs::symlink(&file, here.folder.path().join("link.csv")).unwrap();
    for report in ["people.csv", "./people.csv", "link.csv"] {
        let refused = here.purser(&["user", "import", "--client", "acme", "people.csv", "--report", report]).refused();
        assert_eq!(
            refused,
            format!("2 error: {report} is the file that is imported\nnext:  choose another --report\n")
        );
        assert_eq!(std::fs::read_to_string(&file).unwrap(), people);
    }
    let import = ["user", "import", "--client", "acme", "people.csv", "--report", "refused.csv"];
    for _ in 0..2 {
        assert!(here.purser(&import).refused().starts_with("1 error: 1 line was refused\n"));
    }
    let report = std::fs::read_to_string(here.folder.path().join("refused.csv")).unwrap();
    assert_eq!(report, "line,field,reason\r\n3,email,\"not an e-mail address\"\r\n");
}
