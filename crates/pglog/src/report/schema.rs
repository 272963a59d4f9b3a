//! The report's JSON schema, `docs/logs-report.schema.json`: made of the model's own source, so that a field cannot be
//! forgotten, and held against real reports. After a change of the model:
//! `UPDATE_SCHEMA=1 cargo test -p canvass-pglog schema`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::tests::{report, rich, statement};
use super::{Report, to_json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The model's source: `model.rs`, and whatever stands in `events/`.
fn sources() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report");
    let mut files = vec![folder.join("model.rs")];
    if let Ok(more) = std::fs::read_dir(folder.join("events")) {
        files.extend(more.flatten().map(|f| f.path()));
    }
    files.sort();
    let read = |f: &PathBuf| std::fs::read_to_string(f).unwrap_or_default();
    files.iter().map(read).collect::<Vec<_>>().join("\n")
}

#[derive(Default)]
struct Field {
    name: String,
    of: String,
    doc: String,
    is_flat: bool,
    is_optional: bool,
}

/// Structs with their documentation and fields.
fn structs(source: &str) -> BTreeMap<String, (String, Vec<Field>)> {
    let mut all: BTreeMap<String, (String, Vec<Field>)> = BTreeMap::new();
    let (mut doc, mut attributes) = (String::new(), String::new());
    let mut inside: Option<String> = None;
    for line in source.lines() {
        let text = line.trim();
        if let Some(more) = text.strip_prefix("///") {
            doc.push_str(more);
        } else if text.starts_with("#[") {
            attributes.push_str(text);
        } else if let Some(rest) = line.strip_prefix("pub struct ") {
            let name = rest.trim_end_matches([' ', '{', ';']).to_owned();
            all.insert(
                name.clone(),
                (std::mem::take(&mut doc).trim().to_owned(), Vec::new()),
            );
            inside = Some(name);
            attributes.clear();
        } else if let Some((name, of)) = text.strip_prefix("pub ").and_then(|rest| rest.split_once(": ")) {
            if let Some((_, fields)) = inside.as_ref().and_then(|name| all.get_mut(name)) {
                fields.push(Field {
                    name: name.to_owned(),
                    of: of.trim_end_matches(',').to_owned(),
                    doc: std::mem::take(&mut doc).trim().to_owned(),
                    is_flat: attributes.contains("flatten"),
                    is_optional: attributes.contains("skip_serializing_if"),
                });
            }
            attributes.clear();
        } else {
            doc.clear();
            attributes.clear();
            if line == "}" {
                inside = None;
            }
        }
    }
    all
}

fn type_of(of: &str) -> Value {
    let inner = |start: &str| of.strip_prefix(start).and_then(|rest| rest.strip_suffix('>'));
    if let Some(inner) = inner("Option<") {
        return json!({"anyOf": [type_of(inner), {"type": "null"}]});
    }
    if let Some(inner) = inner("Vec<") {
        return json!({"type": "array", "items": type_of(inner)});
    }
    if let Some(inner) = inner("BTreeMap<String, ") {
        return json!({"type": "object", "additionalProperties": type_of(inner)});
    }
    if let Some(parts) = of.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        let parts: Vec<Value> = parts.split(", ").map(type_of).collect();
        let n = parts.len();
        return json!({"type": "array", "prefixItems": parts, "minItems": n, "maxItems": n});
    }
    match of {
        "u64" | "u32" | "u16" | "u8" | "usize" => json!({"type": "integer", "minimum": 0}),
        "i64" | "i32" => json!({"type": "integer"}),
        "f64" => json!({"type": "number"}),
        "bool" => json!({"type": "boolean"}),
        "String" => json!({"type": "string"}),
        name => json!({"$ref": format!("#/$defs/{}", name.rsplit("::").next().unwrap_or(name))}),
    }
}

fn object(name: &str, all: &BTreeMap<String, (String, Vec<Field>)>) -> Value {
    let (doc, fields) = all
        .get(name)
        .unwrap_or_else(|| panic!("{name} is no struct of the model"));
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for field in fields {
        if field.is_flat {
            let flat = object(&field.of, all);
            properties.extend(flat["properties"].as_object().cloned().unwrap_or_default());
            required.extend(flat["required"].as_array().cloned().unwrap_or_default());
            continue;
        }
        let mut schema = match (field.is_optional, field.of.strip_prefix("Option<")) {
            (true, Some(inner)) => type_of(inner.trim_end_matches('>')),
            _ => type_of(&field.of),
        };
        schema["description"] = json!(field.doc);
        properties.insert(field.name.clone(), schema);
        if !field.is_optional {
            required.push(json!(field.name));
        }
    }
    json!({"description": doc, "type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn schema() -> Value {
    let all = structs(&sources());
    let mut schema = object("Report", &all);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("A report of canvass logs");
    schema["properties"]["version"] =
        json!({"const": super::VERSION, "description": "The version of this form."});
    let mut defs = Map::new();
    let mut wanted: Vec<String> = refs(&schema);
    while let Some(name) = wanted.pop() {
        if !defs.contains_key(&name) {
            let of = object(&name, &all);
            wanted.extend(refs(&of));
            defs.insert(name, of);
        }
    }
    schema["$defs"] = Value::Object(defs);
    schema
}

/// The structs that a schema refers to.
fn refs(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(map) => {
            let own = map.get("$ref").and_then(Value::as_str);
            let own = own.and_then(|r| r.strip_prefix("#/$defs/")).map(str::to_owned);
            own.into_iter().chain(map.values().flat_map(refs)).collect()
        }
        Value::Array(values) => values.iter().flat_map(refs).collect(),
        _ => Vec::new(),
    }
}

/// Where a value breaks the schema; the keywords that [`schema`] uses are known.
fn faults(value: &Value, schema: &Value, whole: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.trim_start_matches("#/$defs/");
        return faults(value, &whole["$defs"][name], whole, at, found);
    }
    if let Some(any) = schema["anyOf"].as_array() {
        let fits = any.iter().any(|one| {
            let mut inner = Vec::new();
            faults(value, one, whole, at, &mut inner);
            inner.is_empty()
        });
        if !fits {
            found.push(format!("{at}: none of the possible forms"));
        }
        return;
    }
    if !schema["const"].is_null() && schema["const"] != *value {
        found.push(format!("{at}: not {}", schema["const"]));
    }
    let fits = match schema["type"].as_str() {
        Some("integer") => value.is_u64() || value.is_i64() && schema["minimum"].is_null(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("string") => value.is_string(),
        Some("null") => value.is_null(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    };
    if !fits {
        found.push(format!("{at}: {value} is no {}", schema["type"]));
    }
    if let Some(items) = value.as_array() {
        let tuple = schema["prefixItems"].as_array();
        if tuple.is_some_and(|tuple| tuple.len() != items.len()) {
            found.push(format!("{at}: {} items", items.len()));
        }
        for (i, item) in items.iter().enumerate() {
            let of = tuple.and_then(|t| t.get(i)).unwrap_or(&schema["items"]);
            faults(item, of, whole, &format!("{at}[{i}]"), found);
        }
    }
    let Some(object) = value.as_object() else { return };
    for name in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if !object.contains_key(name) {
            found.push(format!("{at}: no {name}"));
        }
    }
    for (name, inner) in object {
        let known = schema["properties"].get(name);
        match (known, &schema["additionalProperties"]) {
            (Some(of), _) => faults(inner, of, whole, &format!("{at}.{name}"), found),
            (None, Value::Bool(false)) => found.push(format!("{at}: {name} is not in the schema")),
            (None, of) => faults(inner, of, whole, &format!("{at}.{name}"), found),
        }
    }
}

fn all_faults(report: &Report) -> Vec<String> {
    let value: Value = serde_json::from_str(&to_json(report)).unwrap();
    let (schema, mut found) = (schema(), Vec::new());
    faults(&value, &schema, &schema, "report", &mut found);
    found
}

#[test]
fn the_schema_is_that_of_the_model() {
    let path = root().join("docs/logs-report.schema.json");
    let wanted = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == wanted,
        "the model has changed: UPDATE_SCHEMA=1 cargo test -p canvass-pglog schema"
    );
}

#[test]
fn reports_keep_to_the_schema() {
    let mut with_values = rich();
    with_values.statements[0].slowest[0].text = Some("select 1".into());
    with_values.statements[0].slowest[0].parameters = Some("$1 = '1'".into());
    for report in [
        report(Vec::new()),
        rich(),
        with_values,
        report(vec![statement(1, "a", 1, 1)]),
    ] {
        assert_eq!(all_faults(&report), Vec::<String>::new());
    }
}

#[test]
fn the_check_finds_what_is_wrong() {
    let schema = schema();
    let check = |change: fn(&mut Value)| {
        let mut value = serde_json::to_value(rich()).unwrap();
        change(&mut value);
        let mut found = Vec::new();
        faults(&value, &schema, &schema, "report", &mut found);
        found.join("; ")
    };
    assert_eq!(check(|v| v["version"] = json!(2)), "report.version: not 1");
    assert_eq!(check(|v| v["new"] = json!(1)), "report: new is not in the schema");
    assert_eq!(
        check(|v| v["statements"][0]["calls"] = json!(-1)),
        "report.statements[0].calls: -1 is no \"integer\""
    );
    assert_eq!(
        check(|v| v["statements"][0]["histogram"][0] = json!([1])),
        "report.statements[0].histogram[0]: 1 items"
    );
    let gone = check(|v| {
        v.as_object_mut().unwrap().remove("all");
    });
    assert_eq!(gone, "report: no all");
}
