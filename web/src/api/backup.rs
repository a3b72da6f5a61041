//! The whole set-up as one encrypted file, saved and put back while the recorder runs.
//!
//! Does not belong here: the file (`vigie_storage::backup`), what goes in and what comes back
//! (`vigie_actors::backup`).

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CONTENT_DISPOSITION, ETAG, IF_MATCH},
    post, web,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use vigie_actors::{
    Recorder,
    backup::{self, ConfigError},
    settings::{By, SettingsError},
};
use vigie_config::{Config, Server, Utc, edit::Edit, variables_of};
use vigie_storage::{
    Storage,
    backup::{BackupError, Contents, Head, MOST_BYTES},
};

use super::{
    blocking,
    config::{ChangeQuery, ChangedBody, problem},
    tag_of, users,
};
use crate::{arrival, audit::said, problem::Problem, sign_in::Viewer};

/// A file of [`MOST_BYTES`] in base64, with what is around it.
pub const MOST_BODY: usize = MOST_BYTES / 3 * 4 + (64 << 10);

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "password": "correct horse battery" }))]
pub struct FilePassword {
    /// Of the file, 8 characters or more: without it nobody opens it
    password: String,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "password": "correct horse battery", "file": "dmlnaWUgYmFja3VwIDEK…" }))]
pub struct BackupFile {
    password: String,
    /// The file in base64, at most 32 MiB of it
    file: String,
}

/// What a backup brought back, or would
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RestoredBody {
    #[serde(flatten)]
    changed: ChangedBody,
    of: OfBody,
    /// What becomes another beside the configuration, a line each
    people: Vec<String>,
    /// What is other than in the backup, or not there, a line each
    notes: Vec<String>,
    /// Everybody signs in again
    signed_out: bool,
}

/// Which recorder a backup is of
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OfBody {
    #[schema(example = "Lobby")]
    name: String,
    #[schema(value_type = String, example = "2026-11-20T09:00:00Z")]
    saved: Utc,
    /// Of the program
    version: String,
}

/// Everything that is set up, in one encrypted file: configuration with its secrets, users, groups, tokens,
/// tags, layouts, preferences
#[utoipa::path(post, path = "/api/v1/backup", request_body = FilePassword,
    responses((status = 200, content_type = "application/octet-stream"),
              (status = 400, description = "the password is too short", body = crate::problem::ProblemDocument),
              (status = 403, body = crate::problem::ProblemDocument)))]
#[post("/api/v1/backup")]
pub async fn save(
    _: Viewer,
    body: web::Json<FilePassword>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let edit = recorder.settings().read().await.map_err(problem)?.edit;
    let name = recorder.config().server.name.clone();
    let file = format!("{}-{}.backup", plain(&name), day());
    let sealed = blocking(move || backup::contents(recorder.storage(), &edit, &name).sealed(&body.password));
    let sealed = sealed.await?.map_err(unusable)?;
    let answer = HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header(("Cache-Control", "no-store"))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{file}\"")))
        .body(sealed);
    Ok(said(answer, "everything that is set up was saved into a file"))
}

/// Put back what such a file holds. With `try_only` everything that would become another is said, and nothing
/// changed; with `If-Match` only where nobody changed the configuration since
#[utoipa::path(post, path = "/api/v1/restore", params(ChangeQuery), request_body = BackupFile,
    responses((status = 200, body = RestoredBody),
              (status = 400, description = "a damaged or foreign file, or another password", body = crate::problem::ProblemDocument),
              (status = 403, body = crate::problem::ProblemDocument),
              (status = 412, body = crate::problem::ProblemDocument),
              (status = 422, description = "no configuration for this recorder", body = crate::problem::ProblemDocument),
              (status = 503, description = "how far it got", body = crate::problem::ProblemDocument)))]
pub async fn restore(
    viewer: Viewer,
    request: HttpRequest,
    query: web::Query<ChangeQuery>,
    body: web::Json<BackupFile>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let now = recorder.settings().read().await.map_err(problem)?.edit;
    let (data, body) = (recorder.clone(), body.into_inner());
    let opened = blocking(move || Opened::new(data.storage(), &body, &now)).await??;
    let Opened {
        head,
        contents,
        people,
        notes,
    } = opened;
    let by = By {
        name: &viewer.0.name,
        from: &|server: &Server| arrival::caller_under(&request, server),
        forced: query.force,
    };
    let storage = recorder.storage().clone();
    let change = |edit: &mut Edit| {
        let (new, _) = backup::configuration(&storage, &contents, edit).map_err(refused)?;
        *edit = new;
        Ok(())
    };
    let (expected, try_only) = (tag_of(&request, IF_MATCH), query.try_only);
    let changed = recorder
        .settings()
        .change(&recorder, by, expected.as_deref(), try_only, change);
    let changed = ChangedBody::from(changed.await.map_err(problem)?);
    if !try_only {
        let put_back = blocking(move || backup::restore(&storage, contents)).await?;
        put_back.map_err(|error| Problem::Unavailable(format!("{error}; restore it again")))?;
        tracing::warn!(by = viewer.0.name, of = head.name, saved = %head.saved, "a backup was restored");
    }
    let text = format!("restored the backup of {}, {}", head.name, head.saved);
    let answer = HttpResponse::Ok()
        .insert_header((ETAG, changed.etag()))
        .json(RestoredBody {
            changed,
            of: OfBody {
                name: head.name,
                saved: head.saved,
                version: head.version,
            },
            people,
            notes,
            signed_out: !try_only,
        });
    Ok(said(answer, text))
}

/// A file, and what it would do here.
struct Opened {
    head: Head,
    contents: Contents,
    people: Vec<String>,
    notes: Vec<String>,
}

impl Opened {
    /// Looks at disks, and takes a second.
    fn new(storage: &Storage, body: &BackupFile, now: &Edit) -> Result<Opened, Problem> {
        let file = BASE64_STANDARD.decode(&body.file);
        let file = file.map_err(|error| Problem::BadRequest(format!("file: expected base64, {error}")))?;
        let (head, contents) = Contents::open(&file, &body.password).map_err(unusable)?;
        let people = backup::changes(storage, &contents).map_err(users::problem)?;
        let made = backup::configuration(storage, &contents, now).map_err(refused);
        let (new, mut notes) = made.map_err(problem)?;
        let text = new.text();
        if let Ok((config, _)) = Config::parse(&text, &variables_of(&text)) {
            let absent = backup::absent_disks(&config).into_iter();
            notes.extend(absent.map(|(disk, error)| format!("{disk}: {error}")));
        }
        Ok(Opened {
            head,
            contents,
            people,
            notes,
        })
    }
}

fn unusable(error: BackupError) -> Problem {
    match error {
        BackupError::Encrypt(_) => Problem::Internal(error.to_string()),
        error => Problem::BadRequest(error.to_string()),
    }
}

fn refused(error: ConfigError) -> SettingsError {
    match error {
        ConfigError::Problems(problems) => SettingsError::Refused(problems),
        ConfigError::Edit(error) => SettingsError::Edit(error),
    }
}

/// A name that every system takes for a file.
fn plain(name: &str) -> String {
    let fits = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    name.chars().take(40).map(fits).collect()
}

/// Such as 2026-11-20.
fn day() -> String {
    Utc::now().to_string().chars().take(10).collect()
}
