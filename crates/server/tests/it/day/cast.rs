//! [`Day`]: the people of the day, what they know, and how one of them does something that nobody else may.

use purser_core::access::{Right, Role};
use serde_json::{Value, json};

use super::deed::{Deed, code_of};
use crate::http::probe::Reply;
use crate::site::{Asker, PASSWORD, Site, System};

/// What everybody chooses who comes by an invitation.
const CHOSEN: &str = "another horse battery 4711";

/// Somebody of the organisation.
pub(super) struct Person<'s> {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) id: String,
    pub(super) asker: Asker<'s>,
}

/// A day in the life of organisation `acme`.
pub(super) struct Day<'s> {
    pub(super) site: &'s Site,
    pub(super) system: System<'s>,
    /// Who is aboard, in the order of coming.
    pub(super) people: Vec<Person<'s>>,
    /// The Admin of another organisation, who holds every right there.
    stranger: Asker<'s>,
    /// Ids of the organisation, by what they are called.
    ids: Vec<(String, String)>,
}

impl<'s> Day<'s> {
    /// There is a system administrator, and another organisation.
    pub(super) async fn dawns(site: &'s Site) -> Self {
        site.new_admin("root").await;
        let system = site.sign_in_admin("root").await;
        let mut day = Self { site, stranger: site.anyone(), system, people: Vec::new(), ids: Vec::new() };
        day.stranger = day.new_organisation("globex").await.asker;
        day
    }

    /// Only a system administrator makes one; no token of another realm opens that door.
    pub(super) async fn the_system_admin_makes_the_organisation_and_its_first_admin(&mut self) {
        let before = self.site.holdings().await;
        for asker in [self.site.anyone(), self.stranger.clone()] {
            let reply = asker.post("/api/admin/clients", &json!({"id": "acme", "name": "Acme"})).await;
            assert_eq!(reply.refusal(), (401, "INVALID_TOKEN".to_owned()));
        }
        assert_eq!(self.site.holdings().await, before);
        let admin = self.new_organisation("acme").await;
        self.people.push(admin);
        let log = self.system.get("/api/admin/audit?client=admin&action=client.created&first=1").await.json();
        let line = &log["data"]["entries"][0];
        let told = ["requestId", "actorKind", "target", "outcome"].map(|member| line[member].as_str().unwrap());
        assert_eq!(told, ["makes-acme", "admin", "client:acme", "done"]);
        assert_eq!(line["actor"], self.system.id.to_string());
    }

    async fn new_organisation(&self, id: &str) -> Person<'s> {
        let asker = self.system.with(&format!("X-Request-Id: makes-{id}"));
        let made = asker.post("/api/admin/clients", &json!({"id": id, "name": id})).await;
        assert_eq!(made.status, 201, "{made}");
        let email = format!("admin@{id}.test");
        let first =
            json!({"email": email, "firstName": "Ada", "lastName": "Min", "roles": ["ADMIN"], "password": PASSWORD});
        let made = asker.post(&format!("/api/admin/clients/{id}/users"), &first).await;
        assert_eq!(made.status, 201, "{made}");
        let visitor = self.site.anyone().with(&format!("X-Client-ID: {id}")).with("X-Request-Id: signs-in");
        self.aboard(Role::Admin, "ADMIN", &visitor.sign_in(&email, PASSWORD).await)
    }

    fn aboard(&self, role: Role, name: &str, signed_in: &Reply) -> Person<'s> {
        assert_eq!(signed_in.status, 200, "{signed_in}");
        let answer = signed_in.json();
        let asker = self.site.anyone().bearing(answer["data"]["token"].as_str().unwrap());
        Person { name: name.to_owned(), role, id: answer["data"]["user"]["id"].to_string(), asker }
    }

    /// Invites somebody, who comes by the link in the letter; it works once.
    pub(super) async fn invites(&mut self, host: Role, role: Role, name: &str) {
        let email = format!("{}@acme.test", name.to_lowercase());
        let invite = format!(
            r#"mutation {{ inviteUser(input: {{email: "{email}", firstName: "Guest", lastName: "{name}", roles: [{role}]}}) {{ id }} }}"#
        );
        self.does(host, Deed::graphql(&format!("invites-{name}"), Right::UsersManage, &invite)).await;
        let link = json!({"token": self.site.letter_to(&email).await.token(), "password": CHOSEN});
        let visitor = self.site.anyone().with(&format!("X-Request-Id: accepts-{name}"));
        let accepted = visitor.post("/api/client/auth/invitation/accept", &link).await;
        let person = self.aboard(role, name, &accepted);
        self.ids.push((format!("${name}"), person.id.clone()));
        self.people.push(person);
        let before = self.site.holdings().await;
        let again = self.site.anyone().post("/api/client/auth/invitation/accept", &link).await;
        assert_eq!(again.refusal(), (401, "INVALID_TOKEN".to_owned()));
        assert_eq!(self.site.holdings().await, before);
    }

    /// The first who came with a role.
    pub(super) fn one(&self, role: Role) -> &Person<'s> {
        self.people.iter().find(|it| it.role == role).unwrap()
    }

    /// Gives an id a name, by which deeds speak of it.
    pub(super) fn calls(&mut self, name: &str, id: &Value) {
        self.ids.push((name.to_owned(), id.as_str().unwrap().to_owned()));
    }

    /// Somebody does what they may, after everybody who may not has tried; gives the data of the answer.
    pub(super) async fn does(&self, role: Role, deed: Deed) -> Value {
        self.everybody_else_is_refused(&deed, role).await;
        let reply = self.sent(&deed, &self.one(role).asker).await;
        assert_eq!(code_of(&reply), "done", "{}: {reply}", deed.name);
        reply.json()["data"].take()
    }

    /// All who may read something read the same; gives what the Viewer reads.
    pub(super) async fn reads(&self, deed: Deed) -> Reply {
        self.everybody_else_is_refused(&deed, Role::Viewer).await;
        let read = self.sent(&deed, &self.one(Role::Viewer).asker).await;
        for person in self.people.iter().filter(|it| deed.is_open_to(it.role)) {
            let reply = self.sent(&deed, &person.asker).await;
            assert_eq!(
                (code_of(&reply), &reply.body),
                ("done".to_owned(), &read.body),
                "{}: {}",
                deed.name,
                person.name
            );
        }
        read
    }

    /// Everybody tries who may not: whoever the table says no to, the Admin of another organisation, and nobody in particular.
    /// It changes nothing.
    pub(super) async fn everybody_else_is_refused(&self, deed: &Deed, but: Role) {
        let before = self.site.holdings().await;
        let doer = &self.one(but).name;
        for person in self.people.iter().filter(|it| it.name != *doer && !deed.is_open_to(it.role)) {
            self.is_refused(deed, &person.asker, "FORBIDDEN", &person.name).await;
        }
        let into_ours = self.stranger.with("X-Client-ID: acme");
        self.is_refused(deed, &into_ours, "FORBIDDEN", "a stranger who names the organisation").await;
        if deed.names_something() {
            self.is_refused(deed, &self.stranger, "NOT_FOUND", "a stranger").await;
        }
        self.is_refused(deed, &self.site.anyone(), "INVALID_TOKEN", "nobody").await;
        self.is_refused(deed, &self.system, "INVALID_TOKEN", "the system administrator").await;
        assert_eq!(self.site.holdings().await, before, "{} was refused and changed something", deed.name);
    }

    async fn is_refused(&self, deed: &Deed, asker: &Asker<'_>, code: &str, who: &str) {
        let reply = self.sent(deed, asker).await;
        assert_eq!(code_of(&reply), code, "{} tries: {}", who, deed.name);
    }

    /// Sends a deed, with the ids that the day knows.
    pub(super) async fn sent(&self, deed: &Deed, asker: &Asker<'_>) -> Reply {
        // The longest name first: one may begin with another.
        let mut ids: Vec<_> = self.ids.iter().collect();
        ids.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        let with_ids = |text: &str| ids.iter().fold(text.to_owned(), |text, (name, id)| text.replace(name, id));
        deed.sent_by(asker, with_ids).await
    }

    /// The name of an id, if the day knows it.
    pub(super) fn name_of(&self, id: &str) -> String {
        let known = self.ids.iter().find(|(_, known)| known == id).map(|(name, _)| name.trim_start_matches('$'));
        known.or_else(|| self.people.iter().find(|it| it.id == id).map(|it| it.name.as_str())).unwrap_or(id).to_owned()
    }
}
