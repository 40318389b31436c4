//! Every code of Kiali's and of istioctl's is a check's, or said not to be judged.

use super::*;
use std::collections::BTreeMap;

/// Kiali's codes (`models/istio_validation.go`), without their "KIA".
const KIALI: &str = "0002 0003 0004 0005 0101 0102 0104 0105 0106 0107 0108 0109 0110 0201 0202 0203 0204 0205 0206 0207 0208 \
    0209 0210 0211 0212 0301 0302 0401 0501 0505 0506 0601 0602 0701 1004 1006 1007 1101 1102 1104 1105 1106 1107 1108 1109 \
    1110 1111 1112 1113 1114 1115 1116 1117 1211 1212 1301 1311 1312 1313 1314 1315 1316 1317 1401 1402 1501 1502 1503 1504 \
    1601 1701 1702";
/// istioctl's (`pkg/config/analysis/msg/messages.yaml`), without their "IST".
const ISTIOCTL: &str = "0001 0002 0101 0102 0103 0106 0107 0108 0109 0110 0111 0112 0116 0118 0123 0125 0126 0127 0128 0129 0130 \
    0131 0132 0133 0134 0135 0136 0137 0138 0139 0140 0141 0142 0143 0144 0145 0146 0147 0148 0149 0150 0151 0152 0153 0154 \
    0155 0156 0157 0158 0159 0160 0161 0162 0163 0164 0165 0166 0167 0168 0169 0170 0171 0172 0173 0174 0175 0176 0177";

#[test]
fn every_code_is_judged_or_said_not_to_be() {
    let of = |start: &str, numbers: &str| -> Vec<String> {
        numbers.split_whitespace().map(|number| format!("{start}{number}")).collect()
    };
    let mut all = [of("KIA", KIALI), of("IST", ISTIOCTL)].concat();
    assert_eq!(all.len(), 72 + 68);
    all.push("GWAPI".to_owned());
    let mut said: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for check in checks() {
        check.codes.iter().for_each(|code| said.entry(code).or_default().push(check.name));
    }
    for one in NOT_JUDGED {
        assert!(!said.contains_key(one.code), "{} is judged, by {:?}", one.code, said[one.code]);
        said.entry(one.code).or_default().push(one.why);
    }
    let missing: Vec<&String> = all.iter().filter(|code| !said.contains_key(code.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let invented: Vec<&&str> = said.keys().filter(|code| !all.iter().any(|one| one == **code)).collect();
    assert!(invented.is_empty(), "{invented:?}");
}
