//! What the server builds for a mount when the first client asks for its description.
#![allow(unsafe_code)] // `glib::object_subclass` writes the `unsafe impl` of the class; no unsafe here.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError, Weak,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use gstreamer::{self as gst, prelude::*};
use gstreamer_app as gst_app;
use gstreamer_rtsp_server::{
    self as rtsp, RTSPMedia, RTSPMediaFactory,
    glib::{self, MainContext, subclass::prelude::*},
    prelude::*,
    subclass::prelude::*,
};
use tokio::sync::watch;

use super::{
    feed::{End, Feed, Stage},
    payload, timing,
};
use crate::{
    access_unit::Track,
    format::StreamFormat,
    hub::{Hub, Item, Policy, Wake},
};

/// What a mount needs to build its media.
pub(super) struct Spec {
    pub hub: Weak<Hub>,
    /// Where feeds run.
    pub context: MainContext,
    /// Told when the clients have to come again.
    pub on_end: Arc<dyn Fn(End) + Send + Sync>,
    pub active: Arc<AtomicUsize>,
    pub dropped: Arc<AtomicU64>,
}

/// A shared factory: one media, whatever the number of clients.
pub(super) fn new(spec: Spec) -> RTSPMediaFactory {
    let factory: Factory = glib::Object::new();
    let _ = factory.imp().spec.set(spec);
    factory.set_shared(true);
    factory.set_protocols(rtsp::gst_rtsp::RTSPLowerTrans::TCP | rtsp::gst_rtsp::RTSPLowerTrans::UDP);
    factory.upcast()
}

glib::wrapper! {
    pub struct Factory(ObjectSubclass<imp::Factory>) @extends RTSPMediaFactory;
}

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct Factory {
        pub(in super::super) spec: OnceLock<Spec>,
        /// What the newest media's description is made of.
        pub(super) described: Mutex<Option<Arc<StreamFormat>>>,
        /// Its count, and itself once it is prepared.
        newest: Mutex<(u64, glib::WeakRef<RTSPMedia>)>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Factory {
        const NAME: &'static str = "VigieMountFactory";
        type Type = super::Factory;
        type ParentType = RTSPMediaFactory;
    }

    impl ObjectImpl for Factory {}

    impl RTSPMediaFactoryImpl for Factory {
        /// One key for every address, for a query must not make a second media; a new one once the
        /// media of the old key is on its way out: it cannot be prepared again.
        fn gen_key(&self, _: &rtsp::gst_rtsp::RTSPUrl) -> Option<glib::GString> {
            use rtsp::RTSPMediaStatus::{Prepared, Preparing, Suspended};
            let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
            let (generation, media) = &mut *newest;
            if media
                .upgrade()
                .is_some_and(|media| !matches!(media.status(), Preparing | Prepared | Suspended))
            {
                *generation += 1;
                *media = glib::WeakRef::new();
            }
            Some(generation.to_string().into())
        }

        fn create_element(&self, _: &rtsp::gst_rtsp::RTSPUrl) -> Option<gst::Element> {
            let hub = self.spec.get()?.hub.upgrade()?;
            let format = hub.format()?;
            *self.described.lock().unwrap_or_else(PoisonError::into_inner) = Some(format.clone());
            build(&hub, &format)
                .inspect_err(|error| tracing::warn!(stream = %hub.stream(), %error, "mount cannot be built"))
                .ok()?
        }

        /// A pipeline whose time began long enough ago for the cached units.
        fn create_pipeline(&self, media: &RTSPMedia) -> Option<gst::Pipeline> {
            let pipeline = self.parent_create_pipeline(media)?;
            let clock = gst::SystemClock::obtain();
            let head_start = gst::ClockTime::from_nseconds(timing::HEAD_START.unsigned_abs());
            pipeline.use_clock(Some(&clock));
            // Without a start time the pipeline leaves its base time as it is.
            pipeline.set_start_time(gst::ClockTime::NONE);
            pipeline.set_base_time(clock.time().saturating_sub(head_start));
            Some(pipeline)
        }

        fn configure(&self, media: &RTSPMedia) {
            self.parent_configure(media);
            let described = self.described.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let (Some(spec), Some(format)) = (self.spec.get(), described) {
                let (factory, weak) = (self.obj().downgrade(), media.downgrade());
                media.connect_prepared(move |_| {
                    if let Some(factory) = factory.upgrade() {
                        factory.imp().newest.lock().unwrap_or_else(PoisonError::into_inner).1 = weak.clone();
                    }
                });
                feed(spec, media, format);
            }
        }
    }
}

/// The bin with appsrcs and payloaders; `None` while the format has no video.
fn build(hub: &Arc<Hub>, format: &StreamFormat) -> Result<Option<gst::Element>, glib::Error> {
    let Some(text) = payload::launch(format, sounds(hub)) else {
        return Ok(None);
    };
    let bin = gst::parse::launch(&text)?;
    let source = |name| {
        bin.downcast_ref::<gst::Bin>()
            .and_then(|bin| bin.by_name(name)?.downcast().ok())
    };
    let set = |name, caps: gst::Caps| {
        if let Some(source) = source(name) {
            let source: gst_app::AppSrc = source;
            source.set_caps(Some(&caps));
        }
    };
    if let Some(video) = &format.video {
        set(payload::VIDEO, payload::video_caps(video));
    }
    if let Some(audio) = &format.audio {
        set(payload::AUDIO, payload::audio_caps(audio));
    }
    Ok(Some(bin))
}

/// Whether sound comes: the description of a track without a unit would never be complete.
fn sounds(hub: &Arc<Hub>) -> bool {
    let mut look = hub.subscribe(Policy::SkipToRap, Wake::Lazy, 64);
    let deadline = std::time::Instant::now() + SOUND_PATIENCE;
    loop {
        while let Some(item) = look.try_next() {
            if matches!(item, Item::Unit(unit) if unit.track == Track::Audio) {
                return true;
            }
        }
        let expected = hub.format().is_some_and(|format| format.audio.is_some());
        if !expected || std::time::Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// How long the first sound after a RAP may take.
const SOUND_PATIENCE: std::time::Duration = std::time::Duration::from_millis(500);

fn feed(spec: &Spec, media: &RTSPMedia, format: Arc<StreamFormat>) {
    let (Some(hub), Ok(bin)) = (spec.hub.upgrade(), media.element().downcast::<gst::Bin>()) else {
        return;
    };
    let source = |name: &str| bin.by_name(name)?.downcast::<gst_app::AppSrc>().ok();
    let Some(video) = source(payload::VIDEO) else { return };
    let audio = source(payload::AUDIO);
    let (stage, stage_of) = watch::channel(Stage::Preparing);
    let stage = Arc::new(stage);
    let sources = [Some(&video), audio.as_ref()];
    // An element that has not asked yet refuses what it is given.
    let silent = Arc::new(AtomicUsize::new(sources.iter().flatten().count()));
    for source in sources.into_iter().flatten() {
        let (stage, silent, mut asked) = (Arc::downgrade(&stage), silent.clone(), false);
        let need_data = move |_: &gst_app::AppSrc, _| {
            let first = !std::mem::replace(&mut asked, true);
            if first
                && silent.fetch_sub(1, Ordering::AcqRel) == 1
                && let Some(stage) = stage.upgrade()
            {
                stage.send_replace(Stage::Running);
            }
        };
        source.set_callbacks(gst_app::AppSrcCallbacks::builder().need_data(need_data).build());
    }
    // The media holds the sender: whatever way it goes, the feed sees it.
    media.connect_unprepared(move |_| {
        stage.send_replace(Stage::Over);
    });
    let feed = Feed {
        hub,
        format,
        video: video.downgrade(),
        audio: audio.map(|audio| audio.downgrade()),
        stage: stage_of,
        dropped: spec.dropped.clone(),
    };
    let active = spec.active.clone();
    active.fetch_add(1, Ordering::Relaxed);
    let on_end = spec.on_end.clone();
    spec.context.spawn(async move {
        let end = feed.run().await;
        active.fetch_sub(1, Ordering::Relaxed);
        on_end(end);
    });
}
