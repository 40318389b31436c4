//! Follows the log of a container, for as long as somebody looks at it: what is new is told in batches, and
//! where the connection breaks it goes on from the last line.

use crate::error;
use crate::session::Session;
use http::{Request, header};
use http_body_util::BodyExt as _;
use kube::client::Body;
use kube::{Client, Error};
use mesh::log::{Line, Log, LogOf};
use mesh::{Answer, Observation, Problem, Read};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// So many of the lines that are there already are read at first.
const TAIL: usize = 2_000;
/// How long the server may take until it answers.
const HEAD: Duration = Duration::from_secs(15);
/// What is new is told at most so often: whoever reads needs no more.
const BATCH: Duration = Duration::from_millis(250);
/// A log without an end of line is no log of text.
const LONGEST: usize = 1 << 20;

/// Follows until the container ends, or the connection breaks. It goes on where what is known ends.
pub(crate) async fn follow(session: &Session, of: &LogOf) -> Result<Log, Problem> {
    let scene = session.hub.scene.borrow().clone();
    let mut log = match scene.answers.get(&Read::Log(of.clone())).value().map(|answer| &**answer) {
        Some(Answer::Log(known)) => (**known).clone(),
        _ => Log::default(),
    };
    if is_over(of, &log) {
        return Ok(log);
    }
    let tell = |log: &Log| {
        let answer = Ok(Answer::Log(Arc::new(log.clone())));
        session.hub.take(Observation::Answered(Read::Log(of.clone()), answer));
    };
    let followed = stream(&session.api.client, of, &mut log, tell).await;
    followed.map(|()| log).map_err(|error| {
        let what = format!("The log of {} in {}/{} cannot be read", of.container, of.namespace, of.pod);
        error::problem(what, &error)
    })
}

fn path(of: &LogOf, log: &Log) -> String {
    let (namespace, pod, container) = (&of.namespace, &of.pod, &of.container);
    // From the last line on where there is one: of its own second some come twice, and are left out.
    let from = match log.newest().or(of.around.map(|(from, _)| from)) {
        Some(from) => format!("sinceTime={}", from.strftime("%Y-%m-%dT%H:%M:%SZ")),
        None => format!("tailLines={TAIL}"),
    };
    let which = match (of.previous, of.around) {
        (true, _) => "previous=true",
        // There is no way to ask for an end: it is read until there.
        (_, Some(_)) => "follow=false",
        (_, None) => "follow=true",
    };
    format!(
        "/api/v1/namespaces/{namespace}/pods/{pod}/log?container={container}&timestamps=true&{which}&{from}"
    )
}

/// Whether all is read of the time that is meant.
fn is_over(of: &LogOf, log: &Log) -> bool {
    of.around.zip(log.newest()).is_some_and(|((_, to), newest)| newest > to)
}

async fn stream(client: &Client, of: &LogOf, log: &mut Log, mut tell: impl FnMut(&Log)) -> Result<(), Error> {
    let before = log.newest();
    let request = Request::get(path(of, log)).header(header::ACCEPT, "*/*").body(Body::empty());
    let asked = client.send(request.map_err(Error::HttpError)?);
    let late = |_elapsed| Error::Service(Box::new(crate::limits::Late(HEAD)));
    let response = timeout(HEAD, asked).await.map_err(late)??;
    let status = response.status();
    let mut body = response.into_body();
    if status.is_client_error() || status.is_server_error() {
        let said = crate::limits::read(body, crate::limits::Limit::of(LONGEST)).await;
        let (said, _) = said.map_err(|error| Error::Service(Box::new(error)))?;
        return Err(Error::Api(crate::http::refusal(status.as_u16(), &said)));
    }
    log.ended = None;
    let mut rest: Vec<u8> = Vec::new();
    // What is there already is told at once, also where nothing more comes.
    let mut due: Option<Instant> = Some(Instant::now() + BATCH);
    loop {
        let wait = async {
            match due {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = wait => {
                due = None;
                tell(log);
            }
            frame = body.frame() => {
                let Some(frame) = frame else { break };
                if let Ok(data) = frame.map_err(|error| Error::Service(error.into()))?.into_data() {
                    take(log, &mut rest, &data, before);
                    if is_over(of, log) {
                        break;
                    }
                    due.get_or_insert_with(|| Instant::now() + BATCH);
                }
            }
        }
    }
    if !rest.is_empty() && !is_over(of, log) {
        take(log, &mut rest, b"\n", before);
    }
    let all = of.previous || of.around.is_some();
    log.ended = Some(if all { "that is all of it" } else { "the container ended" }.to_owned());
    tell(log);
    Ok(())
}

/// Takes in whole lines; what is left has no end yet.
fn take(log: &mut Log, rest: &mut Vec<u8>, data: &[u8], before: Option<jiff::Timestamp>) {
    rest.extend_from_slice(data);
    let mut from = 0;
    while let Some(length) = rest[from..].iter().position(|byte| *byte == b'\n') {
        let line = Line::read(&String::from_utf8_lossy(&rest[from..from + length]));
        from += length + 1;
        // What was read before the connection broke.
        if before.is_none_or(|before| line.at > before) {
            log.push(line);
        }
    }
    rest.drain(..from);
    if rest.len() > LONGEST {
        rest.clear();
        log.dropped += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::{Mock, Reply, Then, http};

    fn of() -> LogOf {
        LogOf {
            namespace: "shop".into(),
            pod: "cart-1".into(),
            container: "istio-proxy".into(),
            previous: false,
            around: None,
        }
    }

    fn texts(log: &Log) -> String {
        let places = mesh::log::merged(&[Arc::new(log.clone())], &mesh::log::Sought::default());
        places
            .iter()
            .map(|(_, place)| log.line(*place).unwrap().text.to_string())
            .collect::<Vec<_>>()
            .join("|")
    }

    #[tokio::test]
    async fn it_goes_on_where_it_broke_off() {
        let mock = Mock::start(|asked| {
            assert!(asked.line.contains("/api/v1/namespaces/shop/pods/cart-1/log?container=istio-proxy"), "{}", asked.line);
            let first = "2026-11-22T07:26:54.1Z one\n2026-11-22T07:26:54.5Z two\n2026-11-22T07:2";
            let more = "2026-11-22T07:26:54.1Z one\n2026-11-22T07:26:54.5Z two\n2026-11-22T07:26:54.9Z three\n2026-11-22T07:27:00Z four";
            match asked.line.contains("sinceTime=2026-11-22T07:26:54Z") {
                false => {
                    assert!(asked.line.contains("tailLines=2000"), "{}", asked.line);
                    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 500\r\n\r\n";
                    Reply([head.as_bytes(), first.as_bytes()].concat(), Then::Close)
                }
                true => Reply(http(200, "text/plain", more.as_bytes()), Then::Close),
            }
        })
        .await;
        let mut log = Log::default();
        stream(&mock.client(), &of(), &mut log, drop_it).await.unwrap_err();
        assert_eq!(texts(&log), "one|two");
        let mut told = 0;
        stream(&mock.client(), &of(), &mut log, |_| told += 1).await.unwrap();
        assert_eq!(texts(&log), "one|two|three|four");
        assert!(told >= 1 && log.ended.is_some());
    }

    fn drop_it(_log: &Log) {}

    /// Of a time in the past it is read from its beginning, and no further than to its end.
    #[tokio::test]
    async fn a_moment_is_read_to_its_end() {
        let mock = Mock::start(|asked| {
            assert!(asked.line.contains("follow=false&sinceTime=2026-11-22T07:26:54Z"), "{}", asked.line);
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 9000\r\n\r\n";
            let lines = "2026-11-22T07:26:54.1Z one\n2026-11-22T07:26:55Z two\n2026-11-22T07:27:00Z later\n";
            Reply(format!("{head}{lines}").into_bytes(), Then::Hang)
        })
        .await;
        let at = |text: &str| text.parse().expect("a time");
        let around = Some((at("2026-11-22T07:26:54.05Z"), at("2026-11-22T07:26:56Z")));
        let (of, mut log) = (LogOf { around, ..of() }, Log::default());
        stream(&mock.client(), &of, &mut log, drop_it).await.unwrap();
        assert_eq!(texts(&log), "one|two|later");
        assert!(is_over(&of, &log) && !is_over(&super::tests::of(), &log));
    }

    #[tokio::test]
    async fn what_is_followed_is_told_before_it_ends() {
        let mock = Mock::start(|_| {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 500\r\n\r\n";
            Reply(format!("{head}2026-11-22T07:26:54Z one\n").into_bytes(), Then::Hang)
        })
        .await;
        let (sender, mut told) = tokio::sync::mpsc::channel(8);
        let client = mock.client();
        let task = tokio::spawn(async move {
            let mut log = Log::default();
            stream(&client, &of(), &mut log, |log| drop(sender.try_send(texts(log)))).await
        });
        assert_eq!(told.recv().await.as_deref(), Some("one"));
        task.abort();
    }

    #[tokio::test]
    async fn a_refusal_is_told() {
        let said = br#"{"kind":"Status","status":"Failure","reason":"Forbidden","code":403,"message":"pods \"cart-1\" is forbidden: no pods/log"}"#;
        let mock = Mock::start(|_| Reply(http(403, "application/json", said), Then::Close)).await;
        let failed = stream(&mock.client(), &of(), &mut Log::default(), drop_it).await.unwrap_err();
        assert!(matches!(failed, Error::Api(status) if status.code == 403));
    }
}
