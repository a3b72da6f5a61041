//! The first start: a link that is good once, for whoever reads what the recorder prints.

use std::sync::{Mutex, PoisonError};

use super::{Accounts, AccountsError, GroupName, User, sessions, state::State};

/// Another one at each start; gone with the first user.
#[derive(Default)]
pub(super) struct SetupLink(Mutex<Option<String>>);

impl Accounts {
    /// What stands behind `/setup?link=`; `None`: there are users, or none can be made.
    pub fn setup_link(&self) -> Option<String> {
        if self.any() || self.fault().is_some() {
            return None;
        }
        let mut link = self.setup.0.lock().unwrap_or_else(PoisonError::into_inner);
        if link.is_none() {
            *link = sessions::new_token("").ok().map(|(token, _)| token);
        }
        link.clone()
    }

    /// The first user, who may do everything.
    pub fn set_up(&self, link: &str, name: &str, password: &str) -> Result<User, AccountsError> {
        // Held to the end: of two who come at once one is the first.
        let mut expected = self.setup.0.lock().unwrap_or_else(PoisonError::into_inner);
        if self.any() {
            return Err(AccountsError::SetUp);
        }
        let same = expected
            .as_ref()
            .is_some_and(|expected| same(expected.as_bytes(), link.as_bytes()));
        if !same {
            return Err(AccountsError::BadLink);
        }
        let operator = self.operator();
        let user = operator.add(name, GroupName::administrator(), None, password)?;
        *expected = None;
        Ok(user)
    }

    /// Users, groups, tokens and sessions are gone, as before the first start: another link makes the
    /// first user.
    pub fn forget_everybody(&self) -> Result<(), AccountsError> {
        let mut link = self.setup.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = State::default();
        let mut journal = self.lock_journal();
        next.sessions.idle = self.read().sessions.idle;
        self.replace(&mut journal, next)?;
        self.lock_enrolments().clear();
        *link = None;
        Ok(())
    }
}

/// Takes as long whatever the first difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}
