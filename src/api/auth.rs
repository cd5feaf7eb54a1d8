//! Who calls, and what they may do.

use super::{Api, Problem, access};
use crate::{
    domain::{
        chain::Hash,
        event::Actor,
        order::Order,
        scope::Scope,
        staff::{Position, User},
        text::Language,
        time::Timestamp,
    },
    store::{ApiKey, Session},
};
use axum::{
    extract::{FromRequestParts, MatchedPath},
    http::{Method, header, request::Parts},
};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use uuid::Uuid;

/// A role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A kiosk: orders, and nothing else.
    Kiosk,
    /// The board with the numbers.
    Board,
    /// A screen that staff come in at with their PINs: by itself it shows nothing.
    Staff,
    /// Takes money, hands dishes over.
    Cashier,
    /// Looks after the devices.
    Technician,
    /// All of it.
    Manager,
    /// Another system, by API key.
    Service,
    /// Headquarters.
    Hq,
}

impl Role {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Kiosk => "kiosk",
            Self::Board => "board",
            Self::Staff => "staff",
            Self::Cashier => "cashier",
            Self::Technician => "technician",
            Self::Manager => "manager",
            Self::Service => "service",
            Self::Hq => "hq",
        }
    }

    /// The role with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Self::Kiosk,
            Self::Board,
            Self::Staff,
            Self::Cashier,
            Self::Technician,
            Self::Manager,
            Self::Service,
            Self::Hq,
        ]
        .into_iter()
        .find(|r| r.word() == word)
    }
}

/// Staff who deal with orders and money.
pub const STAFF: &[Role] = &[Role::Cashier, Role::Technician, Role::Manager];
/// Those who take what a kiosk may not: a card of the store's own people.
pub const CASHIERS: &[Role] = &[Role::Cashier, Role::Manager];
/// Those who deal with devices.
pub const TECHNICIANS: &[Role] = &[Role::Technician, Role::Manager];
/// Those who report money that was taken.
pub const TILLS: &[Role] = &[
    Role::Service,
    Role::Cashier,
    Role::Technician,
    Role::Manager,
];
/// Those who order.
pub const ORDERING: &[Role] = &[
    Role::Kiosk,
    Role::Service,
    Role::Cashier,
    Role::Technician,
    Role::Manager,
];
/// Everyone with a token.
pub const ANYONE: &[Role] = &[
    Role::Kiosk,
    Role::Board,
    Role::Staff,
    Role::Cashier,
    Role::Technician,
    Role::Manager,
    Role::Service,
    Role::Hq,
];

/// Those who look after people and screens.
pub const MANAGERS: &[Role] = &[Role::Manager];
/// Screens that can be paired.
pub const SCREENS: &[Role] = &[Role::Kiosk, Role::Board, Role::Staff];

/// SHA-256 of a token: what is kept of it.
#[must_use]
pub fn hash_token(token: &str) -> Hash {
    Sha256::digest(token.as_bytes()).into()
}

/// A person at work, as every request sees them.
#[derive(Debug)]
pub struct AtWork {
    /// Who.
    pub user_id: Uuid,
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The language of their screens.
    pub language: Language,
    /// Where they came in.
    pub door: String,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    seen: AtomicI64,
    /// What of `seen` is in the database.
    saved: AtomicI64,
}

/// So long what a person did last may be younger in memory than in the database.
const SAVED_WITHIN: Duration = Duration::from_mins(1);

impl AtWork {
    /// A person with an open session.
    #[must_use]
    pub fn new(user: &User, session: &Session) -> Self {
        let role = match user.role {
            Position::Cashier => Role::Cashier,
            Position::Technician => Role::Technician,
            Position::Manager => Role::Manager,
        };
        Self {
            user_id: user.id,
            name: user.name.clone(),
            role,
            language: user.language,
            door: session.door.clone(),
            expires_at: session.expires_at,
            seen: AtomicI64::new(session.seen_at.as_millis()),
            saved: AtomicI64::new(session.seen_at.as_millis()),
        }
    }

    fn is_over(&self, now: Timestamp, idle: Duration) -> bool {
        let seen = Timestamp::from_millis(self.seen.load(Ordering::Relaxed));
        now >= self.expires_at || now.since(seen) >= idle
    }

    /// Notes that the person did something; whether the database should know it.
    fn see(&self, now: Timestamp) -> bool {
        self.seen.store(now.as_millis(), Ordering::Relaxed);
        let saved = Timestamp::from_millis(self.saved.load(Ordering::Relaxed));
        let old = now.since(saved) >= SAVED_WITHIN;
        if old {
            self.saved.store(now.as_millis(), Ordering::Relaxed);
        }
        old
    }
}

/// A key of another system, as every request sees it.
#[derive(Debug)]
pub(super) struct Key {
    /// Its name.
    pub(super) name: String,
    /// What it may do.
    pub(super) scopes: Arc<[Scope]>,
    /// Requests a minute, if it has a number of its own.
    pub(super) per_minute: Option<u32>,
    /// Whose requests its requests are counted with: of the token in force.
    pub(super) bucket: Hash,
    /// It opens nothing from then on.
    until: Option<Timestamp>,
    /// When it was used last, of what the database knows; 0 when never.
    saved: AtomicI64,
}

impl Key {
    /// Whether the database should know that it is used now.
    fn is_seen(&self, now: Timestamp) -> bool {
        let saved = Timestamp::from_millis(self.saved.load(Ordering::Relaxed));
        let old = now.since(saved) >= SAVED_WITHIN;
        if old {
            self.saved.store(now.as_millis(), Ordering::Relaxed);
        }
        old
    }
}

/// Who holds a token.
#[derive(Clone, Debug)]
pub(super) enum Holder {
    /// It stands in the configuration.
    Configured(Role, String),
    /// A screen that was paired; with names that it had before, while the daemon ran.
    Screen(Role, String, Arc<[String]>),
    /// A person at work.
    Person(Arc<AtWork>),
    /// Another system, by a key that a manager made.
    Key(Arc<Key>),
}

impl Holder {
    /// Their role.
    pub(super) fn role(&self) -> Role {
        match self {
            Self::Configured(role, _) | Self::Screen(role, ..) => *role,
            Self::Person(p) => p.role,
            Self::Key(_) => Role::Service,
        }
    }
}

/// All tokens by hash, in memory. Clones share them.
#[derive(Clone, Default)]
pub struct Tokens(Arc<RwLock<BTreeMap<Hash, Holder>>>);

impl Tokens {
    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<Hash, Holder>) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets a token of the configuration in.
    pub fn insert(&self, hash: Hash, role: Role, name: String) {
        self.change(|all| all.insert(hash, Holder::Configured(role, name)));
    }

    /// Lets a paired screen in, or gives it another name.
    pub fn insert_screen(&self, hash: Hash, role: Role, name: String) {
        self.change(|all| {
            let mut former = match all.get(&hash) {
                Some(Holder::Screen(_, old, former)) => [former, &[old.clone()][..]].concat(),
                _ => Vec::new(),
            };
            former.retain(|old| *old != name);
            all.insert(hash, Holder::Screen(role, name, former.into()));
        });
    }

    /// Lets a person in.
    pub fn insert_person(&self, hash: Hash, person: AtWork) {
        self.change(|all| all.insert(hash, Holder::Person(Arc::new(person))));
    }

    /// Lets a key in, in place of what it was before; shuts a revoked one out.
    pub fn insert_key(&self, key: &ApiKey) {
        let holder = |until: Option<Timestamp>| {
            Holder::Key(Arc::new(Key {
                name: key.name.clone(),
                scopes: key.scopes.clone().into(),
                per_minute: key.per_minute,
                bucket: key.hash,
                until,
                saved: AtomicI64::new(key.used_at.map_or(0, Timestamp::as_millis)),
            }))
        };
        self.change(|all| {
            all.retain(|_, h| !matches!(h, Holder::Key(k) if k.name == key.name));
            if key.revoked_at.is_some() {
                return;
            }
            all.insert(key.hash, holder(key.expires_at));
            if let Some((former, until)) = key.former {
                let until = key.expires_at.map_or(until, |at| at.min(until));
                all.insert(former, holder(Some(until)));
            }
        });
    }

    /// Shuts a token out.
    pub fn remove(&self, hash: &Hash) {
        self.change(|all| all.remove(hash));
    }

    /// Ends the sessions of which this is true.
    pub fn end_sessions(&self, which: impl Fn(&AtWork) -> bool) {
        self.change(|all| {
            all.retain(|_, holder| !matches!(holder, Holder::Person(p) if which(p)));
        });
    }

    /// Whether the configuration has a token of this role and name: a screen of the same could not be told from it.
    #[must_use]
    pub fn is_configured(&self, role: Role, name: &str) -> bool {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.values()
            .any(|h| matches!(h, Holder::Configured(r, n) if *r == role && n == name))
    }

    pub(super) fn find(&self, hash: &Hash) -> Option<Holder> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(hash)
            .cloned()
    }
}

/// The request came through the Unix socket.
#[derive(Clone, Copy)]
pub(super) struct Local;

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    /// In which role.
    pub role: Role,
    /// Which one.
    pub name: String,
    /// With which token; none through the socket.
    pub token: Option<Hash>,
    /// The person, if it is one who came in with a PIN.
    pub person: Option<Arc<AtWork>>,
    /// Names that the screen had before: what it placed under them is its own.
    pub(super) former: Arc<[String]>,
    /// What the key is good for, if it is one. That it fits the route was looked at before the route was asked.
    pub scopes: Option<Arc<[Scope]>>,
}

impl Caller {
    /// Lets only these roles go on, and keys whose scopes have let them come so far.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn need(&self, roles: &[Role]) -> Result<(), Problem> {
        match &self.scopes {
            Some(_) => Ok(()),
            None => self.need_role(roles),
        }
    }

    /// Lets only these roles go on, whatever scopes a key has.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn need_role(&self, roles: &[Role]) -> Result<(), Problem> {
        if roles.contains(&self.role) {
            return Ok(());
        }
        Err(not_for(self.role))
    }

    /// Whether it sees what it placed itself, and nothing else of orders.
    #[must_use]
    pub fn sees_own_only(&self) -> bool {
        match &self.scopes {
            Some(scopes) => !scopes.contains(&Scope::OrdersRead),
            None => self.role == Role::Kiosk,
        }
    }

    /// Whether it is the one that placed this order.
    pub(super) fn placed(&self, order: &Order) -> bool {
        let by = order.placed_by.split_once(':');
        by.is_some_and(|(role, name)| {
            role == self.role.word() && (name == self.name || self.former.iter().any(|f| f == name))
        })
    }

    /// As the log names them.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor(format!("{}:{}", self.role.word(), self.name))
    }
}

fn not_for(role: Role) -> Problem {
    Problem::forbidden(format!("a {} token may not do this", role.word()))
}

impl Caller {
    /// Whether the caller could come in now, too: tokens are revoked, and people go home.
    pub(super) fn is_still_in(&self, api: &Api) -> bool {
        self.token.is_none_or(|hash| known(api, &hash).is_ok())
    }
}

/// Who holds this token, if they may come in now.
fn known(api: &Api, hash: &Hash) -> Result<Holder, Problem> {
    let holder = api
        .tokens
        .find(hash)
        .ok_or_else(|| Problem::unauthorised("this token is not known, or was revoked"))?;
    if let Holder::Person(person) = &holder
        && person.is_over(api.site.world.clock.now(), api.doors.idle)
    {
        return Err(Problem::unauthorised(
            "this session is over: come in with the PIN again",
        ));
    }
    if let Holder::Key(key) = &holder
        && key.until.is_some_and(|at| at <= api.site.world.clock.now())
    {
        return Err(Problem::unauthorised(
            "this key has expired, or was replaced by another",
        ));
    }
    Ok(holder)
}

/// The token of a request, wherever it may stand.
pub(super) fn token_of(parts: &Parts) -> Option<&str> {
    let header = parts
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.strip_prefix("Bearer "));
    // Browsers can't set headers on an event stream or an image.
    let query = || {
        let path = parts.uri.path();
        let allowed = path.ends_with("/live") || path.ends_with("/qr.svg");
        parts
            .uri
            .query()
            .filter(|_| allowed)
            .and_then(|q| q.split('&').find_map(|p| p.strip_prefix("token=")))
    };
    header.or_else(query)
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        if parts.extensions.get::<Local>().is_some() {
            return Ok(Self {
                role: Role::Manager,
                name: "socket".to_owned(),
                token: None,
                person: None,
                former: Arc::default(),
                scopes: None,
            });
        }
        let token = token_of(parts)
            .ok_or_else(|| Problem::unauthorised("send a token: Authorization: Bearer …"))?;
        let hash = hash_token(token);
        let holder = known(api, &hash)?;
        let role = holder.role();
        let template = parts.extensions.get::<MatchedPath>();
        let template = template.map_or("", MatchedPath::as_str);
        if !matches!(holder, Holder::Key(_)) && !access::may(role, &parts.method, template) {
            return Err(not_for(role));
        }
        let mut former = Arc::default();
        let (name, person, scopes) = match holder {
            Holder::Configured(_, name) => (name, None, None),
            Holder::Screen(_, name, names) => {
                former = names;
                (name, None, None)
            }
            Holder::Person(p) => (p.name.clone(), Some(p), None),
            Holder::Key(key) => {
                access::admit(&key.scopes, &parts.method, template)?;
                use_key(api, &key).await;
                (key.name.clone(), None, Some(key.scopes.clone()))
            }
        };
        // Screens read by themselves; only a person changes something, or says that they are there.
        let acts = parts.method != Method::GET || parts.uri.path().ends_with("/sessions/current");
        if let Some(person) = person.as_ref().filter(|_| acts) {
            let now = api.site.world.clock.now();
            if person.see(now) {
                api.site
                    .store
                    .write(move |tx| tx.see_session(&hash, now))
                    .await?;
            }
        }
        Ok(Self {
            role,
            name,
            token: Some(hash),
            person,
            former,
            scopes,
        })
    }
}

/// Notes that a key is used, at most once a minute. Nothing hangs on it: a full disk does not keep a key from reading.
async fn use_key(api: &Api, key: &Key) {
    let now = api.site.world.clock.now();
    if !key.is_seen(now) {
        return;
    }
    let name = key.name.clone();
    let noted = api
        .site
        .store
        .write(move |tx| tx.use_api_key(&name, now))
        .await;
    if let Err(error) = noted {
        tracing::debug!(%error, "the use of a key was not noted");
    }
}
