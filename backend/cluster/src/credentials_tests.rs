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
    let plugin = Plugin::log_in_within("north", &mut info, limit).await;
    let here = folder.path().display().to_string() + "/";
    let plugin = plugin.map_err(|problem| Problem { why: problem.why.replace(&here, ""), ..problem })?;
    let header = plugin.unwrap().header().await.expect("a header");
    Ok(header.map(|value| value.to_str().unwrap().to_owned()))
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
    assert_eq!(problem.why, "Its login plugin login-plugin did not print an ExecCredential: it said nothing");
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

#[tokio::test]
async fn an_old_token_is_renewed() {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    let script = format!(
        "echo x >> {0}; n=$(wc -l < {0}); echo \"{{\\\"status\\\":{{\\\"token\\\":\\\"number-$((n))\\\",\\\"expirationTimestamp\\\":\\\"2001-01-01T00:00:00Z\\\"}}}}\"",
        count.display()
    );
    assert_eq!(log_in(&script, SLOW_MACHINE).await, Ok(Some("Bearer number-2".into())));
}

#[tokio::test]
async fn a_certificate_goes_into_the_connection() {
    let (_folder, mut info) =
        plugin(r#"echo '{"status":{"clientCertificateData":"CERT","clientKeyData":"KEY"}}'"#);
    let plugin = Plugin::log_in("north", &mut info).await.unwrap().unwrap();
    assert_eq!(plugin.header().await.unwrap(), None);
    assert_eq!(info.client_certificate_data.as_deref(), Some("Q0VSVA=="));
    assert!(info.client_key_data.is_some() && info.exec.is_none());
}
