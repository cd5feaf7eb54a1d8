//! What changed between two revisions of a document.

use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(in crate::hq) struct Change {
    /// Where: `dishes/borsch/price_minor`.
    pub(in crate::hq) path: String,
    /// What was there; none when it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::hq) was: Option<Value>,
    /// What is there; none when it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::hq) is: Option<Value>,
}

/// All differences, in the documents' order.
pub(in crate::hq) fn diff(was: &Value, is: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    walk(String::new(), Some(was), Some(is), &mut changes);
    changes
}

fn walk(path: String, was: Option<&Value>, is: Option<&Value>, changes: &mut Vec<Change>) {
    if was == is {
        return;
    }
    let below = |key: &str| match path.is_empty() {
        true => key.to_owned(),
        false => format!("{path}/{key}"),
    };
    let parts = match (was, is) {
        (Some(was), Some(is)) => named(was).zip(named(is)),
        _ => None,
    };
    let Some((old, new)) = parts else {
        changes.push(Change {
            path,
            was: was.cloned(),
            is: is.cloned(),
        });
        return;
    };
    // Things that change their places only are told as one change of order.
    let moved = |these: &[(String, &Value)], those: &BTreeMap<&str, &Value>| -> Vec<String> {
        these
            .iter()
            .filter(|(key, _)| those.contains_key(key.as_str()))
            .map(|(key, _)| key.clone())
            .collect()
    };
    let old_by: BTreeMap<&str, &Value> = old.iter().map(|(k, v)| (k.as_str(), *v)).collect();
    let new_by: BTreeMap<&str, &Value> = new.iter().map(|(k, v)| (k.as_str(), *v)).collect();
    for (key, value) in &old {
        walk(
            below(key),
            Some(value),
            new_by.get(key.as_str()).copied(),
            changes,
        );
    }
    for (key, value) in &new {
        if !old_by.contains_key(key.as_str()) {
            walk(below(key), None, Some(value), changes);
        }
    }
    let (before, after) = (moved(&old, &new_by), moved(&new, &old_by));
    if was.is_some_and(Value::is_array) && before != after {
        changes.push(Change {
            path: below("(order)"),
            was: Some(before.into()),
            is: Some(after.into()),
        });
    }
}

/// The parts of a document by name: an object's fields, or a list of things that have ids.
fn named(value: &Value) -> Option<Vec<(String, &Value)>> {
    match value {
        Value::Object(fields) => Some(fields.iter().map(|(k, v)| (k.clone(), v)).collect()),
        Value::Array(items) => {
            let named: Option<Vec<_>> = items
                .iter()
                .map(|item| Some((item.get("id")?.as_str()?.to_owned(), item)))
                .collect();
            named.filter(|items| {
                let ids: std::collections::BTreeSet<_> = items.iter().map(|(id, _)| id).collect();
                ids.len() == items.len()
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn paths(was: &Value, is: &Value) -> Vec<String> {
        diff(was, is).into_iter().map(|c| c.path).collect()
    }

    #[test]
    fn a_price_is_told_as_one_change_with_the_dishs_name() {
        let was = json!({"dishes": [{"id": "a", "price_minor": 1}, {"id": "b", "price_minor": 2}]});
        let mut is = was.clone();
        is["dishes"][1]["price_minor"] = 3.into();
        assert_eq!(
            diff(&was, &is),
            [Change {
                path: "dishes/b/price_minor".into(),
                was: Some(2.into()),
                is: Some(3.into())
            }]
        );
        assert!(diff(&was, &was).is_empty());
    }

    #[test]
    fn what_came_what_went_and_what_moved() {
        let was = json!({"d": [{"id": "a"}, {"id": "b"}], "x": [1, 2]});
        let is = json!({"d": [{"id": "b"}, {"id": "a"}, {"id": "c"}], "y": 1, "x": [2]});
        assert_eq!(paths(&was, &is), ["d/c", "d/(order)", "x", "y"]);
        let gone = json!({"d": [{"id": "a"}], "x": [1, 2]});
        assert_eq!(paths(&was, &gone), ["d/b"]);
    }
}
