//! Every operation on the files of a volume, and nothing else.
//!
//! All paths are relative to a directory held open ([`Root`]): when the file system is unmounted
//! lazily, writes keep going to it and never to the folder that appears under the mount point.
//! This is the one place where the order of operations on a disk can be observed.

mod beneath;
mod footage;
mod pending;
mod root;
#[cfg(test)]
pub(crate) mod trace;

pub use footage::{Footage, ReadAt};
pub use root::{Entry, Root, Space, is_of_path};
