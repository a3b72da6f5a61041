//! Getting in: passwords, sessions and tokens checked.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant},
};

use ulid::Ulid;
use vigie_config::Utc;

use super::{
    Accounts, AccountsError, EndedSession, Origin, Rights, Session, SessionInfo, Token, User, Verdict,
    sessions::{self, Moment, StoredSession, Touch},
    state::Entry,
    tokens::{self, StoredToken},
    users,
};

/// That somebody knew a user's password of a moment ([`Accounts::proof`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    name: String,
    phc: String,
}

impl Accounts {
    /// Takes about as long for a name that does not exist; a pair that was right in the last
    /// five minutes is answered at once.
    pub fn verify(&self, name: &str, password: &str) -> Verdict {
        if password.len() > users::MAX_PASSWORD_BYTES {
            return Verdict::Refused;
        }
        if let Some(verdict) = self.remembered(name, password) {
            return verdict;
        }
        let user = self.stored(name).ok();
        let phc = user.as_ref().map(|user| user.password.as_str());
        if !self.hasher.verify(password, phc) {
            return Verdict::Refused;
        }
        let Some(user) = user else {
            return Verdict::Refused;
        };
        let pair = self.lock_pairs().pair(name, password);
        if let Some(pair) = pair.filter(|_| user.enabled) {
            self.lock_pairs().learn(pair, user.password.clone(), Instant::now());
        }
        self.read().verdict(&user)
    }

    /// The verdict on a pair that was right in the last five minutes, without hashing. `None`: ask
    /// [`Accounts::verify`], which takes its time.
    pub fn remembered(&self, name: &str, password: &str) -> Option<Verdict> {
        let user = self.stored(name).ok()?;
        let known = {
            let pairs = self.lock_pairs();
            let pair = pairs.pair(name, password)?;
            pairs.knows(&pair, &user.password, Instant::now())
        };
        known.then(|| self.read().verdict(&user))
    }

    /// What tells later whether a user's password is still the one of now.
    pub fn proof(&self, name: &str) -> Option<Proof> {
        let user = self.stored(name).ok()?;
        Some(Proof {
            name: user.name,
            phc: user.password,
        })
    }

    /// The user of a proof, as long as they are enabled, their password is the same, and it is enough.
    pub fn user_of(&self, proof: &Proof) -> Option<User> {
        let user = self.stored(&proof.name).ok()?;
        let good = user.enabled && user.second_factor.is_none() && user.password == proof.phc;
        good.then(|| self.read().public(&user))
    }

    /// Another number once the user has another password, or is another of the same name.
    pub fn password_stamp(&self, name: &str) -> u64 {
        let user = self.stored(name).ok();
        let user = user.map(|user| (user.created.as_micros(), user.second_factor.is_some(), user.password));
        let mut hash = DefaultHasher::new();
        user.hash(&mut hash);
        hash.finish()
    }

    /// `MD5(name:vigie:password)` in hexadecimal, for RTSP Digest. `None`: no such user, switched
    /// off, with a second factor (which Digest cannot show), or `secret.key` was lost (then a new
    /// password brings it back).
    pub fn ha1(&self, name: &str) -> Option<String> {
        let user = self.stored(name).ok();
        let user = user.filter(|user| user.enabled && user.second_factor.is_none())?;
        self.lock_seal().as_ref()?.open(name, &user.ha1)
    }

    /// A token for a user who was verified. Survives a restart; where the journal cannot be
    /// written to (disk full) it lasts as long as the process.
    pub fn create_session(&self, name: &str, lifetime: Duration, origin: Origin) -> Result<String, AccountsError> {
        let (token, hash) = sessions::new_token("")?;
        let now = Utc::now();
        let mut journal = self.lock_journal();
        let user = self.stored(name)?;
        if !user.enabled {
            return Err(AccountsError::Disabled { name: name.to_owned() });
        }
        self.write().sessions.forget_ended(now);
        let surplus = self.read().sessions.surplus(name);
        if let Some(hash) = surplus {
            self.commit_or_remember(&mut journal, Entry::SessionEnded { hash });
        }
        let session = StoredSession::new(hash, user.name, now, lifetime, origin);
        self.commit_or_remember(&mut journal, Entry::Session(session));
        Ok(token)
    }

    /// The session of a token, if it has not ended; it asks something now.
    pub fn session(&self, token: &str) -> Option<Session> {
        self.session_with(token, Touch::Request)
    }

    /// The same, and nobody asks by it.
    pub fn look_at_session(&self, token: &str) -> Option<Session> {
        self.session_with(token, Touch::Look)
    }

    /// Somebody is there, and touches keys, mouse or screen.
    pub fn has_input(&self, token: &str) -> Option<Session> {
        self.session_with(token, Touch::Input)
    }

    fn session_with(&self, token: &str, touch: Touch) -> Option<Session> {
        let state = self.read();
        let (session, info) = state.sessions.get(&sessions::token_hash(token), Moment::now(), touch)?;
        let user = state.users.get(&session.user).filter(|user| user.enabled)?;
        Some(Session {
            user: state.public(user),
            info,
        })
    }

    /// Those that ended for want of input since this was asked last. They do not come back.
    pub fn end_idle(&self) -> Vec<EndedSession> {
        if self.read().sessions.idle.is_none() {
            return Vec::new();
        }
        let mut journal = self.lock_journal();
        let idle = self.write().sessions.take_idle(Instant::now());
        let ended = idle.into_iter().map(|session| {
            self.commit_or_remember(&mut journal, Entry::SessionEnded { hash: session.hash });
            EndedSession {
                user: session.user,
                peer: session.peer,
            }
        });
        ended.collect()
    }

    /// Those that have not ended, newest first.
    pub fn sessions(&self) -> Vec<SessionInfo> {
        self.read().sessions.list(Moment::now())
    }

    /// Unknown tokens are ignored.
    pub fn end_session(&self, token: &str) {
        self.end_session_of(sessions::token_hash(token));
    }

    /// By [`SessionInfo::id`]; unknown ones are ignored.
    pub fn end_session_by_id(&self, id: &str) {
        let hash = self.read().sessions.hash_of(id);
        if let Some(hash) = hash {
            self.end_session_of(hash);
        }
    }

    fn end_session_of(&self, hash: String) {
        let mut journal = self.lock_journal();
        if self.read().sessions.contains(&hash) {
            self.commit_or_remember(&mut journal, Entry::SessionEnded { hash });
        }
    }

    /// A token with a part of its owner's rights, and the one time that it is told.
    pub fn add_token(
        &self,
        owner: &User,
        name: &str,
        rights: Rights,
        expires: Option<Utc>,
    ) -> Result<(Token, String), AccountsError> {
        let fits = (1..=tokens::LONGEST_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        if !fits {
            let seen = name.chars().take(80).collect();
            return Err(AccountsError::BadTokenName { seen });
        }
        let now = Utc::now();
        if expires.is_some_and(|end| end <= now) {
            return Err(AccountsError::ExpiredToken);
        }
        if !owner.rights.cover(&rights) {
            return Err(AccountsError::TooMuch);
        }
        let (text, hash) = sessions::new_token(tokens::PREFIX)?;
        let mut journal = self.lock_journal();
        self.stored(&owner.name)?;
        let seen = self.read().tokens.of(&owner.name);
        if seen >= tokens::MAX_PER_OWNER {
            let name = owner.name.clone();
            return Err(AccountsError::TooManyTokens { name, seen });
        }
        let id = Ulid::generate();
        let token = StoredToken {
            id,
            hash,
            name: name.to_owned(),
            owner: owner.name.clone(),
            rights,
            created: now,
            expires,
        };
        self.commit(&mut journal, Entry::Token(token))?;
        let made = self.tokens().into_iter().find(|token| token.id == id);
        let made = made.ok_or_else(|| AccountsError::NoToken { id: id.to_string() })?;
        Ok((made, text))
    }

    pub fn tokens(&self) -> Vec<Token> {
        self.read().tokens.list()
    }

    pub fn end_token(&self, id: Ulid) -> Result<(), AccountsError> {
        let mut journal = self.lock_journal();
        let found = self.read().tokens.iter().any(|token| token.id == id);
        match found {
            true => self.commit(&mut journal, Entry::TokenEnded { id }),
            false => Err(AccountsError::NoToken { id: id.to_string() }),
        }
    }

    /// The id of a token that is shown now, if it has not ended.
    pub fn shown_token(&self, text: &str) -> Option<Ulid> {
        if !text.starts_with(tokens::PREFIX) {
            return None;
        }
        let hash = sessions::token_hash(text);
        Some(self.read().tokens.shown(&hash, Utc::now())?.id)
    }

    /// The owner of a token, with what both may now.
    pub fn user_of_token(&self, id: Ulid) -> Option<User> {
        let state = self.read();
        let token = state.tokens.get(id, Utc::now())?;
        let owner = state.users.get(&token.owner).filter(|user| user.enabled)?;
        let mut user = state.public(owner);
        user.rights = user.rights.and(&token.rights);
        Some(user)
    }
}
