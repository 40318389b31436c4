//! Who we are to the API server: a token, a file that holds one, or a plugin that gives one. It goes into
//! every request, is kept in memory only, and is got anew before it ends, and once more when the server
//! refuses it.

use crate::credentials::{self, Credential};
use crate::settings;
use crate::usable::Unusable;
use base64::Engine as _;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use kube::client::Body;
use kube::config::{AuthInfo, ExecConfig};
use mesh::Problem;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Mutex;
use tower::{BoxError, Service, ServiceExt as _};

/// A token is got anew when it has less than this left.
const BEFORE_ITS_END: SignedDuration = SignedDuration::from_secs(60);
/// A plugin that gives what has ended already, or fails, is not run at every request.
const NOT_SOONER: SignedDuration = SignedDuration::from_secs(30);
/// A file with a token is read again so often.
const FILE: SignedDuration = SignedDuration::from_secs(60);

/// How we log in.
#[derive(Clone)]
pub(crate) struct Login(Arc<Inner>);

struct Inner {
    context: String,
    source: Source,
    limit: Duration,
    held: Mutex<Held>,
}

enum Source {
    Token,
    File(PathBuf),
    Plugin(Box<ExecConfig>),
}

/// What is known of the login now.
#[derive(Default)]
struct Held {
    header: Option<HeaderValue>,
    /// Counts how often it was got.
    times: u64,
    /// When it is to be got anew.
    due: Option<Timestamp>,
    /// When the server refused one that was then got anew.
    refused: Option<Timestamp>,
    /// Why it could not be got anew.
    failed: Option<Problem>,
}

impl Login {
    /// Logs in by what a user has, and takes it out of `info`, which gets the certificate when a plugin gave
    /// one. A file comes before a token, and both before a plugin.
    pub(crate) async fn of(context: &str, info: &mut AuthInfo) -> Result<Option<Self>, Problem> {
        Self::within(context, info, credentials::TIME_LIMIT).await
    }

    async fn within(context: &str, info: &mut AuthInfo, limit: Duration) -> Result<Option<Self>, Problem> {
        let wrong = |unusable: Unusable| unusable.tell(format!("Context {context} cannot be used"));
        let token = settings::secret(info, "token");
        info.token = None;
        let (file, exec) = (info.token_file.take(), info.exec.take());
        let mut held = Held::default();
        let source = if let Some(file) = file {
            let path = PathBuf::from(&file);
            // One that cannot be read now may be there later: until then the token counts.
            let read = token_of(&path).await.or_else(|unusable| token.ok_or(unusable));
            held.header = Some(read.and_then(|token| bearer(&token)).map_err(wrong)?);
            held.due = Some(Timestamp::now() + FILE);
            Source::File(path)
        } else if let Some(token) = token {
            held.header = Some(bearer(&token).map_err(wrong)?);
            Source::Token
        } else if let Some(exec) = exec {
            let credential = credentials::run(context, &exec, limit).await?;
            if let (Some(certificate), Some(key)) =
                (&credential.client_certificate_data, &credential.client_key_data)
            {
                let base64 = base64::engine::general_purpose::STANDARD;
                info.client_certificate_data = Some(base64.encode(certificate));
                info.client_key_data = Some(base64.encode(key).into());
            }
            held.take(&credential).map_err(wrong)?;
            Source::Plugin(Box::new(exec))
        } else {
            return Ok(None);
        };
        let inner = Inner { context: context.to_owned(), source, limit, held: Mutex::new(held) };
        Ok(Some(Self(Arc::new(inner))))
    }

    /// The header of a request, and how often it was got until now.
    async fn header(&self) -> Result<(Option<HeaderValue>, u64), Problem> {
        let mut held = self.0.held.lock().await;
        if held.due.is_some_and(|due| due < Timestamp::now()) {
            self.renew(&mut held).await;
        }
        match &held.failed {
            Some(problem) => Err(problem.clone()),
            None => Ok((held.header.clone(), held.times)),
        }
    }

    /// The server refused what was got so often. Whether there is something else to try now.
    async fn refused(&self, times: u64) -> bool {
        let mut held = self.0.held.lock().await;
        if held.times != times {
            return true;
        }
        let now = Timestamp::now();
        if held.refused.is_some_and(|before| now < before + NOT_SOONER) {
            return false;
        }
        let before = held.header.clone();
        held.refused = Some(now);
        self.renew(&mut held).await;
        held.failed.is_none() && held.header != before
    }

    async fn renew(&self, held: &mut Held) {
        match &self.0.source {
            Source::Token => {}
            Source::File(path) => {
                // What was read last stays where the file is gone, as with kubectl.
                if let Ok(header) = token_of(path).await.and_then(|token| bearer(&token)) {
                    held.times += u64::from(held.header.as_ref() != Some(&header));
                    held.header = Some(header);
                }
                held.due = Some(Timestamp::now() + FILE);
            }
            Source::Plugin(exec) => {
                let run = credentials::run(&self.0.context, exec, self.0.limit).await;
                let what = || format!("Context {} cannot be used", self.0.context);
                let taken =
                    run.and_then(|credential| held.take(&credential).map_err(|wrong| wrong.tell(what())));
                held.failed = taken.err();
                if held.failed.is_some() {
                    held.due = Some(Timestamp::now() + NOT_SOONER);
                }
            }
        }
    }

    fn renews(&self) -> bool {
        !matches!(self.0.source, Source::Token)
    }
}

impl Held {
    fn take(&mut self, credential: &Credential) -> Result<(), Unusable> {
        self.header = credential.token.as_deref().map(bearer).transpose()?;
        self.times += 1;
        let now = Timestamp::now();
        self.due = credential.expiration_timestamp.map(|end| match end - BEFORE_ITS_END {
            soon if soon > now => soon,
            _ => end.max(now + NOT_SOONER),
        });
        Ok(())
    }
}

fn bearer(token: &str) -> Result<HeaderValue, Unusable> {
    let value = HeaderValue::try_from(format!("Bearer {}", token.trim()));
    let mut value = value.map_err(|_invalid| Unusable::BadToken)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The token in a file.
async fn token_of(path: &Path) -> Result<String, Unusable> {
    let (named, path) = (path.display().to_string(), path.to_owned());
    let read = move || {
        // A pipe might never end.
        std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file)?;
        std::fs::read_to_string(&path).ok()
    };
    match tokio::task::spawn_blocking(read).await.ok().flatten() {
        Some(token) if token.trim().is_empty() => Err(Unusable::EmptyTokenFile(named)),
        Some(token) => Ok(token),
        None => Err(Unusable::BadTokenFile(named)),
    }
}

/// A service whose requests are logged in.
#[derive(Clone)]
pub(crate) struct LoggedIn<S> {
    pub(crate) inner: S,
    pub(crate) login: Login,
}

impl<S, B> Service<Request<Body>> for LoggedIn<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (fresh, login) = (self.inner.clone(), self.login.clone());
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let again = body.try_clone().filter(|_| login.renews()).map(|body| (parts.clone(), body));
            let (header, times) = login.header().await?;
            parts.headers.extend(header.map(|value| (AUTHORIZATION, value)));
            let response = inner.call(Request::from_parts(parts, body)).await?;
            let Some((mut parts, body)) = again.filter(|_| response.status() == StatusCode::UNAUTHORIZED)
            else {
                return Ok(response);
            };
            if !login.refused(times).await {
                return Ok(response);
            }
            // Refused, it was not carried out: it may go again with what is new.
            let (header, _) = login.header().await?;
            parts.headers.extend(header.map(|value| (AUTHORIZATION, value)));
            inner.ready().await?.call(Request::from_parts(parts, body)).await
        })
    }
}

#[cfg(test)]
#[path = "login_tests.rs"]
mod tests;
