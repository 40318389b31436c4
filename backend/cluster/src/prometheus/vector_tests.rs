use super::*;
use serde_json::json;

fn parse(body: &[u8]) -> Result<(Vec<Sample>, Remarks), Refusal> {
    let mut samples = Vec::new();
    let remarks = each(body, |sample| samples.push(sample))?;
    Ok((samples, remarks))
}

#[test]
fn answers_of_prometheus() {
    let good = json!({ "status": "success", "data": { "resultType": "vector", "result": [
        { "metric": { "a": "b" }, "value": [1700000000.5, "2.5"] }, { "metric": {}, "value": [1700000000.5, "NaN"] }] } });
    let expect = Sample { labels: [("a".to_owned(), "b".to_owned())].into(), value: 2.5 };
    assert_eq!(parse(good.to_string().as_bytes()), Ok((vec![expect], Remarks::default())));
    let endless = good.to_string().replace("2.5", "+Inf");
    let (samples, remarks) = parse(endless.as_bytes()).unwrap();
    assert!(samples.is_empty() && remarks.words().any(|said| said == "1 series could not be read"));
    let bad =
        json!({ "status": "error", "errorType": "bad_data", "error": "1:4: parse error: unexpected end" });
    assert_eq!(
        parse(bad.to_string().as_bytes()),
        Err(Refusal::Said("bad_data: 1:4: parse error: unexpected end".into()))
    );
    for empty in
        [r#"{"resultType":"vector","result":[]}"#, r#"{"resultType":"vector","result":null}"#, "null"]
    {
        let answer = format!(r#"{{"status":"success","data":{empty}}}"#);
        assert_eq!(parse(answer.as_bytes()), Ok((vec![], Remarks::default())), "{empty}");
    }
    for foreign in
        ["<html>", "404 page not found", "{}", "[]", r#"{"status":"success","data":{"result":{}}}"#]
    {
        assert!(matches!(parse(foreign.as_bytes()), Err(Refusal::Foreign)), "{foreign}");
    }
}

#[test]
fn one_odd_series_costs_itself_and_is_counted() {
    let answer = r#"{"status":"success","warnings":["PromQL warning: mixed"],"infos":["PromQL info: no _total"],"data":{"resultType":"vector","result":[
      {"metric":{"a":null,"b":"c"},"value":[1700000000,"1"]}, {"metric":{},"histogram":[1700000000,{"count":"3"}]}, null, 7,
      {"metric":null,"value":[1700000000.5,"+Inf"]}, {"metric":{"x":"y"},"value":[1700000000]}, {"metric":[],"value":[1,"2"]}]}}"#;
    let (samples, remarks) = parse(answer.as_bytes()).expect("an answer");
    let told: Vec<String> =
        samples.iter().map(|sample| format!("{:?} {}", sample.labels, sample.value)).collect();
    assert_eq!(told, [r#"{"b": "c"} 1"#]);
    assert_eq!(
        remarks.words().collect::<Vec<_>>(),
        [
            "5 series could not be read",
            "1 series of native histograms are not counted",
            "Prometheus says: PromQL info: no _total",
            "Prometheus says: PromQL warning: mixed",
        ]
    );
    let answer = r#"{"status":"success","data":{"result":[{"metric":{},"values":[[1,"2"],null,[3,"NaN"]]},{"values":null}]}}"#;
    let (series, remarks) = series(answer.as_bytes()).expect("an answer");
    assert_eq!((series.len(), series[0].points.len()), (1, 2));
    assert_eq!(remarks.words().collect::<Vec<_>>(), ["1 series could not be read"]);
}
