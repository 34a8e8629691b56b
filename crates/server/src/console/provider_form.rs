//! Setting a way to sign in up: what to paste there, and what to paste here, for each kind.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use purser_core::access::{Role, Roles};
use purser_core::error::{Error, Result};
use purser_core::providers::{
    Base, CredentialForm, Draft, Kind, MicrosoftDraft, OidcDraft, Protocol, ProtocolDraft, Provider, SamlDraft,
};
use serde::Deserialize;

use super::desk::{Crumbs, Desk};
use super::form::Fields;
use super::page::{Chrome, done, shown};
use super::parts::{Field, RoleBoxes, Tick};
use super::providers::{Named, ToPaste, to_paste, to_paste_beforehand};
use super::trouble::Trouble;
use super::words::{self, Said};
use crate::extract::{At, Form};
use crate::fault::Answer;
use crate::site::Site;

/// Metadata can be long.
const LARGEST: usize = 1024 * 1024;

#[derive(Template)]
#[template(path = "console/provider-form.html")]
struct Assistant {
    chrome: Chrome,
    crumbs: Crumbs,
    kind: Kind,
    action: String,
    back: String,
    new: bool,
    paste: Vec<ToPaste>,
    sentence: &'static str,
    besides: Vec<String>,
    stood: String,
    names: Vec<Field>,
    connection: Vec<Field>,
    people: Vec<Field>,
    roles: RoleBoxes,
}

/// A kind, as an address writes it.
fn kind_of(word: &str) -> Result<Kind> {
    match word {
        "oidc" => Ok(Kind::Oidc),
        "saml" => Ok(Kind::Saml),
        "microsoft" => Ok(Kind::Microsoft),
        _ => Err(Error::NotFound),
    }
}

/// The kind that a path names, whatever else it names.
#[derive(Deserialize)]
pub(super) struct OfKind {
    kind: String,
}

/// The form for a new one.
pub(super) async fn blank(desk: Desk, At(base): At, Path(OfKind { kind }): Path<OfKind>) -> Answer {
    new_form(desk, &base, kind_of(&kind)?, &Values::default(), &Trouble::default())
}

fn new_form(desk: Desk, base: &Base, kind: Kind, values: &Values, trouble: &Trouble) -> Answer {
    let name = Field::line("name", "Short name")
        .hint("For addresses: 1 to 63 of a-z, 0-9 and hyphens. It never changes.")
        .filled(values.text("name"))
        .wrong(trouble.about("name"));
    let sheet = Sheet { kind, values, trouble };
    let word = kind.as_str().to_lowercase();
    let root = desk.root.clone();
    let (chrome, crumbs) = desk.titled(format!("Connect {}", words::protocol(kind)));
    sheet.shown(Frame {
        chrome,
        crumbs,
        action: format!("{root}/new-provider/{word}"),
        back: format!("{root}/providers"),
        name: Some(name),
        paste: to_paste_beforehand(kind, base),
    })
}

/// Sets one up.
pub(super) async fn add(
    State(site): State<Site>,
    desk: Desk,
    At(base): At,
    Path(OfKind { kind }): Path<OfKind>,
    Form(fields): Form<Fields, LARGEST>,
) -> Answer {
    let kind = kind_of(&kind)?;
    let made = match draft(kind, &fields) {
        Ok(draft) => site.app.create_provider(&desk.by, fields.text("name"), draft).await,
        Err(refused) => Err(refused),
    };
    match made {
        Ok(provider) => done(&format!("{}/providers/{}", desk.root, provider.name), Said::ProviderAdded, &site),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = new_form(desk, &base, kind, &Values::typed(kind, &fields), &trouble);
            trouble.answer(page)
        }
    }
}

/// The form for one that is there.
pub(super) async fn edit(
    State(site): State<Site>,
    desk: Desk,
    At(base): At,
    Path(Named { name }): Path<Named>,
) -> Answer {
    let provider = site.app.provider(&desk.by, &name).await?;
    edit_form(&site, desk, &base, &provider, &Values::stored(&provider), &Trouble::default())
}

fn edit_form(site: &Site, desk: Desk, base: &Base, it: &Provider, values: &Values, trouble: &Trouble) -> Answer {
    let sheet = Sheet { kind: it.kind(), values, trouble };
    let back = format!("{}/providers/{}", desk.root, it.name);
    let (chrome, crumbs) = desk.titled(format!("Edit {}", it.label));
    sheet.shown(Frame {
        chrome,
        crumbs,
        action: format!("{back}/edit"),
        back,
        name: None,
        paste: to_paste(site.app.provider_addresses(it, base)),
    })
}

/// Changes one.
pub(super) async fn save(
    State(site): State<Site>,
    desk: Desk,
    At(base): At,
    Path(Named { name }): Path<Named>,
    Form(fields): Form<Fields, LARGEST>,
) -> Answer {
    let provider = site.app.provider(&desk.by, &name).await?;
    let wished = Values::stored(&provider).demand_still(&fields).and_then(|()| draft(provider.kind(), &fields));
    let saved = match wished {
        Ok(draft) => site.app.update_provider(&desk.by, &name, draft).await,
        Err(refused) => Err(refused),
    };
    match saved {
        Ok(_) => done(&format!("{}/providers/{name}", desk.root), Said::ProviderSaved, &site),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let values = Values::typed(provider.kind(), &fields);
            let page = edit_form(&site, desk, &base, &provider, &values, &trouble);
            trouble.answer(page)
        }
    }
}

/// What stands in the fields.
#[derive(Default)]
struct Values {
    texts: BTreeMap<&'static str, String>,
    roles: Roles,
    /// How they stood when the form was first shown.
    stood: String,
}

impl Values {
    fn text(&self, name: &str) -> &str {
        self.texts.get(name).map_or("", String::as_str)
    }

    fn typed(kind: Kind, fields: &Fields) -> Self {
        let names = COMMON.iter().chain(own_fields(kind));
        let texts = names.map(|name| (*name, fields.raw(name).to_owned())).collect();
        Self { texts, roles: fields.roles().into_iter().collect(), stood: fields.text("stood").to_owned() }
    }

    /// As the form has them.
    fn fields(&self) -> Fields {
        let texts = self.texts.iter().map(|(name, text)| (*name, text.clone()));
        texts.chain(self.roles.iter().map(|role| (role.as_str(), "on".to_owned()))).collect()
    }

    /// Refuses a form that would undo what somebody else has changed since it was shown. What stands already may be sent again.
    fn demand_still(&self, sent: &Fields) -> Result<()> {
        let same = self.texts.iter().all(|(name, text)| sent.raw(name).replace("\r\n", "\n") == *text);
        if same && self.roles == sent.roles().into_iter().collect() {
            return Ok(());
        }
        sent.demand_still(&self.fields())
    }

    fn stored(provider: &Provider) -> Self {
        let tick = |on: bool| if on { "on".to_owned() } else { String::new() };
        let told = |text: &Option<String>| text.clone().unwrap_or_default();
        let rules = &provider.rules;
        let mut texts = BTreeMap::from([
            ("label", provider.label.clone()),
            ("createUsers", tick(rules.create_users)),
            ("trustedDomains", rules.trusted_domains.join("\n")),
            ("groupRoles", written(&rules.group_roles)),
        ]);
        texts.extend(match &provider.protocol {
            Protocol::Oidc(it) => vec![
                ("oidc.issuer", it.issuer.clone()),
                ("oidc.clientId", it.client_id.clone()),
                ("oidc.scopes", it.scopes.join(" ")),
                ("oidc.claims.groups", it.claims.groups.clone()),
            ],
            Protocol::Saml(it) => vec![
                ("saml.metadataUrl", told(&it.metadata_url)),
                ("saml.groupsAttribute", told(&it.groups_attribute)),
                ("saml.emailAttribute", told(&it.email_attribute)),
                ("saml.signRequests", tick(it.sign_requests)),
                ("saml.idpInitiated", tick(it.idp_initiated)),
            ],
            Protocol::Microsoft(it) => vec![
                ("microsoft.directory", it.directory.clone()),
                ("microsoft.appId", it.app_id.clone()),
                ("microsoft.dataverseUrl", told(&it.dataverse_url)),
                ("microsoft.allowedApps", it.allowed_apps.join("\n")),
                ("microsoft.guests", tick(it.guests)),
            ],
        });
        let values = Self { texts, roles: rules.default_roles, stood: String::new() };
        Self { stood: values.fields().mark(), ..values }
    }
}

/// The fields of every kind.
const COMMON: &[&str] = &["name", "label", "createUsers", "trustedDomains", "groupRoles"];

/// Those of one. Secrets are not among them: what was typed in is not given back.
fn own_fields(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Oidc => &["oidc.issuer", "oidc.clientId", "oidc.scopes", "oidc.claims.groups"],
        Kind::Saml => &[
            "saml.metadataUrl",
            "saml.metadata",
            "saml.groupsAttribute",
            "saml.emailAttribute",
            "saml.signRequests",
            "saml.idpInitiated",
        ],
        Kind::Microsoft => &[
            "microsoft.directory",
            "microsoft.appId",
            "microsoft.dataverseUrl",
            "microsoft.allowedApps",
            "microsoft.guests",
        ],
    }
}

/// What stands around the form.
struct Frame {
    chrome: Chrome,
    crumbs: Crumbs,
    action: String,
    back: String,
    name: Option<Field>,
    paste: Vec<ToPaste>,
}

/// What a SAML provider's metadata says, and this form does not ask for.
const TOLD_BY_METADATA: &[&str] = &["saml.entityId", "saml.ssoUrl", "saml.certificates"];

/// The form of one kind.
struct Sheet<'a> {
    kind: Kind,
    values: &'a Values,
    trouble: &'a Trouble,
}

impl Sheet<'_> {
    fn shown(&self, frame: Frame) -> Answer {
        let label = self.with(Field::line("label", "On the button").hint("“Sign in with Okta”").optional());
        let told = if self.lacks_metadata() { TOLD_BY_METADATA } else { &[] };
        let known = [COMMON, own_fields(self.kind), SECRETS, told].concat();
        shown(&Assistant {
            chrome: frame.chrome,
            crumbs: frame.crumbs,
            kind: self.kind,
            action: frame.action,
            back: frame.back,
            new: frame.name.is_some(),
            paste: frame.paste,
            sentence: self.trouble.sentence,
            besides: self.trouble.besides(&known),
            stood: self.values.stood.clone(),
            names: frame.name.into_iter().chain([label]).collect(),
            connection: self.connection(),
            people: self.people(),
            // Whom a provider proves never becomes an Admin unasked, but whoever sets it up may say so.
            roles: RoleBoxes::of(self.values.roles, Roles::from_iter([Role::Admin])),
        })
    }

    /// Filled in, with what is wrong.
    fn with(&self, field: Field) -> Field {
        let (value, problem) = (self.values.text(field.name()).to_owned(), self.trouble.about(field.name()).to_owned());
        field.filled(value).wrong(problem)
    }

    fn metadata_address(&self) -> Field {
        let field = self.with(Field::url("saml.metadataUrl", "Address of its metadata").optional());
        if self.lacks_metadata() { field.wrong("give its address, or the metadata itself below") } else { field }
    }

    /// Whether what metadata would have told is missing because there is none.
    fn lacks_metadata(&self) -> bool {
        let given =
            ["saml.metadataUrl", "saml.metadata"].iter().any(|field| !self.values.text(field).trim().is_empty());
        !given && TOLD_BY_METADATA.iter().any(|field| !self.trouble.about(field).is_empty())
    }

    fn secret(&self, name: &'static str, label: &'static str) -> Field {
        Field::password(name, label)
            .hint("It is kept sealed and never shown again. If it is set already, leave this empty to keep it.")
            .wrong(self.trouble.about(name))
            .optional()
    }

    fn tick(&self, name: &'static str, label: &'static str) -> Field {
        Field::tick(name, label, Tick::from(!self.values.text(name).is_empty()))
    }

    fn connection(&self) -> Vec<Field> {
        match self.kind {
            Kind::Oidc => vec![
                self.with(Field::url("oidc.issuer", "Issuer").hint("Exactly as it writes it: https://acme.okta.com")),
                self.with(Field::line("oidc.clientId", "Client ID")),
                self.secret("oidc.clientSecret", "Client secret"),
                self.with(Field::line("oidc.scopes", "Scopes").hint("Empty: openid email profile").optional()),
            ],
            Kind::Saml => vec![
                self.metadata_address(),
                self.with(
                    Field::text("saml.metadata", "Or the metadata itself", 6)
                        .hint("The XML document, if it has no address. Needed is one of the two.")
                        .optional(),
                ),
                self.tick("saml.signRequests", "Sign our requests"),
                self.tick("saml.idpInitiated", "People may start there, at a tile of theirs"),
            ],
            Kind::Microsoft => vec![
                self.with(Field::line("microsoft.directory", "Directory (tenant) ID")),
                self.with(Field::line("microsoft.appId", "Application (client) ID")),
                self.secret("microsoft.clientSecret", "Client secret"),
                self.with(
                    Field::url("microsoft.dataverseUrl", "Dataverse environment")
                        .hint("For signing in with Dynamics: https://org.api.crm.dynamics.com")
                        .optional(),
                ),
                self.with(
                    Field::text("microsoft.allowedApps", "Applications whose tokens are taken", 3)
                        .hint("For Power Apps: their IDs, one on each line.")
                        .optional(),
                ),
                self.tick("microsoft.guests", "Let guests of the directory in"),
            ],
        }
    }

    fn people(&self) -> Vec<Field> {
        let group = match self.kind {
            Kind::Oidc => Some(Field::line("oidc.claims.groups", "Claim with the groups").optional()),
            Kind::Saml => Some(Field::line("saml.groupsAttribute", "Attribute with the groups").optional()),
            Kind::Microsoft => None,
        };
        let domains = Field::text("trustedDomains", "Trusted domains", 2)
            .hint("Its word for addresses of these counts as verified. One on each line.")
            .optional();
        let roles = Field::text("groupRoles", "Roles by group", 3)
            .hint("One group on each line: technicians = Operator, Viewer")
            .optional();
        let fields = group.into_iter().chain([roles, domains]).map(|field| self.with(field));
        [self.tick("createUsers", "Make an account for whoever it proves and who has none")]
            .into_iter()
            .chain(fields)
            .collect()
    }
}

/// Fields whose problems are told beside them though they are never filled in.
const SECRETS: &[&str] = &["oidc.clientSecret", "microsoft.clientSecret"];

/// What is meant by the form.
fn draft(kind: Kind, fields: &Fields) -> Result<Draft> {
    let text = |name: &str| Some(fields.text(name).to_owned());
    let said = |name: &str| fields.said(name).map(str::to_owned);
    let ticked = |name: &str| Some(fields.ticked(name));
    let credential = |section: &str| {
        let name = format!("{section}.clientSecret");
        let client_secret = fields.said(&name).map(|_| fields.secret(&name));
        CredentialForm { client_secret, ..CredentialForm::default() }.read(section)
    };
    let protocol = match kind {
        Kind::Oidc => ProtocolDraft::Oidc(OidcDraft {
            issuer: text("oidc.issuer"),
            client_id: text("oidc.clientId"),
            credential: credential("oidc")?,
            scopes: said("oidc.scopes").map(|all| all.split_whitespace().map(str::to_owned).collect()),
            groups_claim: said("oidc.claims.groups"),
            ..OidcDraft::default()
        }),
        Kind::Saml => ProtocolDraft::Saml(SamlDraft {
            metadata: said("saml.metadata"),
            metadata_url: said("saml.metadataUrl"),
            groups_attribute: text("saml.groupsAttribute"),
            sign_requests: ticked("saml.signRequests"),
            idp_initiated: ticked("saml.idpInitiated"),
            ..SamlDraft::default()
        }),
        Kind::Microsoft => ProtocolDraft::Microsoft(MicrosoftDraft {
            directory: text("microsoft.directory"),
            app_id: text("microsoft.appId"),
            credential: credential("microsoft")?,
            dataverse_url: text("microsoft.dataverseUrl"),
            allowed_apps: Some(fields.lines("microsoft.allowedApps")),
            guests: ticked("microsoft.guests"),
            ..MicrosoftDraft::default()
        }),
    };
    Ok(Draft {
        label: said("label"),
        enabled: None,
        create_users: ticked("createUsers"),
        default_roles: Some(fields.roles()),
        trusted_domains: Some(fields.lines("trustedDomains")),
        group_roles: Some(group_roles(&fields.lines("groupRoles"))?),
        protocol: Some(protocol),
    })
}

/// `technicians = Operator, Viewer`, line by line.
fn group_roles(lines: &[String]) -> Result<BTreeMap<String, Vec<Role>>> {
    let read = |line: &String| {
        let (group, roles) =
            line.rsplit_once('=').ok_or_else(|| Error::invalid("groupRoles", "write: group = Role, Role"))?;
        let roles = roles.split(',').map(str::trim).filter(|role| !role.is_empty());
        let roles = roles.map(|role| role.parse::<Role>().map_err(|reason| Error::invalid("groupRoles", reason)));
        Ok((group.trim().to_owned(), roles.collect::<Result<Vec<_>>>()?))
    };
    lines.iter().map(read).collect()
}

fn written(groups: &BTreeMap<String, Roles>) -> String {
    let line = |(group, roles): (&String, &Roles)| {
        let roles: Vec<_> = roles.iter().map(words::role).collect();
        format!("{group} = {}", roles.join(", "))
    };
    groups.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_written_as_they_are_read() {
        let lines = ["technicians = Operator, Viewer".to_owned(), "a=b = User Admin".to_owned()];
        let read = group_roles(&lines).unwrap();
        assert_eq!(read["technicians"], [Role::Operator, Role::Viewer]);
        assert_eq!(read["a=b"], [Role::UserAdmin]);
        let stored = read.into_iter().map(|(group, roles)| (group, roles.into_iter().collect())).collect();
        assert_eq!(written(&stored), "a=b = User Admin\ntechnicians = Operator, Viewer");
        assert!(group_roles(&["technicians".to_owned()]).is_err());
        assert!(group_roles(&["technicians = Captain".to_owned()]).is_err());
    }
}
