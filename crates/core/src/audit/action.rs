//! The words for what is done: [`Action`].

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// What was done, or tried. The vocabulary of the log.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action { $($(#[$doc])* $name,)* }

        impl Action {
            /// Every word of the vocabulary.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// As it stands in the log.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

actions! {
    /// A sign-in, of any kind.
    SignIn = "session.sign-in",
    /// A session was ended by its owner.
    SignOut = "session.sign-out",
    /// All of a user's sessions were ended.
    SignOutAll = "session.sign-out-all",
    /// One session was ended from the list, or by someone who manages it.
    SessionEnded = "session.ended",
    /// A spent refresh token was shown again: the session was ended.
    RefreshReplayed = "session.refresh-replayed",
    /// Somebody asked for what they have no right to.
    AccessRefused = "access.refused",
    /// A session was used from another address or agent than before.
    SessionMoved = "session.moved",
    /// A user changed their own password.
    PasswordChanged = "user.password-changed",
    /// A stored password hash was brought up to the present parameters.
    PasswordRehashed = "user.password-rehashed",
    /// A first factor was right, and a second one is waited for.
    TwoFactorAsked = "session.two-factor-asked",
    /// A user set an authenticator app up.
    TotpAdded = "user.totp-added",
    /// A user removed their authenticator app.
    TotpRemoved = "user.totp-removed",
    /// A user had new recovery codes made.
    RecoveryCodesMade = "user.recovery-codes-made",
    /// A recovery code was used.
    RecoveryCodeUsed = "user.recovery-code-used",
    /// A user registered a passkey.
    PasskeyAdded = "user.passkey-added",
    /// A user called a passkey otherwise.
    PasskeyRenamed = "user.passkey-renamed",
    /// A user removed a passkey.
    PasskeyRemoved = "user.passkey-removed",
    /// A passkey's counter went back: there may be a copy of it.
    PasskeyCopied = "user.passkey-copied",
    /// A user must have a second factor from now on.
    TwoFactorRequired = "user.two-factor-required",
    /// A user need not have a second factor more than others.
    TwoFactorWaived = "user.two-factor-waived",
    /// A user's second factors were taken away.
    TwoFactorReset = "user.two-factor-reset",
    /// A user was created.
    UserCreated = "user.created",
    /// A user's e-mail, names or title were changed.
    UserUpdated = "user.updated",
    /// A user's roles were changed.
    UserRolesSet = "user.roles-set",
    /// A user was disabled.
    UserDisabled = "user.disabled",
    /// A user was enabled.
    UserEnabled = "user.enabled",
    /// A user was deleted.
    UserDeleted = "user.deleted",
    /// Whoever was invited has come: by their invitation, or through a provider.
    UserActivated = "user.activated",
    /// People were taken in from a file; who was made has a line of their own.
    UsersImported = "users.imported",
    /// A tenant's people were given out as a file.
    UsersExported = "users.exported",
    /// A user was invited, or invited once more.
    UserInvited = "user.invited",
    /// An invitation was taken back.
    InvitationRevoked = "user.invitation-revoked",
    /// Somebody said they forgot a password.
    PasswordForgotten = "user.password-forgotten",
    /// A password was chosen anew by a link sent to the account's address.
    PasswordReset = "user.password-reset",
    /// A user asked for another address, which has to be confirmed.
    EmailAsked = "user.email-asked",
    /// A user's new address was confirmed and is theirs.
    EmailChanged = "user.email-changed",
    /// A link that is unknown, expired, used or overtaken was shown.
    LinkShown = "link.shown",
    /// A person of a provider opens an account from now on.
    IdentityLinked = "user.identity-linked",
    /// A tenant was created.
    TenantCreated = "client.created",
    /// A tenant's name or settings were changed.
    TenantUpdated = "client.updated",
    /// A tenant was disabled.
    TenantDisabled = "client.disabled",
    /// A tenant was enabled.
    TenantEnabled = "client.enabled",
    /// A tenant was deleted with all it held.
    TenantDeleted = "client.deleted",
    /// A system administrator was created.
    AdminCreated = "admin.created",
    /// A system administrator was disabled.
    AdminDisabled = "admin.disabled",
    /// A system administrator was enabled.
    AdminEnabled = "admin.enabled",
    /// A system administrator was deleted.
    AdminDeleted = "admin.deleted",
    /// A signing key was made and the former one set to retire.
    KeysRotated = "keys.rotated",
    /// A licence was installed or refused.
    LicenseInstalled = "license.installed",
    /// An identity provider was set up.
    ProviderCreated = "provider.created",
    /// An identity provider's settings were changed.
    ProviderUpdated = "provider.updated",
    /// An identity provider was switched on.
    ProviderEnabled = "provider.enabled",
    /// An identity provider was switched off: nobody signs in through it.
    ProviderDisabled = "provider.disabled",
    /// An identity provider was deleted with the identities linked to it.
    ProviderDeleted = "provider.deleted",
    /// An identity provider's settings were examined.
    ProviderExamined = "provider.examined",
    /// The sessions opened through an identity provider were ended.
    ProviderSessionsEnded = "provider.sessions-ended",
    /// A domain was named as the tenant's, without proof yet.
    DomainAdded = "domain.added",
    /// A domain was proven to be the tenant's.
    DomainVerified = "domain.verified",
    /// A domain is the tenant's no more.
    DomainRemoved = "domain.removed",
    /// A template was created, with the draft of its first version.
    TemplateCreated = "template.created",
    /// A template was made from another.
    TemplateCopied = "template.copied",
    /// A template's title or asset class was changed.
    TemplateUpdated = "template.updated",
    /// A template was deleted with its only draft.
    TemplateDeleted = "template.deleted",
    /// A draft was made from a version that is frozen.
    VersionDrafted = "version.drafted",
    /// A draft's steps were changed.
    VersionEdited = "version.edited",
    /// A draft was deleted.
    VersionDeleted = "version.deleted",
    /// A draft was submitted for review.
    VersionSubmitted = "version.submitted",
    /// A submitted version was approved.
    VersionApproved = "version.approved",
    /// A submitted version went back to its author.
    VersionRejected = "version.rejected",
    /// An approved version was published.
    VersionPublished = "version.published",
    /// A published version was withdrawn, or gave way to another.
    VersionArchived = "version.archived",
    /// An archived version was published again.
    VersionRestored = "version.restored",
    /// A job was created.
    JobCreated = "job.created",
    /// A job, or what remains of it, was given to somebody.
    JobAssigned = "job.assigned",
    /// A job was taken from whoever was to do it.
    JobUnassigned = "job.unassigned",
    /// A job was started.
    JobStarted = "job.started",
    /// A value was recorded.
    JobRecorded = "job.recorded",
    /// A record was corrected by a new one.
    JobCorrected = "job.corrected",
    /// A step of a job was completed.
    StepCompleted = "job.step-completed",
    /// The last step of a job was completed, and so the job.
    JobCompleted = "job.completed",
    /// A job was cancelled.
    JobCancelled = "job.cancelled",
    /// The log was read out, whole or in part.
    AuditExported = "audit.exported",
    /// Lines older than the retention asks for were removed.
    AuditTrimmed = "audit.trimmed",
    /// All that is kept of a tenant was read out.
    TenantExported = "client.exported",
    /// A letter could not be sent and is not tried again.
    MailGivenUp = "mail.given-up",
    /// Nobody knows whether a letter went; it is not sent again.
    MailUncertain = "mail.uncertain",
}
