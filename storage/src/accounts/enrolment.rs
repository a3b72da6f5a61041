//! A user's second factor: begun, proved, used, given up.

use std::time::Instant;

use vigie_config::Utc;

use super::{
    Accounts, AccountsError,
    second_factor::{self, ENROL_WITHIN, Enrolment, NewFactor, StoredFactor},
    state::Entry,
    users::StoredUser,
};

/// Secrets that wait for their first code at once.
const MOST_ENROLMENTS: usize = 64;

impl Accounts {
    /// A secret for an authenticator; nothing changes before [`Accounts::confirm_factor`].
    pub fn enrol(&self, name: &str) -> Result<NewFactor, AccountsError> {
        self.stored(name)?;
        let enrolment = Enrolment::new()?;
        let told = enrolment.told(name);
        let mut waiting = self.lock_enrolments();
        waiting.retain(|_, one| one.since.elapsed() < ENROL_WITHIN);
        if waiting.len() >= MOST_ENROLMENTS {
            let oldest = waiting.iter().min_by_key(|(_, one)| one.since);
            let oldest = oldest.map(|(name, _)| name.clone());
            oldest.and_then(|oldest| waiting.remove(&oldest));
        }
        waiting.insert(name.to_owned(), enrolment);
        Ok(told)
    }

    /// The authenticator shows what it should: from now on its code is asked for. The recovery codes,
    /// told this once; `None`: that was not its code.
    pub fn confirm_factor(&self, name: &str, code: &str) -> Result<Option<Vec<String>>, AccountsError> {
        let (secret, step) = {
            let waiting = self.lock_enrolments();
            let one = waiting.get(name).filter(|one| is_fresh(one, Instant::now()));
            let one = one.ok_or(AccountsError::NotEnrolled)?;
            match second_factor::step_shown(&one.secret, code, 0, Utc::now()) {
                Some(step) => (hex::encode(&one.secret), step),
                None => return Ok(None),
            }
        };
        let (codes, recovery) = second_factor::recovery_codes()?;
        let sealed = self.sealed(name, &secret)?;
        let mut journal = self.lock_journal();
        let mut user = self.stored(name)?;
        user.second_factor = Some(StoredFactor {
            secret: sealed,
            last_step: step,
            recovery,
        });
        self.commit(&mut journal, Entry::User(user))?;
        self.lock_enrolments().remove(name);
        Ok(Some(codes))
    }

    /// The password alone is enough again.
    pub fn drop_factor(&self, name: &str) -> Result<(), AccountsError> {
        let mut journal = self.lock_journal();
        let mut user = self.stored(name)?;
        user.second_factor = None;
        self.commit(&mut journal, Entry::User(user))
    }

    /// Whether this is a code of now, or a recovery code, that was not used before. It is used when
    /// this returns, on the device.
    pub fn use_code(&self, name: &str, code: &str) -> Result<bool, AccountsError> {
        let mut journal = self.lock_journal();
        let mut user = self.stored(name)?;
        let secret = self.factor_secret(&user);
        let Some(factor) = &mut user.second_factor else {
            return Ok(true);
        };
        let step = secret.and_then(|secret| second_factor::step_shown(&secret, code, factor.last_step, Utc::now()));
        let hash = second_factor::recovery_hash(code);
        match step {
            Some(step) => factor.last_step = step,
            None => match factor.recovery.iter().position(|kept| *kept == hash) {
                Some(used) => drop(factor.recovery.swap_remove(used)),
                None => return Ok(false),
            },
        }
        self.commit(&mut journal, Entry::User(user))?;
        Ok(true)
    }

    /// `None`: without a second factor, or `secret.key` was lost; recovery codes are good then too.
    fn factor_secret(&self, user: &StoredUser) -> Option<Vec<u8>> {
        let sealed = &user.second_factor.as_ref()?.secret;
        let secret = self.lock_seal().as_ref()?.open(&user.name, sealed)?;
        hex::decode(secret).ok()
    }
}

fn is_fresh(one: &Enrolment, now: Instant) -> bool {
    now.duration_since(one.since) < ENROL_WITHIN
}
