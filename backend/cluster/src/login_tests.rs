#![cfg(unix)]

use super::*;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;

fn plugin(script: &str) -> (TempDir, AuthInfo) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("login-plugin");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let exec = ExecConfig {
        api_version: Some("client.authentication.k8s.io/v1".into()),
        command: Some(path.display().to_string()),
        env: Some(vec![
            [("name".to_owned(), "REGION".to_owned()), ("value".to_owned(), "north".to_owned())].into(),
        ]),
        ..ExecConfig::default()
    };
    (folder, AuthInfo { exec: Some(exec), ..AuthInfo::default() })
}

async fn log_in(script: &str, limit: Duration) -> Result<Option<String>, Problem> {
    let (folder, mut info) = plugin(script);
    let login = Login::within("north", &mut info, limit).await;
    let here = folder.path().display().to_string() + "/";
    let login = login.map_err(|problem| Problem { why: problem.why.replace(&here, ""), ..problem })?;
    Ok(told(&login.unwrap()).await)
}

/// The header of the next request.
async fn told(login: &Login) -> Option<String> {
    let (header, _) = login.header().await.expect("a header");
    header.map(|value| value.to_str().unwrap().to_owned())
}

const SLOW_MACHINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_token_goes_into_every_request() {
    let script = r#"cat <<END
{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"from-$REGION"}}
END"#;
    assert_eq!(log_in(script, SLOW_MACHINE).await, Ok(Some("Bearer from-north".into())));
}

#[tokio::test]
async fn a_plugin_is_told_that_nobody_can_answer() {
    let script = r#"case "$KUBERNETES_EXEC_INFO" in *'"interactive":false'*) if read line; then t=asked; else t=quiet; fi;; *) t=wrong;; esac
echo "{\"status\":{\"token\":\"$t\"}}""#;
    assert_eq!(log_in(script, SLOW_MACHINE).await, Ok(Some("Bearer quiet".into())));
}

#[tokio::test]
async fn its_own_words_are_shown_when_it_fails_but_never_what_it_prints() {
    let problem =
        log_in("echo '{\"token\":\"secret\"}'; echo 'Session expired: run login' >&2; exit 3", SLOW_MACHINE)
            .await;
    let problem = problem.unwrap_err();
    assert_eq!(
        problem.why,
        "Its login plugin login-plugin ended with exit status: 3: Session expired: run login"
    );
    assert!(!problem.to_string().contains("secret"));
}

#[tokio::test]
async fn what_is_no_credential_is_not_shown() {
    let problem = log_in("echo 'secret: [unclosed'", SLOW_MACHINE).await.unwrap_err();
    assert_eq!(
        problem.why,
        "Its login plugin login-plugin did not print an ExecCredential: it said nothing of it"
    );
}

#[tokio::test]
async fn a_hanging_plugin_is_ended_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let script = format!("sleep 600 & echo $! > {}; wait", pid.display());
    let problem = log_in(&script, Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(problem.why, "Its login plugin login-plugin did not finish within 1 s");
    let child: i32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
    for _ in 0..100 {
        // Gone, or a zombie that only waits for its new parent to notice.
        let state = std::fs::read_to_string(Path::new("/proc").join(child.to_string()).join("stat"));
        if state.map_or(true, |state| state.contains(") Z ")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the plugin's child {child} still runs");
}

/// A plugin that counts its runs.
fn counting(status: &str) -> (TempDir, AuthInfo) {
    let script = format!(
        "cd \"$(dirname \"$0\")\"; echo x >> count; n=$(wc -l < count)\necho \"{{\\\"status\\\":{{\\\"token\\\":\\\"number-$((n))\\\"{status}}}}}\""
    );
    plugin(&script)
}

#[tokio::test]
async fn a_token_that_has_ended_already_is_not_asked_for_at_every_request() {
    let (folder, mut info) = counting(",\\\"expirationTimestamp\\\":\\\"2001-01-01T00:00:00Z\\\"");
    let login = Login::within("north", &mut info, SLOW_MACHINE).await.unwrap().unwrap();
    for _ in 0..5 {
        assert_eq!(told(&login).await.as_deref(), Some("Bearer number-1"));
    }
    // Once its time has come it is got anew, once.
    login.0.held.lock().await.due = Some(Timestamp::now() - SignedDuration::from_secs(1));
    for _ in 0..5 {
        assert_eq!(told(&login).await.as_deref(), Some("Bearer number-2"));
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("count")).unwrap(), "x\nx\n");
}

#[tokio::test]
async fn a_plugin_that_fails_is_not_run_at_every_request() {
    let (folder, mut info) = plugin(
        "cd \"$(dirname \"$0\")\"; echo x >> count; if [ -e ended ]; then exit 1; fi; echo 'status: {token: good}'",
    );
    let login = Login::within("north", &mut info, SLOW_MACHINE).await.unwrap().unwrap();
    std::fs::write(folder.path().join("ended"), "").unwrap();
    login.0.held.lock().await.due = Some(Timestamp::now() - SignedDuration::from_secs(1));
    for _ in 0..5 {
        assert!(login.header().await.unwrap_err().why.contains("ended with exit status: 1"));
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("count")).unwrap(), "x\nx\n");
}

#[tokio::test]
async fn what_is_refused_is_got_anew_once() {
    let (_folder, mut info) = counting("");
    let login = Login::within("north", &mut info, SLOW_MACHINE).await.unwrap().unwrap();
    let (_, times) = login.header().await.unwrap();
    assert!(login.refused(times).await && login.refused(times).await, "two requests were refused at once");
    let (header, times) = login.header().await.unwrap();
    assert_eq!(header.unwrap(), "Bearer number-2");
    assert!(!login.refused(times).await, "what is new was refused too");
}

#[tokio::test]
async fn a_file_comes_before_a_token_is_trimmed_and_read_again() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), " first\n\n").unwrap();
    let mut info = AuthInfo {
        token: Some("inline".to_owned().into()),
        token_file: Some(file.path().display().to_string()),
        ..AuthInfo::default()
    };
    let login = Login::of("north", &mut info).await.unwrap().unwrap();
    assert_eq!(told(&login).await.as_deref(), Some("Bearer first"));
    std::fs::write(file.path(), "second\n").unwrap();
    let (_, times) = login.header().await.unwrap();
    assert!(login.refused(times).await);
    assert_eq!(told(&login).await.as_deref(), Some("Bearer second"));
    std::fs::remove_file(file.path()).unwrap();
    login.0.held.lock().await.due = Some(Timestamp::now() - SignedDuration::from_secs(1));
    assert_eq!(told(&login).await.as_deref(), Some("Bearer second"));
}

#[tokio::test]
async fn a_token_that_no_header_can_hold_is_said_and_not_shown() {
    let mut info = AuthInfo { token: Some("top\nsecret".to_owned().into()), ..AuthInfo::default() };
    let Err(problem) = Login::of("north", &mut info).await else { panic!("a token with a line break") };
    assert!(problem.why.contains("line break") && !problem.to_string().contains("secret"), "{problem}");
    let mut info = AuthInfo { token: Some("good\n".to_owned().into()), ..AuthInfo::default() };
    assert_eq!(
        told(&Login::of("north", &mut info).await.unwrap().unwrap()).await.as_deref(),
        Some("Bearer good")
    );
}

#[tokio::test]
async fn a_plugin_that_prints_without_end_is_ended() {
    let problem = log_in("yes 'status: {token: x}'", SLOW_MACHINE).await.unwrap_err();
    assert_eq!(problem.why, "Its login plugin login-plugin printed more than 1 MB");
}

#[tokio::test]
async fn an_answer_may_be_yaml() {
    assert_eq!(
        log_in("echo 'kind: ExecCredential'; echo 'status: {token: from-yaml}'", SLOW_MACHINE).await,
        Ok(Some("Bearer from-yaml".into()))
    );
}

#[tokio::test]
async fn a_certificate_goes_into_the_connection() {
    let (_folder, mut info) =
        plugin(r#"echo '{"status":{"clientCertificateData":"CERT","clientKeyData":"KEY"}}'"#);
    let login = Login::of("north", &mut info).await.unwrap().unwrap();
    assert_eq!(told(&login).await, None);
    assert_eq!(info.client_certificate_data.as_deref(), Some("Q0VSVA=="));
    assert!(info.client_key_data.is_some() && info.exec.is_none());
}

#[tokio::test]
async fn an_empty_token_file_is_called_so() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display().to_string();
    let mut info = AuthInfo { token_file: Some(path.clone()), ..AuthInfo::default() };
    let problem = Login::of("north", &mut info).await.err().unwrap();
    assert_eq!(problem.why, format!("Its token file {path} is empty"));
}
