//! The rows of a reply.

use serde_json::Value;

/// A row, and the element that the last `*` stands for.
pub(super) type Found<'a> = (Option<&'a Value>, &'a Value);

/// Gathers the rows at a pointer, and tells whether there is anything there: an empty array is, and
/// so is null, which some services write for it. Of the elements that a `*` stands for, one with
/// something is enough, and none need be there.
pub(super) fn rows_at<'a>(
    value: &'a Value,
    pointer: &str,
    above: Option<&'a Value>,
    found: &mut Vec<Found<'a>>,
) -> bool {
    let Some((head, tail)) = pointer.split_once("/*") else {
        match value.pointer(pointer) {
            Some(Value::Array(rows)) => found.extend(rows.iter().map(|row| (above, row))),
            Some(row @ Value::Object(_)) => found.push((above, row)),
            Some(Value::Null) => {}
            _ => return false,
        }
        return true;
    };
    let elements: Vec<&Value> = match value.pointer(head) {
        Some(Value::Array(elements)) => elements.iter().collect(),
        Some(Value::Object(members)) => members.values().collect(),
        Some(Value::Null) => Vec::new(),
        _ => return false,
    };
    let mut any = elements.is_empty();
    for element in elements {
        any |= rows_at(element, tail, Some(element), found);
    }
    any
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::rows_at;

    #[test]
    fn nothing_is_told_from_no_rows() {
        let body = json!({"rows": [1, 2], "none": [], "null": null, "text": "x",
            "pages": {"a": {"of": [3]}, "b": {"missing": true}}});
        for (pointer, is_there, rows) in [
            ("/rows", true, 2),
            ("/none", true, 0),
            ("/null", true, 0),
            ("", true, 1),
            ("/text", false, 0),
            ("/rowz", false, 0),
            ("/pages/*/of", true, 1),
            ("/pages/*/off", false, 0),
            ("/none/*/of", true, 0),
            ("/null/*/of", true, 0),
            ("/page/*/of", false, 0),
            ("/text/*/of", false, 0),
        ] {
            let mut found = Vec::new();
            let there = rows_at(&body, pointer, None, &mut found);
            assert_eq!((there, found.len()), (is_there, rows), "{pointer}");
        }
    }
}
