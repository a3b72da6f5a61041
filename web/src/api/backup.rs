//! Everything that is set up as one encrypted file, of the running recorder and back into it.
//!
//! Belongs here: one at a time, to its end even when whoever asked hangs up. Does not belong here: the
//! file (`vigie_storage::backup`), what goes into it and what restoring does (`vigie_actors::backup`).

use std::{mem, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse, Resource,
    http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, ETAG, IF_MATCH},
    post, rt, web,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, SemaphorePermit};
use vigie_actors::{
    Recorder,
    backup::{absent_disks, changes, configuration, contents, restore as put_back},
    settings::{By, SettingsError},
};
use vigie_config::{Config, Kind as _, Server, Utc, edit::Edit, variables_of};
use vigie_storage::{
    accounts::{AccountsError, Rights},
    audit::{Entry, Kind},
    backup::{Contents, Head, MOST_BYTES},
};

use super::{
    blocking,
    config::{ChangeQuery, ChangedBody, problem},
    tag_of, users,
};
use crate::{
    arrival,
    audit::said,
    problem::{Problem, malformed_json},
    sign_in::{Viewer, peer},
};

/// A file in Base64, and what is around it.
const MOST_JSON: usize = MOST_BYTES / 3 * 4 + (1 << 20);
/// The key alone takes a second and 64 MiB; and two who restore at once would leave a mixture.
static TURN: Semaphore = Semaphore::const_new(1);
const TURN_WITHIN: Duration = Duration::from_secs(10);
/// A disk that hangs is only warned of.
const LOOK_WITHIN: Duration = Duration::from_secs(5);

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "password": "correct horse battery" }))]
pub struct BackupWords {
    /// Of the file, 8 characters or more: without it nobody opens it, and nobody can help
    password: String,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "password": "correct horse battery", "file": "dmlnaWUgYmFja3VwIDEK…" }))]
pub struct RestoreWords {
    /// That the file was made with
    password: String,
    /// Base64 (RFC 4648 §4)
    file: String,
}

/// Of which recorder a backup is
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OfBody {
    name: String,
    #[schema(value_type = String, format = DateTime)]
    saved: Utc,
    /// Of the program that made it
    version: String,
}

/// What restoring did, or would do
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "revision": "8c2f0f5b1d6a9e34", "changes": ["camera gate: added"], "restarts": [], "warnings": [],
    "of": { "name": "Lobby", "saved": "2026-11-20T09:41:00Z", "version": "0.1.0" },
    "people": ["user ann: added, in the group administrator"],
    "notes": ["server.state_dir: stays as it is on this machine"], "signed_out": true }))]
pub struct RestoredBody {
    #[serde(flatten)]
    changed: ChangedBody,
    of: OfBody,
    /// What becomes another beside the configuration (users, groups, tokens, layouts, preferences, tags),
    /// a line each
    people: Vec<String>,
    /// What is other on this recorder than in the backup, and what cannot be recorded on
    notes: Vec<String>,
    /// Whoever asks has to sign in again; of sessions always
    signed_out: bool,
}

pub(super) async fn turn() -> Result<SemaphorePermit<'static>, Problem> {
    let busy = || Problem::Unavailable("another backup, restore or reset is under way; try again".into());
    let turn = tokio::time::timeout(TURN_WITHIN, TURN.acquire()).await;
    turn.map_err(|_| busy())?.map_err(|_| busy())
}

/// To its end, even when whoever asked hangs up: half of it would be neither the old nor the new.
pub(super) async fn to_the_end<T: 'static>(
    work: impl Future<Output = Result<T, Problem>> + 'static,
) -> Result<T, Problem> {
    let done = rt::spawn(work).await;
    done.unwrap_or_else(|_| Err(Problem::Internal("it panicked; see the log".into())))
}

/// What makes users of a file, or forgets all there are, gives everything.
pub(super) fn may_everything(viewer: &Viewer) -> Result<(), Problem> {
    match viewer.0.rights.cover(&Rights::all()) {
        true => Ok(()),
        false => Err(users::problem(AccountsError::TooMuch)),
    }
}

/// Letters and digits that every file system takes.
fn file_name(recorder: &str, now: Utc) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = recorder.chars().take(60).map(safe).collect();
    let name = match name.trim_matches('-') {
        "" => "recorder",
        name => name,
    };
    format!("{name}-{}.vigie", now.strftime("%Y-%m-%d"))
}

/// Write everything that is set up into one encrypted file: configuration, users, groups, tokens, layouts,
/// preferences, tags
#[utoipa::path(post, path = "/api/v1/backup", request_body = BackupWords,
    responses((status = 200, content_type = "application/octet-stream", description = "the file"),
              (status = 400, description = "the password is too short", body = crate::problem::ProblemDocument),
              (status = 403, description = "needs all rights", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/backup")]
pub async fn save(
    viewer: Viewer,
    body: web::Json<BackupWords>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    // Whoever has the file has the passwords of all cameras, and what users sign in with.
    may_everything(&viewer)?;
    let turn = turn().await?;
    let read = recorder.settings().read().await.map_err(problem)?;
    let name = recorder.config().server.name.clone();
    let (of, called) = (recorder, name.clone());
    let sealed = blocking(move || {
        // Held by the work itself: who hangs up does not make room for another.
        let _turn = turn;
        let contents = contents(of.storage(), &read.edit, &called);
        let contents = contents.map_err(|error| Problem::of_kind(error.kind(), error))?;
        let sealed = contents.sealed(&body.password);
        sealed.map_err(|error| Problem::of_kind(error.kind(), error))
    });
    let file = sealed.await??;
    tracing::info!(by = viewer.0.name, bytes = file.len(), "backup made over the API");
    let answer = HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}\"", file_name(&name, Utc::now())),
        ))
        .body(file);
    Ok(said(answer, "backup of everything that is set up"))
}

pub(super) fn restore_resource() -> Resource {
    let json = web::JsonConfig::default()
        .limit(MOST_JSON)
        .error_handler(malformed_json);
    web::resource("/api/v1/restore")
        .app_data(json)
        .route(web::post().to(restore))
}

/// Put back what a backup holds; with `try_only` say what would become another. With `If-Match` only where
/// nobody changed the configuration since. Everybody signs in again
#[utoipa::path(post, path = "/api/v1/restore", params(ChangeQuery), request_body = RestoreWords,
    responses((status = 200, body = RestoredBody),
              (status = 400, description = "damaged, no backup, or another password; nothing was changed", body = crate::problem::ProblemDocument),
              (status = 403, description = "needs all rights", body = crate::problem::ProblemDocument),
              (status = 412, description = "changed meanwhile", body = crate::problem::ProblemDocument),
              (status = 422, description = "its configuration is none for this recorder; nothing was changed", body = crate::problem::ProblemDocument)))]
pub async fn restore(
    viewer: Viewer,
    request: HttpRequest,
    query: web::Query<ChangeQuery>,
    body: web::Json<RestoreWords>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    may_everything(&viewer)?;
    let turn = turn().await?;
    let RestoreWords { password, mut file } = body.into_inner();
    let of = recorder.clone();
    let opened = blocking(move || {
        let base64 = mem::take(&mut file);
        let file = BASE64_STANDARD
            .decode(base64.trim())
            .map_err(|error| Problem::BadRequest(format!("file: expected Base64: {error}")))?;
        let opened = Contents::open(&file, &password);
        let (head, contents) = opened.map_err(|error| Problem::of_kind(error.kind(), error))?;
        // Nothing of it is to be told later: what it says of users is wrong, or right for all time.
        let people = changes(of.storage(), &contents).map_err(|error| Problem::BadRequest(error.to_string()))?;
        Ok((head, contents, people))
    });
    let (head, contents, people) = opened.await??;
    let asked = Asked {
        revision: tag_of(&request, IF_MATCH),
        request: request.clone(),
        query: query.into_inner(),
        viewer,
        head,
        contents,
        people,
    };
    let restored = to_the_end(async move {
        let _turn = turn;
        asked.carried_out(recorder).await
    });
    let body = restored.await?;
    let answer = HttpResponse::Ok()
        .insert_header((ETAG, format!("\"{}\"", body.changed.revision())))
        .json(body);
    // It told of itself.
    Ok(said(answer, ""))
}

/// A backup that can be read, and who wants it back.
struct Asked {
    viewer: Viewer,
    request: HttpRequest,
    revision: Option<String>,
    query: ChangeQuery,
    head: Head,
    contents: Contents,
    people: Vec<String>,
}

impl Asked {
    async fn carried_out(self, recorder: web::Data<Recorder>) -> Result<RestoredBody, Problem> {
        let Asked {
            viewer,
            request,
            revision,
            query,
            head,
            contents,
            people,
        } = self;
        let by = By {
            name: &viewer.0.name,
            from: &|server: &Server| arrival::caller_under(&request, server),
            still: &|| viewer.still(&recorder, may_everything),
            forced: query.force,
        };
        // Until all of it is put back nobody else changes anything.
        let settings = recorder.settings().turn().await;
        let secrets = settings.secrets().await.map_err(problem)?;
        let here = |name: &str| secrets.variable(name);
        let (mut notes, mut text) = (Vec::new(), String::new());
        let change = |edit: &mut Edit| {
            let (new, differs) = configuration(recorder.storage(), &contents, edit, &here)?;
            (*edit, notes) = (new, differs);
            text = edit.text();
            Ok(())
        };
        let changed = settings.change(&recorder, by, revision.as_deref(), query.try_only, change);
        let changed = ChangedBody::from(changed.await.map_err(|error| half_done(error, problem))?);
        notes.extend(disks_that_are_not_there(text).await);
        let of = OfBody {
            name: head.name,
            saved: head.saved,
            version: head.version,
        };
        let mut signed_out = viewer.session().is_some();
        if !query.try_only {
            let told = format!("restored the backup of {}, {}", of.name, of.saved);
            tracing::info!(by = by.name, of = of.name, saved = %of.saved, "restored over the API");
            let entry = Entry::new(Kind::Configuration, told).by(by.name).from(peer(&request));
            recorder.storage().audit().tell(entry);
            let to = recorder.clone();
            let done = blocking(move || put_back(to.storage(), contents)).await?;
            done.map_err(|error| Problem::of_kind(error.kind(), format!("{error}; restore again")))?;
            signed_out = viewer.again(&recorder).is_none();
        }
        Ok(RestoredBody {
            changed,
            of,
            people,
            notes,
            signed_out,
        })
    }
}

/// The configuration is written, and it is not known whether it is in force.
pub(super) fn half_done(error: SettingsError, otherwise: impl Fn(SettingsError) -> Problem) -> Problem {
    match error {
        SettingsError::NotApplied => Problem::Unavailable(format!(
            "the configuration is {error}; users, groups, tokens, layouts, preferences and tags are as they were"
        )),
        error => otherwise(error),
    }
}

/// Looks at disks, for as long as that is no nuisance.
async fn disks_that_are_not_there(text: String) -> Vec<String> {
    let look = blocking(move || {
        let config = Config::parse(&text, &variables_of(&text));
        config.map_or_else(|_| Vec::new(), |(config, _)| absent_disks(&config))
    });
    match tokio::time::timeout(LOOK_WITHIN, look).await {
        Ok(Ok(absent)) => absent.iter().map(|(disk, error)| format!("{disk}: {error}")).collect(),
        _ => vec![format!(
            "the disks did not answer within {LOOK_WITHIN:?}: see whether they are in use"
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_so_that_every_machine_takes_it() {
        let at = Utc::from_micros(1_763_631_660_000_000);
        for (name, file) in [
            ("Lobby", "Lobby-2025-11-20.vigie"),
            ("Entrée \"1\"/..", "Entr-e--1-2025-11-20.vigie"),
            ("門", "recorder-2025-11-20.vigie"),
        ] {
            assert_eq!(file_name(name, at), file);
        }
    }
}
