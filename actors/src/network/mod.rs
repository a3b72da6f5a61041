//! This machine's own network: whether a link is up, and whether another machine uses its address.
//!
//! Belongs here: what is told of either. Does not belong here: whether cameras are reached (their
//! sources), sockets of the house.

mod addresses;
mod arp;
mod links;
mod listener;
mod shown;

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde_json::json;
use vigie_config::{EventKind, Source, Utc};

use crate::{
    registry::{Event, Events},
    supervise::{ChildSpec, JobContext, JobError, worker_child},
};
use addresses::{Own, Told};
use arp::Claim;
use links::{Change, Link, Outage};

pub use listener::ArpListener;
pub use shown::LinkInfo;
pub(crate) use shown::links as shown_links;

/// Where the kernel shows the links.
const CLASS: &str = "/sys/class/net";
/// How often links are looked at: a few small files of the kernel.
const LOOK: Duration = Duration::from_secs(1);
/// Packets taken at once, and the pause after them: a storm of ARP costs packets, not cores.
const AT_ONCE: usize = 64;
const BETWEEN: Duration = Duration::from_millis(50);

/// Watches the links, as a child of the root.
pub(crate) fn links_child(events: Events) -> ChildSpec {
    // Outlives the actor: an outage is told and ended once.
    let outage = Arc::new(Mutex::new(Outage::new()));
    links_child_at(Path::new(CLASS), outage, events)
}

fn links_child_at(class: &Path, outage: Arc<Mutex<Outage>>, events: Events) -> ChildSpec {
    let class = class.to_owned();
    worker_child("links", "links", move |context| {
        let (class, outage, events) = (class.clone(), outage.clone(), events.clone());
        Box::pin(async move {
            loop {
                let folder = class.clone();
                // The kernel may make a reader wait for whoever configures a link.
                let links = tokio::task::spawn_blocking(move || links::read(&folder)).await?;
                let links =
                    links.map_err(|error| format!("cannot list network links in {}: {error}", class.display()))?;
                look(&links, &outage, &events);
                let down = lock(&outage).is_down();
                context.node.publish(json!({ "links": links, "down": down }));
                if !context.pause(LOOK).await {
                    return Ok(());
                }
            }
        })
    })
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn look(links: &[Link], outage: &Mutex<Outage>, events: &Events) {
    match lock(outage).look(links, Instant::now(), Utc::now()) {
        None => {}
        Some(Change::Down { since, text }) => {
            tracing::error!("{text}");
            events.raise(Event::house(EventKind::NetworkDown, text).at(since));
        }
        Some(Change::Over { told_here }) => {
            // At the first look nothing is known to have been down: an earlier process may have told so.
            if told_here {
                tracing::info!("the network is no longer down");
            }
            events.raise(Event::over(EventKind::NetworkDown, Source::House));
        }
    }
}

/// Watches this machine's addresses, as a child of the root.
pub(crate) fn addresses_child(listener: io::Result<ArpListener>, events: Events) -> ChildSpec {
    let listener = listener.map_err(|error| {
        let why = format!("cannot hear ARP ({error}): that needs CAP_NET_RAW");
        tracing::info!("another machine with this one's address would not be noticed: {why}");
        why
    });
    let shared = Arc::new((listener, Mutex::new(Told::default())));
    worker_child("addresses", "addresses", move |context| {
        let (shared, events) = (shared.clone(), events.clone());
        Box::pin(async move {
            let (listener, told) = &*shared;
            match listener {
                Ok(listener) => listen(listener, told, &events, &context).await,
                Err(why) => {
                    context.node.publish(json!({ "watching": false, "error": why }));
                    context.stopping().await;
                    Ok(())
                }
            }
        })
    })
}

async fn listen(
    listener: &ArpListener,
    told: &Mutex<Told>,
    events: &Events,
    context: &JobContext,
) -> Result<(), JobError> {
    let heard = listener.heard()?;
    context.node.publish(json!({ "watching": true }));
    loop {
        let claims = tokio::select! {
            claims = heard.next(AT_ONCE) => claims?,
            () = context.stopping() => return Ok(()),
        };
        if !claims.is_empty() {
            judge(claims, told, events)?;
        }
        if !context.pause(BETWEEN).await {
            return Ok(());
        }
    }
}

fn judge(claims: Vec<(usize, Claim)>, told: &Mutex<Told>, events: &Events) -> io::Result<()> {
    // Read anew each time: an address that was handed on a moment ago is no conflict.
    let own = Own::read()?;
    for (number, claim) in claims {
        if let Some(link) = own.conflict(number, &claim)
            && lock(told).is_news(claim.address, Instant::now())
        {
            raise(link, &claim, events);
        }
    }
    Ok(())
}

fn raise(link: &str, claim: &Claim, events: &Events) {
    let Claim { mac, address } = claim;
    let text = format!("{address} (link {link}) is used by another machine too, with the MAC address {mac}");
    tracing::error!("{text}");
    let payload = json!({ "address": address, "link": link, "mac": mac.to_string() });
    events.raise(Event::house(EventKind::IpConflict, text).with(payload));
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;
    use crate::supervise::{Node, spawn_root};

    /// Waits until the actor shows this.
    async fn until(node: &Node, expected: serde_json::Value) {
        for _ in 0..2000 {
            let shown = serde_json::to_value(node.tree()).unwrap();
            if shown["children"][0]["detail"] == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never {expected}: {:?}", node.tree());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_cut_cable_is_an_event_and_a_plugged_one_ends_it() {
        let sys = tempfile::tempdir().unwrap();
        let link = sys.path().join("eth0");
        fs::create_dir_all(link.join("device")).unwrap();
        fs::write(link.join("type"), "1\n").unwrap();
        let state = |text: &str| fs::write(link.join("operstate"), text).unwrap();
        state("up\n");
        let (events, node) = (Events::default(), Node::new("root", "root"));
        let outage = Arc::new(Mutex::new(Outage::new()));
        let child = links_child_at(sys.path(), outage, events.clone());
        let root = spawn_root(node.clone(), vec![child]).await.unwrap();
        let shown = |up: bool, down: bool| json!({ "links": [{ "name": "eth0", "up": up }], "down": down });
        until(&node, shown(true, false)).await;
        state("down\n");
        until(&node, shown(false, true)).await;
        assert_eq!(events.counts().get(&EventKind::NetworkDown), Some(&1));
        state("up\n");
        until(&node, shown(true, false)).await;
        assert_eq!(events.counts().get(&EventKind::NetworkDown), Some(&1));
        root.stop(None);
    }
}
