//! Refreshing: new tokens for a refresh token, by the rule of [`super::lineage`].

use futures::future::join;

use super::check::demand_second_factor;
use super::hand::Issued;
use super::handle::RefreshToken;
use super::lineage::{Branch, Lineage, Rule, Step, Verdict};
use super::{AdminSignedIn, Handed, Realm, Session, SignedIn, sql};
use crate::admins::Admin;
use crate::app::{App, SYSTEM};
use crate::audit::{Action, Actor, Entry, Target, Visit};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::store::{Change, Stale, args};
use crate::tenants::{Lifetimes, Tenant};
use crate::users::User;

/// How often a decision lost to a rival is made anew. Each loss means that somebody else's was made true.
const ATTEMPTS: usize = 16;

/// Whose session is refreshed.
enum Owner<'a> {
    User(&'a Tenant, &'a User, Lifetimes),
    Admin(&'a Admin),
}

impl Owner<'_> {
    fn realm(&self) -> Realm {
        match self {
            Self::User(..) => Realm::Client,
            Self::Admin(_) => Realm::Admin,
        }
    }
}

impl App {
    /// Gives new tokens for a refresh token, by the rule of [`super::lineage`].
    ///
    /// # Errors
    /// [`Error::InvalidToken`], also for a replay, which ends the session; [`Error::TokenExpired`]; [`Error::Forbidden`] if another tenant is
    /// named; [`Error::RateLimited`] if one token comes too often.
    pub async fn refresh(&self, token: &str, named: Option<&str>, visit: &Visit) -> Result<SignedIn> {
        let now = self.now();
        let shown = self.handles.read_refresh(token).ok_or(Error::InvalidToken)?;
        let session = self.living_session(Realm::Client, shown.session).await?;
        let (tenant, user) = self.alive(&session).await?;
        if named.is_some_and(|named| named != tenant.id.as_str()) {
            return Err(Error::Forbidden);
        }
        demand_second_factor(&tenant, &user, &session, now)?;
        let lifetimes = tenant.lifetimes(&self.settings);
        if now >= session.created_at.after(lifetimes.refresh) {
            return Err(Error::TokenExpired);
        }
        let rule = self.rule(&tenant);
        let owner = Owner::User(&tenant, &user, lifetimes);
        let handed = self.advance(&owner, &session, shown, rule, now, visit).await?;
        Ok(SignedIn { handed, user })
    }

    /// Gives a system administrator new tokens for a refresh token.
    ///
    /// # Errors
    /// As [`App::refresh`].
    pub async fn refresh_admin(&self, token: &str, visit: &Visit) -> Result<AdminSignedIn> {
        let now = self.now();
        let shown = self.admin_handles.read_refresh(token).ok_or(Error::InvalidToken)?;
        let session = self.living_session(Realm::Admin, shown.session).await?;
        let admin = self.alive_admin(&session).await?;
        self.demand_admin_awake(&session, now).await?;
        let handed = self.advance(&Owner::Admin(&admin), &session, shown, Rule::Standard, now, visit).await?;
        Ok(AdminSignedIn { handed, admin })
    }

    /// The tokens that go out.
    async fn hand(&self, owner: &Owner<'_>, issued: Issued, now: Timestamp) -> Result<Handed> {
        let admin = match owner {
            Owner::User(tenant, user, lifetimes) => {
                return self.hand_out(tenant, user, &issued, *lifetimes, now).await;
            }
            Owner::Admin(admin) => admin,
        };
        let access = self.admin_access(now, issued.created_at);
        let place = RefreshToken { session: issued.id, place: issued.place };
        Ok(Handed {
            token: self.admin_token(admin, issued.id, now, access).await?,
            refresh_token: self.admin_handles.write_refresh(place),
            cookie: None,
            expires_in: access,
            cookie_max_age: self.settings.sessions.admin_max.0,
        })
    }

    fn rule(&self, tenant: &Tenant) -> Rule {
        if tenant.settings.strict_refresh || self.settings.tokens.strict_refresh {
            Rule::Strict
        } else {
            Rule::Standard
        }
    }

    /// Decides about a refresh token, makes the decision true, against rivals if need be, and hands out what follows from it.
    ///
    /// What this node remembers is enough to go forward on, for the store takes the step only in place of the lineage it was decided
    /// on. Everything else is decided on what the store holds.
    async fn advance(
        &self,
        owner: &Owner<'_>,
        session: &Session,
        shown: RefreshToken,
        rule: Rule,
        now: Timestamp,
        visit: &Visit,
    ) -> Result<Handed> {
        let realm = owner.realm();
        let fresh = Branch(self.draw());
        let remembered = session.lineage();
        if let Verdict::Answer { next, issued, step: Step::Advanced } = remembered.decide(shown.place, rule, now, fresh)
        {
            // Signed while the writer is at it. If a rival was faster, nobody ever sees what was signed.
            let writing = self.write_lineage(realm, session, remembered, next, now, visit);
            let (written, handed) = join(writing, self.hand(owner, session.issue(issued), now)).await;
            if written? {
                return handed;
            }
        }
        for _ in 0..ATTEMPTS {
            let stored = self.stored_session(realm, session.id).await?;
            let was = stored.lineage();
            match was.decide(shown.place, rule, now, fresh) {
                Verdict::NeverIssued => return Err(Error::InvalidToken),
                Verdict::Replay => return self.end_replayed(realm, &stored, now, visit).await,
                Verdict::Answer { issued, step: Step::Repeated, .. } => {
                    self.pacing.admit(shown.session, shown.place, was.child_since, now)?;
                    self.note_moved(realm, &stored, now, visit).await?;
                    return self.hand(owner, stored.issue(issued), now).await;
                }
                Verdict::Answer { next, issued, step } => {
                    if step == Step::Renewed {
                        self.pacing.admit(shown.session, shown.place, was.child_since, now)?;
                    }
                    if self.write_lineage(realm, &stored, was, next, now, visit).await? {
                        session.remember(next);
                        return self.hand(owner, stored.issue(issued), now).await;
                    }
                }
            }
        }
        Err(Error::ServerBusy)
    }

    /// Writes the next lineage in place of the one the decision was made on; says whether it was still there.
    async fn write_lineage(
        &self,
        realm: Realm,
        session: &Session,
        was: Lineage,
        next: Lineage,
        now: Timestamp,
        visit: &Visit,
    ) -> Result<bool> {
        let statement = match realm {
            Realm::Client => sql::ADVANCE,
            Realm::Admin => sql::ADVANCE_ADMIN,
        };
        let row = args![
            session.id,
            was.generation,
            was.branch.0,
            was.child.0,
            next.generation,
            next.branch.0,
            next.child.0,
            next.child_since,
            now
        ];
        let moved = realm == Realm::Client && session.is_elsewhere(visit);
        let change = if moved { Self::moving(session, now, visit) } else { Change::unlogged() };
        match self.store.carry_out(change.must_system(statement, row, || Error::Conflict)).await {
            Ok(_) => {
                session.remember(next);
                Ok(true)
            }
            Err(Error::Conflict) => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Leaves the trace of a session used from elsewhere where nothing else is written.
    pub(super) async fn note_moved(
        &self,
        realm: Realm,
        session: &Session,
        now: Timestamp,
        visit: &Visit,
    ) -> Result<()> {
        if realm == Realm::Admin || !session.is_elsewhere(visit) {
            return Ok(());
        }
        match self.store.carry_out(Self::moving(session, now, visit)).await {
            // A rival has noted it, or the session has ended meanwhile.
            Ok(_) | Err(Error::Conflict) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    /// A session that is used from elsewhere leaves a trace, for its owner and for the log.
    fn moving(session: &Session, now: Timestamp, visit: &Visit) -> Change {
        let entry = Entry::done(
            now,
            &Actor::User(UserId(session.owner)),
            visit,
            Action::SessionMoved,
            Target::session(session.id),
        )
        .because(format!("from {}", session.address))
        .in_tenant(&session.tenant);
        Change::system(entry)
            .must_system(sql::MOVE, args![session.id, visit.address, &*visit.agent], || Error::Conflict)
            .forgetting(Stale::Session(session.id))
    }

    async fn end_replayed(&self, realm: Realm, session: &Session, now: Timestamp, visit: &Visit) -> Result<Handed> {
        let entry = Entry::done(now, &SYSTEM, visit, Action::RefreshReplayed, Target::session(session.id))
            .refused("a spent refresh token was presented; the session is ended");
        let change = match realm {
            Realm::Client => Change::system(entry.in_tenant(&session.tenant))
                .run_system(sql::END, args![session.id, now])
                .forgetting(Stale::Session(session.id)),
            Realm::Admin => Change::system(entry)
                .run_system(sql::END_ADMIN, args![session.id, now])
                .forgetting(Stale::AdminSession(session.id)),
        };
        self.store.carry_out(change).await?;
        Err(Error::InvalidToken)
    }
}
