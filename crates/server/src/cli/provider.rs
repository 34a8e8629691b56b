//! `purser provider` and `purser domain`: what can be said about identity providers, and how it is read.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use purser_core::access::Role;
use purser_core::providers::{Credential, Draft, MicrosoftDraft, Mode, OidcDraft, ProtocolDraft, SamlDraft};
use purser_core::secret::Secret;

use super::Failure;

/// Longest secret, private key or metadata that is read.
const LONGEST: u64 = 1024 * 1024;

#[derive(Debug, Subcommand)]
pub(super) enum Provider {
    /// Set an identity provider up, and print what to paste at the other side
    #[command(subcommand, after_help = ADD_HELP)]
    Add(Add),
    /// List a client's identity providers
    #[command(after_help = "Example:\n  purser provider list --client acme")]
    List {
        /// ID of the client
        #[arg(long, value_name = "ID")]
        client: String,
    },
    /// Show an identity provider and what to paste at the other side
    #[command(after_help = "Example:\n  purser provider show --client acme okta")]
    Show(Named),
    /// Change an identity provider: what is not said stays, its secret too
    #[command(subcommand, after_help = UPDATE_HELP)]
    Update(Add),
    /// Read a SAML provider's metadata anew from where it is published
    #[command(after_help = "Example:\n  purser provider refresh --client acme okta")]
    Refresh(Named),
    /// Examine an identity provider step by step; exit status 1 if something keeps people from signing in
    #[command(after_help = "Example:\n  purser provider test --client acme okta")]
    Test(Named),
    /// Delete an identity provider with the identities linked to it
    #[command(after_help = "Example:\n  purser provider remove --client acme okta --end-sessions")]
    Remove {
        #[command(flatten)]
        named: Named,
        /// End the sessions that were opened through it, too
        #[arg(long)]
        end_sessions: bool,
    },
}

const ADD_HELP: &str = "\
A secret is never taken from the command line, where others could read it.

Examples:
  purser provider add oidc --client acme okta --issuer https://acme.okta.com \\
      --client-id 0oa1b2c3 --client-secret-stdin < secret.txt
  purser provider add saml --client acme okta-saml --metadata-url https://acme.okta.com/…/metadata
  purser provider add microsoft --client acme entra --directory GUID --app-id GUID \\
      --client-secret-file secret.txt --allowed-app GUID
  … --create-users --default-role Viewer --trust-domain acme.com --map-group 'Authors=Author,Viewer'";

const UPDATE_HELP: &str = "\
Examples:
  purser provider update oidc --client acme okta --client-secret-stdin < secret.txt
  purser provider update saml --client acme okta-saml --metadata-file new.xml
  purser provider update microsoft --client acme entra --disable";

/// A provider of a client.
#[derive(Args, Clone, Debug)]
pub(super) struct Named {
    /// ID of the client
    #[arg(long, value_name = "ID")]
    pub(super) client: String,
    /// The provider's name: 1 to 63 of a-z, 0-9 and inner hyphens
    pub(super) name: String,
}

/// What it speaks, and what to set of it.
#[derive(Debug, Subcommand)]
pub(super) enum Add {
    /// OpenID Connect: Okta, Keycloak, Google, any other
    #[command(
        after_help = "Example:\n  purser provider add oidc --client acme okta --issuer https://acme.okta.com \\\n      --client-id 0oa1b2c3 --client-secret-stdin < secret.txt"
    )]
    Oidc(Box<OidcFlags>),
    /// SAML 2.0: Okta, ADFS, Shibboleth, any other
    #[command(
        after_help = "Examples:\n  purser provider add saml --client acme okta --metadata-file metadata.xml\n  purser provider update saml --client acme okta --certificate-file old.pem --certificate-file new.pem"
    )]
    Saml(Box<SamlFlags>),
    /// Microsoft Entra: Dynamics, Power Apps
    #[command(
        after_help = "Example:\n  purser provider add microsoft --client acme entra --directory GUID --app-id GUID \\\n      --client-secret-file secret.txt --allowed-app GUID"
    )]
    Microsoft(Box<MicrosoftFlags>),
}

impl Add {
    pub(super) fn named(&self) -> &Named {
        match self {
            Self::Oidc(it) => &it.common.named,
            Self::Saml(it) => &it.common.named,
            Self::Microsoft(it) => &it.common.named,
        }
    }

    /// What is wanted, with the files read that were named.
    pub(super) fn draft(self) -> Result<Draft, Failure> {
        let (common, protocol) = match self {
            Self::Oidc(it) => {
                let OidcFlags { common, auth, issuer, client_id, scopes, claims, hosts } = *it;
                let draft = OidcDraft {
                    issuer,
                    client_id,
                    credential: auth.read()?,
                    scopes: said(scopes),
                    email_claim: claims.email_claim,
                    first_name_claim: claims.first_name_claim,
                    last_name_claim: claims.last_name_claim,
                    groups_claim: claims.groups_claim,
                    hosts: said(hosts),
                };
                (common, ProtocolDraft::Oidc(draft))
            }
            Self::Saml(it) => it.read()?,
            Self::Microsoft(it) => {
                let draft = MicrosoftDraft {
                    directory: it.directory,
                    app_id: it.app_id,
                    credential: it.auth.read()?,
                    dataverse_url: it.dataverse_url,
                    organization_id: it.organization_id,
                    allowed_apps: said(it.allowed_apps),
                    mode: it.mode.map(|mode| match mode {
                        TokenMode::Graph => Mode::Graph,
                        TokenMode::Api => Mode::Api,
                    }),
                    audience: it.audience,
                    guests: it.guests,
                };
                (it.common, ProtocolDraft::Microsoft(draft))
            }
        };
        Ok(common.draft(protocol))
    }
}

/// What may be said of every provider.
#[derive(Args, Debug)]
pub(super) struct Common {
    #[command(flatten)]
    named: Named,
    /// What people read on its button
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// Let people sign in through it (a new one does)
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// Let nobody sign in through it
    #[arg(long)]
    disable: bool,
    /// Make an account for somebody it proves who has none; or not
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    create_users: Option<bool>,
    /// A role of accounts so made; may be said several times
    #[arg(long = "default-role", value_name = "ROLE", value_delimiter = ',')]
    default_roles: Vec<Role>,
    /// A domain for whose addresses its word counts as verified; may be said several times
    #[arg(long = "trust-domain", value_name = "DOMAIN", value_delimiter = ',')]
    trusted_domains: Vec<String>,
    /// Roles that one of its groups gives; may be said several times, and replaces all there were
    #[arg(long = "map-group", value_name = "GROUP=ROLE,ROLE", value_parser = group)]
    groups: Vec<(String, Vec<Role>)>,
}

impl Common {
    fn draft(self, protocol: ProtocolDraft) -> Draft {
        let mut groups: BTreeMap<String, Vec<Role>> = BTreeMap::new();
        for (group, roles) in self.groups {
            groups.entry(group).or_default().extend(roles);
        }
        Draft {
            label: self.label,
            enabled: if self.enable || self.disable { Some(self.enable) } else { None },
            create_users: self.create_users,
            default_roles: said(self.default_roles),
            trusted_domains: said(self.trusted_domains),
            group_roles: (!groups.is_empty()).then_some(groups),
            protocol: Some(protocol),
        }
    }
}

/// How we prove to the provider that we are its client.
#[derive(Args, Debug)]
#[group(multiple = false)]
pub(super) struct Auth {
    /// Read the client secret from standard input
    #[arg(long)]
    client_secret_stdin: bool,
    /// Read the client secret from a file
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// Read a private key (PKCS#8 PEM) from a file, instead of a secret; for Microsoft with its certificate
    #[arg(long, value_name = "FILE")]
    private_key_file: Option<PathBuf>,
    /// No secret at all: a public client
    #[arg(long)]
    public_client: bool,
}

/// A private key's id stands beside the choice of how to prove oneself.
#[derive(Args, Debug)]
pub(super) struct Proof {
    #[command(flatten)]
    auth: Auth,
    /// The private key's id; for Microsoft the certificate's thumbprint
    #[arg(long, value_name = "ID", allow_hyphen_values = true, requires = "private_key_file")]
    key_id: Option<String>,
}

impl Proof {
    fn read(self) -> Result<Option<Credential>, Failure> {
        let Auth { client_secret_stdin, client_secret_file, private_key_file, public_client } = self.auth;
        // The parser asks for the key only if none of its rivals is there.
        if self.key_id.is_some() && private_key_file.is_none() {
            return Err(Failure::usage("--key-id is the id of a private key, and none is named")
                .hint("name it with --private-key-file, or leave --key-id out"));
        }
        if client_secret_stdin {
            return standard_input().map(Credential::Secret).map(Some);
        }
        if let Some(file) = client_secret_file {
            return Ok(Some(Credential::Secret(Secret::new(read(&file)?.trim_end_matches(['\n', '\r'])))));
        }
        if let Some(file) = private_key_file {
            return Ok(Some(Credential::PrivateKey { pem: Secret::new(read(&file)?), key_id: self.key_id }));
        }
        Ok(public_client.then_some(Credential::None))
    }
}

#[derive(Args, Debug)]
pub(super) struct OidcFlags {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    auth: Proof,
    /// The provider's issuer, exactly as it writes it
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// Our name there
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    client_id: Option<String>,
    /// What is asked for, openid among it; may be said several times. Without it openid, email and profile
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
    scopes: Vec<String>,
    #[command(flatten)]
    claims: ClaimFlags,
    /// A host that may be called besides the issuer's own; may be said several times
    #[arg(long = "host", value_name = "HOST", value_delimiter = ',')]
    hosts: Vec<String>,
}

#[derive(Args, Debug)]
#[expect(clippy::struct_field_names, reason = "they are the names of the flags")]
struct ClaimFlags {
    /// The claim with the address
    #[arg(long, value_name = "NAME")]
    email_claim: Option<String>,
    /// The claim with the first name
    #[arg(long, value_name = "NAME")]
    first_name_claim: Option<String>,
    /// The claim with the last name
    #[arg(long, value_name = "NAME")]
    last_name_claim: Option<String>,
    /// The claim with the groups
    #[arg(long, value_name = "NAME")]
    groups_claim: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct SamlFlags {
    #[command(flatten)]
    common: Common,
    /// Read the provider's metadata from a file
    #[arg(long, value_name = "FILE", conflicts_with = "metadata_url")]
    metadata_file: Option<PathBuf>,
    /// Read the provider's metadata from where it is published; from an address that is set already, `provider refresh` reads anew
    #[arg(long, value_name = "URL")]
    metadata_url: Option<String>,
    /// The provider's entity id
    #[arg(long, value_name = "ID")]
    entity_id: Option<String>,
    /// Where people are sent to sign in
    #[arg(long, value_name = "URL")]
    sso_url: Option<String>,
    /// Where people are sent to sign out
    #[arg(long, value_name = "URL")]
    slo_url: Option<String>,
    /// A file with the certificate that the provider signs with, PEM; may be said several times
    #[arg(long = "certificate-file", value_name = "FILE")]
    certificate_files: Vec<PathBuf>,
    /// Sign our requests; or not
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    sign_requests: Option<bool>,
    /// Take a signed assertion in a response that is not signed itself; or not
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    accept_assertion_only: Option<bool>,
    /// Let people start at the provider; or not
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    idp_initiated: Option<bool>,
    /// The attribute with the address
    #[arg(long, value_name = "NAME")]
    email_attribute: Option<String>,
    /// The attribute with the first name
    #[arg(long, value_name = "NAME")]
    first_name_attribute: Option<String>,
    /// The attribute with the last name
    #[arg(long, value_name = "NAME")]
    last_name_attribute: Option<String>,
    /// The attribute with the groups
    #[arg(long, value_name = "NAME")]
    groups_attribute: Option<String>,
    /// What we call ourselves there, instead of the address that responses are posted to
    #[arg(long, value_name = "ID")]
    sp_entity_id: Option<String>,
    /// Take responses at /rest/auth-with-okta-saml on the client's own host too; or not
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    okta_alias: Option<bool>,
}

impl SamlFlags {
    fn read(self) -> Result<(Common, ProtocolDraft), Failure> {
        let certificates = self.certificate_files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
        let draft = SamlDraft {
            metadata: self.metadata_file.as_deref().map(read).transpose()?,
            metadata_url: self.metadata_url,
            entity_id: self.entity_id,
            sso_url: self.sso_url,
            slo_url: self.slo_url,
            certificates: said(certificates),
            sign_requests: self.sign_requests,
            accept_assertion_only: self.accept_assertion_only,
            idp_initiated: self.idp_initiated,
            email_attribute: self.email_attribute,
            first_name_attribute: self.first_name_attribute,
            last_name_attribute: self.last_name_attribute,
            groups_attribute: self.groups_attribute,
            sp_entity_id: self.sp_entity_id,
            okta_alias: self.okta_alias,
        };
        Ok((self.common, ProtocolDraft::Saml(draft)))
    }
}

#[derive(Args, Debug)]
pub(super) struct MicrosoftFlags {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    auth: Proof,
    /// The directory's (tenant's) id
    #[arg(long, value_name = "GUID")]
    directory: Option<String>,
    /// Our application (client) id there
    #[arg(long, value_name = "GUID")]
    app_id: Option<String>,
    /// The Dataverse environment, as https://org.api.crm.dynamics.com
    #[arg(long, value_name = "URL")]
    dataverse_url: Option<String>,
    /// The organisation that the environment must be
    #[arg(long, value_name = "GUID")]
    organization_id: Option<String>,
    /// An application whose tokens are taken as bearer tokens; may be said several times
    #[arg(long = "allowed-app", value_name = "GUID", value_delimiter = ',')]
    allowed_apps: Vec<String>,
    /// What those tokens were issued for
    #[arg(long)]
    mode: Option<TokenMode>,
    /// Our own audience, for --mode api
    #[arg(long)]
    audience: Option<String>,
    /// Let guests of the directory in; or not
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    guests: Option<bool>,
}

/// What Entra bearer tokens were issued for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum TokenMode {
    /// For Microsoft Graph
    Graph,
    /// For this server, as an API of the directory's
    Api,
}

#[derive(Debug, Subcommand)]
pub(super) enum Domain {
    /// Name a domain as a client's own, and print the record that proves it
    #[command(after_help = "Example:\n  purser domain add --client acme acme.com")]
    Add(NamedDomain),
    /// Look for the domain's TXT record, which proves it
    #[command(after_help = "Example:\n  purser domain verify --client acme acme.com")]
    Verify(NamedDomain),
    /// Take your word for it that a domain is the client's
    #[command(after_help = "Example:\n  purser domain confirm --client acme acme.com")]
    Confirm(NamedDomain),
    /// List a client's domains
    #[command(after_help = "Example:\n  purser domain list --client acme")]
    List {
        /// ID of the client
        #[arg(long, value_name = "ID")]
        client: String,
    },
    /// Let go of a domain
    #[command(after_help = "Example:\n  purser domain remove --client acme acme.com")]
    Remove(NamedDomain),
}

/// A domain of a client.
#[derive(Args, Debug)]
pub(super) struct NamedDomain {
    /// ID of the client
    #[arg(long, value_name = "ID")]
    pub(super) client: String,
    /// The domain, as example.com
    pub(super) domain: String,
}

/// A list that was spoken of.
fn said<T>(all: Vec<T>) -> Option<Vec<T>> {
    (!all.is_empty()).then_some(all)
}

/// `GROUP=ROLE,ROLE`; groups may hold an equals sign themselves, as LDAP's names do.
fn group(text: &str) -> Result<(String, Vec<Role>), String> {
    let (group, roles) = text.rsplit_once('=').ok_or("write GROUP=ROLE,ROLE")?;
    let roles = roles.split(',').map(str::parse).collect::<Result<_, _>>()?;
    Ok((group.to_owned(), roles))
}

fn read(file: &Path) -> Result<String, Failure> {
    let fault = |fault: std::io::Error| Failure::new(format!("{} cannot be read: {fault}", file.display()));
    let mut text = String::new();
    std::fs::File::open(file).map_err(fault)?.take(LONGEST).read_to_string(&mut text).map_err(fault)?;
    Ok(text)
}

/// A secret on standard input, one line.
fn standard_input() -> Result<Secret, Failure> {
    if std::io::stdin().is_terminal() {
        return Err(Failure::usage("--client-secret-stdin would show the secret on this terminal while you type it")
            .hint("send it through a pipe or from a file, or use --client-secret-file"));
    }
    let mut text = String::new();
    let read = std::io::stdin().lock().take(LONGEST).read_to_string(&mut text);
    read.map_err(|fault| Failure::new(format!("the secret cannot be read from standard input: {fault}")))?;
    Ok(Secret::new(text.trim_end_matches(['\n', '\r'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_may_be_named_as_ldap_names_them() {
        let (name, roles) = group("CN=Authors,DC=acme=author, viewer").unwrap();
        assert_eq!((name.as_str(), roles), ("CN=Authors,DC=acme", vec![Role::Author, Role::Viewer]));
        assert!(group("Authors").is_err());
        assert!(group("Authors=Boss").is_err());
    }
}
