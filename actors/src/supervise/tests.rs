//! Supervisors and workers on a real runtime: every assertion waits for a state.

#![allow(clippy::unwrap_used)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ractor::{ActorRef, call};
use tokio::sync::Notify;

use super::*;

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never came true: {what}");
}

/// A job that runs until told to panic or stop, and counts its lives and orderly ends.
#[derive(Clone, Default)]
struct Probe {
    lives: Arc<AtomicUsize>,
    ends: Arc<AtomicUsize>,
    fail: Arc<Notify>,
}

impl Probe {
    fn child(&self, name: &str) -> ChildSpec {
        let probe = self.clone();
        worker_child(name, "probe", move |context| {
            let probe = probe.clone();
            Box::pin(async move {
                probe.lives.fetch_add(1, Ordering::SeqCst);
                tokio::select! {
                    () = probe.fail.notified() => panic!("as asked"),
                    () = context.stopping() => {
                        probe.ends.fetch_add(1, Ordering::SeqCst);
                        Ok(())
                    }
                }
            })
        })
    }
    fn lives(&self) -> usize {
        self.lives.load(Ordering::SeqCst)
    }
    fn ends(&self) -> usize {
        self.ends.load(Ordering::SeqCst)
    }
}

async fn house(children: Vec<ChildSpec>) -> (Arc<Node>, ActorRef<SupervisorMsg>) {
    let node = Node::new("root", "root");
    let root = spawn_root(node.clone(), children).await.unwrap();
    (node, root)
}

#[tokio::test]
async fn a_panicked_job_is_started_again_and_its_neighbour_never_notices() {
    let (one, two) = (Probe::default(), Probe::default());
    let (node, root) = house(vec![one.child("one"), two.child("two")]).await;
    until("both run", || one.lives() == 1 && two.lives() == 1).await;
    for life in 2..=4 {
        one.fail.notify_one();
        until("one lives again", || one.lives() == life).await;
    }
    let tree = node.tree();
    let shown = tree.children.iter().find(|c| c.name == "one").unwrap();
    assert_eq!((shown.generation, shown.restarts), (4, 3));
    assert!(shown.last_error.as_deref().unwrap().contains("as asked"));
    assert_eq!(two.lives(), 1);
    call!(root, SupervisorMsg::Shutdown).unwrap();
    assert_eq!((one.ends(), two.ends()), (1, 1), "an orderly end lets jobs finish");
}

#[tokio::test]
async fn six_ends_in_a_minute_park_a_child() {
    let probe = Probe::default();
    let (node, _root) = house(vec![probe.child("one")]).await;
    for life in 1..=6 {
        until("it lives", || probe.lives() == life).await;
        probe.fail.notify_one();
    }
    until("parked", || {
        node.tree()
            .children
            .first()
            .is_some_and(|c| c.state == NodeState::Parked)
    })
    .await;
}

#[tokio::test]
async fn children_come_and_go() {
    let (one, two) = (Probe::default(), Probe::default());
    let (node, root) = house(vec![one.child("one")]).await;
    call!(root, |reply| SupervisorMsg::Put(two.child("two"), Some(reply))).unwrap();
    until("two runs", || two.lives() == 1).await;
    call!(root, |reply| SupervisorMsg::Put(two.child("two"), Some(reply))).unwrap();
    until("two was replaced", || two.lives() == 2 && two.ends() == 1).await;
    call!(root, |reply| SupervisorMsg::Remove("one".into(), reply)).unwrap();
    assert_eq!(one.ends(), 1);
    let names: Vec<String> = node.tree().children.into_iter().map(|c| c.name).collect();
    assert_eq!(names, ["two"]);
}

#[tokio::test]
async fn a_nested_supervisor_takes_its_children_along_in_order() {
    let probe = Probe::default();
    let inner = probe.clone();
    let spec = supervisor_child(
        "inner".into(),
        "inner",
        true,
        Ending::InReverse,
        move || vec![inner.child("one")],
        |_| {},
    );
    let (node, root) = house(vec![spec]).await;
    until("it runs", || probe.lives() == 1).await;
    assert_eq!(node.tree().children[0].children[0].name, "one");
    call!(root, SupervisorMsg::Shutdown).unwrap();
    assert_eq!(probe.ends(), 1);
}

#[cfg(feature = "fault-hooks")]
#[tokio::test]
async fn the_hook_panics_any_actor_that_may_panic() {
    let probe = Probe::default();
    let inner = probe.clone();
    let spec = supervisor_child(
        "inner".into(),
        "inner",
        true,
        Ending::InReverse,
        move || vec![inner.child("one")],
        |_| {},
    );
    let (node, _root) = house(vec![spec]).await;
    until("it runs", || probe.lives() == 1).await;
    assert!(node.find(&["inner", "one"]).unwrap().panic_now());
    until("the worker lives again", || probe.lives() == 2).await;
    assert!(node.find(&["inner"]).unwrap().panic_now());
    until("with its supervisor too", || probe.lives() == 3).await;
    until("one restart is shown", || node.tree().children[0].restarts == 1).await;
    assert!(!node.panic_now(), "the root has no hook");
}
