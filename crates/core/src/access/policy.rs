//! Who may do what: the rights down, the seven roles across. The only truth; documents and tests are printed from it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Permission, SystemPermission, SystemWrites, Writes};

macro_rules! rights {
    ($($(#[$doc:meta])* $kind:ident $name:ident = $word:literal for $($role:ident)+;)*) => {
        /// A right: the unit of checking. Roles are bundles of them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Right { $($(#[$doc])* $name,)* }

        impl Right {
            /// Every right, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name in `auth/me` and in documents.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            const fn holders(self) -> Roles {
                match self { $(Self::$name => Roles(0 $(| Role::$role as u8)+),)* }
            }
        }

        /// A type for each right, so that a use case can ask for the proof of just that one.
        pub mod right {
            $($(#[$doc])* #[derive(Debug)] pub struct $name;)*
        }

        $(impl Permission for right::$name { const RIGHT: Right = Right::$name; } rights!(@$kind $name);)*
    };
    (@read $name:ident) => {};
    (@write $name:ident) => { impl Writes for right::$name {} };
}

rights! {
    /// See templates in any state, jobs and records.
    read WorkRead = "work.read" for Admin UserAdmin Author Operator Approver Publisher Viewer;
    /// See the tenant's users: id, e-mail, names.
    read UsersRead = "users.read" for Admin UserAdmin Author Operator Approver Publisher Viewer;
    /// Manage users, their roles, invitations, two-factor and sessions. A User Admin never touches an Admin nor makes one.
    write UsersManage = "users.manage" for Admin UserAdmin;
    /// Change the tenant's settings and identity providers.
    write SettingsManage = "settings.manage" for Admin;
    /// Read the audit log.
    read AuditRead = "audit.read" for Admin UserAdmin;
    /// Create, edit, submit, copy and delete draft templates.
    write TemplatesWrite = "templates.write" for Admin Author;
    /// Approve or reject a submitted version.
    write VersionsReview = "versions.review" for Admin Approver;
    /// Publish an approved version; archive and restore.
    write VersionsPublish = "versions.publish" for Admin Publisher;
    /// Create, assign and cancel jobs.
    write JobsManage = "jobs.manage" for Admin Operator;
    /// Perform an assigned job and record data.
    write JobsPerform = "jobs.perform" for Admin Operator;
}

macro_rules! system_rights {
    ($($(#[$doc:meta])* $kind:ident $name:ident;)*) => {
        /// The rights of the admin realm. Every system administrator holds all of them; the types keep reading from writing.
        pub mod system_right {
            $($(#[$doc])* #[derive(Debug)] pub struct $name;)*
        }

        $(impl SystemPermission for system_right::$name {} system_rights!(@$kind $name);)*
    };
    (@read $name:ident) => {};
    (@write $name:ident) => { impl SystemWrites for system_right::$name {} };
}

system_rights! {
    /// See tenants and their users.
    read TenantsRead;
    /// Create, change, disable and delete tenants, and manage their users.
    write TenantsManage;
    /// See system administrators.
    read AdminsRead;
    /// Create, disable and delete system administrators.
    write AdminsManage;
    /// End sessions, of anybody.
    write SessionsEnd;
    /// Read every audit log.
    read AuditsRead;
    /// See the signing keys' public side.
    read KeysRead;
    /// Rotate signing keys.
    write KeysRotate;
    /// See the licence.
    read LicenseRead;
    /// Install a licence.
    write LicenseInstall;
    /// See how the mail is doing.
    read MailRead;
}

/// One of the seven roles of a tenant's users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[repr(u8)]
pub enum Role {
    /// Everything within the tenant.
    Admin = 1,
    /// Manages users, but no Admins.
    UserAdmin = 2,
    /// Writes templates.
    Author = 4,
    /// Runs jobs.
    Operator = 8,
    /// Approves versions.
    Approver = 16,
    /// Publishes versions.
    Publisher = 32,
    /// Reads.
    Viewer = 64,
}

impl Role {
    /// All seven, in the order of the table.
    pub const ALL: [Self; 7] =
        [Self::Admin, Self::UserAdmin, Self::Author, Self::Operator, Self::Approver, Self::Publisher, Self::Viewer];

    /// Its spelling in JSON, JWT and GraphQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "ADMIN",
            Self::UserAdmin => "USER_ADMIN",
            Self::Author => "AUTHOR",
            Self::Operator => "OPERATOR",
            Self::Approver => "APPROVER",
            Self::Publisher => "PUBLISHER",
            Self::Viewer => "VIEWER",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The wire's spelling or a person's (`User Admin`), in any case.
impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let spelled = text.trim().to_ascii_uppercase().replace([' ', '-'], "_");
        Self::ALL.into_iter().find(|role| role.as_str() == spelled).ok_or_else(|| {
            format!(
                "`{text}` is not a role; roles are Admin, User Admin, Author, Operator, Approver, Publisher, Viewer"
            )
        })
    }
}

/// Any number of roles; a user's rights are the union of theirs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Roles(u8);

impl Roles {
    /// Whether one of the roles carries the right.
    pub const fn hold(self, right: Right) -> bool {
        self.0 & right.holders().0 != 0
    }

    /// Whether the role is among them.
    pub const fn contain(self, role: Role) -> bool {
        self.0 & role as u8 != 0
    }

    /// The roles, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.contain(*role))
    }

    /// The rights they carry together.
    pub fn rights(self) -> impl Iterator<Item = Right> {
        Right::ALL.iter().copied().filter(move |right| self.hold(*right))
    }

    /// These roles and those.
    #[must_use]
    pub(crate) fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// These roles but those.
    #[must_use]
    pub(crate) fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    pub(crate) fn stored(bits: i64) -> Self {
        Self(u8::try_from(bits & 0x7f).unwrap_or(0))
    }

    /// The set as a number below 128: a bit for each role.
    pub fn bits(self) -> i64 {
        self.0.into()
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        Self(roles.into_iter().fold(0, |all, role| all | role as u8))
    }
}

/// As a list of words.
impl Serialize for Roles {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Roles {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Vec::<Role>::deserialize(from).map(Self::from_iter)
    }
}

/// The permission table as a page of documentation shows it.
pub fn table() -> String {
    let mut page = String::from(
        "| right | Admin | User Admin | Author | Operator | Approver | Publisher | Viewer |\n|---|---|---|---|---|---|---|---|\n",
    );
    for right in Right::ALL {
        page.push_str("| `");
        page.push_str(right.name());
        page.push_str("` |");
        for role in Role::ALL {
            page.push_str(if Roles::from_iter([role]).hold(*right) { " ● |" } else { " – |" });
        }
        page.push('\n');
    }
    page
}
