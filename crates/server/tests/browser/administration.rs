//! The deployment's own pages, as its administrators use them: on a phone and on a desk, by day and by night.

use crate::chromium::{Browser, Screen};
use crate::console::pictures;
use crate::deployment::{Deployment, Node, PASSWORD};

/// An administrator in front of a screen.
struct Keeper<'b> {
    browser: &'b mut Browser,
    node: &'b Node,
}

impl Keeper<'_> {
    #[track_caller]
    fn open(&mut self, path: &str) {
        self.browser.open(&self.node.at(path));
    }

    /// Presses what says so, and waits until the page says something.
    #[track_caller]
    fn press(&mut self, text: &str, then: &str) {
        self.browser.click_within("main", text);
        self.browser.read(then);
    }

    /// Takes the page's picture, and finds nothing wrong.
    #[track_caller]
    fn look(&mut self, name: &str) {
        self.browser.picture(name);
        let wrong = self.browser.examine();
        assert!(wrong.is_empty(), "{name}: {wrong:#?}");
    }

    fn sign_in(&mut self) {
        self.browser.fill("username", "root");
        self.browser.fill("password", PASSWORD);
        self.press("Sign in", "Rotate the keys");
    }

    /// Makes a tenant with its first Admin, a provider that does not answer, and a domain.
    fn furnish(&mut self) {
        self.open("/admin");
        self.press("New tenant", "Short name");
        self.browser.fill("name", "Globex Corporation");
        self.browser.fill("id", "globex");
        self.press("Make the tenant", "Nobody is here yet.");
        self.look("admin-tenant-new-desktop-light");
        self.press("Add its first Admin", "First password");
        self.browser.fill("firstName", "Hank");
        self.browser.fill("lastName", "Scorpio");
        self.browser.fill("email", "hank@globex.test");
        self.browser.fill("password", PASSWORD);
        self.browser.tick("AdminEverything within the organisation");
        self.press("Add", "The account is made.");
        self.press("People", "Hank Scorpio");
        self.press("Ways to sign in", "Connect another");
        self.press("OpenID Connect", "make an application");
        self.browser.fill("oidc.issuer", "http://127.0.0.1:9");
        self.browser.fill("oidc.clientId", "purser");
        self.browser.fill("name", "okta");
        self.browser.fill("label", "Globex Okta");
        self.press("Connect it", "Now tell the other side");
        self.press("Test it", "The test, step by step");
        self.look("admin-provider-tested-desktop-light");
        self.open("/admin/tenants/globex/domains");
        for name in ["globex.test", "globex.example"] {
            self.browser.fill("domain", name);
            self.press("Add", "Now prove that it is yours.");
        }
        self.press("Take their word for globex.test", "By your word");
        self.press("It is theirs", "proven to be yours");
        self.open("/admin/tenants/globex/settings");
        self.browser.fill("cookieIdle", "8h");
        self.press("Save", "It holds from now on.");
    }
}

/// Everything there is to look at.
const PAGES: [(&str, &str); 29] = [
    ("tenants", "/admin"),
    ("no-tenant-found", "/admin?search=none-is-called-so"),
    ("new-tenant", "/admin/tenants/new"),
    ("tenant", "/admin/tenants/globex"),
    ("delete-tenant", "/admin/tenants/globex/delete"),
    ("people", "/admin/tenants/globex/people"),
    ("nobody-found", "/admin/tenants/globex/people?search=nobody-is-called-so"),
    ("add-person", "/admin/tenants/globex/people/new"),
    ("person", "/admin/tenants/globex/people/1"),
    ("delete-person", "/admin/tenants/globex/people/1/delete"),
    ("reset-person", "/admin/tenants/globex/people/1/reset-two-factor"),
    ("ways-to-sign-in", "/admin/tenants/globex/providers"),
    ("provider", "/admin/tenants/globex/providers/okta"),
    ("edit-provider", "/admin/tenants/globex/providers/okta/edit"),
    ("delete-provider", "/admin/tenants/globex/providers/okta/delete"),
    ("connect-saml", "/admin/tenants/globex/new-provider/saml"),
    ("domains", "/admin/tenants/globex/domains"),
    ("confirm-domain", "/admin/tenants/globex/domains/globex.example/confirm"),
    ("settings", "/admin/tenants/globex/settings"),
    ("admins", "/admin/admins"),
    ("keys", "/admin/keys"),
    ("rotate-keys", "/admin/keys/rotate"),
    ("license", "/admin/license"),
    ("sessions", "/admin/sessions"),
    ("end-all-sessions", "/admin/sessions/end-all"),
    ("mail", "/admin/mail"),
    ("audit", "/admin/audit"),
    ("audit-of-one", "/admin/audit?tenant=globex&action=user.created"),
    ("health", "/admin/health"),
];

#[test]
fn every_page_of_the_deployment_is_for_everybody_on_every_screen() {
    let here = Deployment::on_sqlite();
    here.done(PASSWORD, &["admin", "create", "root", "--password-stdin"]);
    let node = here.start();
    let browser = &mut Browser::taking_pictures_to(&pictures());
    let mut keeper = Keeper { browser, node: &node };
    keeper.browser.someone_at(Screen::DESKTOP);
    keeper.open("/admin/keys");
    keeper.sign_in();
    keeper.furnish();
    for (screen, size) in [(Screen::DESKTOP, "desktop"), (Screen::PHONE, "phone")] {
        for (dark, light) in [(false, "light"), (true, "dark")] {
            keeper.browser.someone_at(Screen { dark, ..screen });
            keeper.open("/admin/keys");
            keeper.browser.arrive(&node.at("/admin/sign-in"));
            keeper.look(&format!("admin-sign-in-{size}-{light}"));
            keeper.sign_in();
            for (name, path) in PAGES {
                keeper.open(path);
                keeper.look(&format!("admin-{name}-{size}-{light}"));
            }
        }
    }
}

#[test]
fn an_administrator_rotates_the_keys_and_signs_everybody_out_only_when_asked_twice() {
    let here = Deployment::on_sqlite();
    here.done(PASSWORD, &["admin", "create", "root", "--password-stdin"]);
    let node = here.start();
    let browser = &mut Browser::start();
    let mut keeper = Keeper { browser, node: &node };
    keeper.browser.someone_at(Screen { script: false, ..Screen::PHONE });
    keeper.open("/admin/keys");
    keeper.sign_in();
    keeper.press("Rotate the keys", "Make new signing keys?");
    keeper.press("Make new keys", "New keys are made.");
    keeper.open("/admin/sessions");
    keeper.press("End all sessions", "Sign everybody out?");
    keeper.browser.fill("confirm", "nobody");
    keeper.press("End all sessions", "is not the word");
    keeper.browser.fill("confirm", "everybody");
    keeper.press("End all sessions", "Every session of every tenant is ended.");
}
