//! What happens when sled, or the folder under it, fails.

use std::path::Path;

use super::{
    Down, Index, IndexError,
    base::{self, Base},
    error::Fault,
};

impl Index {
    pub(super) fn read_failed(&self, fault: Fault) -> IndexError {
        let Some(dir) = &self.dir else {
            return IndexError::CorruptKey {
                what: format!("{fault:?}"),
            };
        };
        let base = self.lock().base.clone();
        self.went_wrong(dir, base, fault)
    }

    /// Gives up the base (and sets it aside if it cannot be trusted, for a new one) and says what
    /// that means. What is pending stays.
    pub(super) fn went_wrong(&self, dir: &Path, base: Option<Base>, fault: Fault) -> IndexError {
        let error = self.give_up(dir, base, fault);
        self.days.clear();
        error
    }

    fn give_up(&self, dir: &Path, base: Option<Base>, fault: Fault) -> IndexError {
        let mut inner = self.lock();
        let held = inner.base.take();
        match &fault {
            Fault::Panicked { .. } => [base, held].into_iter().flatten().for_each(Base::abandon),
            _ => {
                drop(base);
                held.into_iter().for_each(Base::close);
            }
        }
        let unavailable = |why: String, full| IndexError::Unavailable {
            dir: dir.to_owned(),
            why,
            full,
        };
        let (error, for_good) = match fault {
            Fault::Folder { why, full } => (unavailable(why, full), false),
            Fault::Newer { seen } => (
                IndexError::Newer {
                    dir: dir.to_owned(),
                    seen,
                    supported: base::FORMAT,
                },
                true,
            ),
            Fault::Broken { why } | Fault::Panicked { why } => match base::set_aside(dir) {
                Ok(to) => {
                    inner.generation += 1;
                    inner.pending.forget_checkpoints();
                    let reopened = Base::open(dir);
                    let error = IndexError::SetAside { to, why };
                    match reopened {
                        Ok((base, _)) => {
                            inner.base = Some(base);
                            inner.down = None;
                        }
                        Err(fault) => {
                            let error = unavailable(format!("a new one cannot be made: {fault:?}"), false);
                            inner.down = Some(Down { error, for_good: false });
                        }
                    }
                    return error;
                }
                Err(error) => (
                    unavailable(format!("{why}; it cannot be set aside: {error}"), false),
                    false,
                ),
            },
        };
        inner.down = Some(Down {
            error: error.clone(),
            for_good,
        });
        error
    }
}
