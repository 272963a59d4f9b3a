//! As much of JSON Schema 2020-12 as the questionnaire's schema uses. A keyword that is not known here fails
//! the test, so that nothing in the schema is passed over.
//!
//! The complete validators need many crates, and switch `serde_json` to another reading of numbers for every
//! test of this crate.

use regex_lite::Regex;
use serde_json::{Map, Value};

pub(crate) struct Schema(Value);

impl Schema {
    pub(crate) fn new(schema: Value) -> Self {
        Self(schema)
    }

    /// What is wrong with this value; empty when it is valid.
    pub(crate) fn problems(&self, value: &Value) -> Vec<String> {
        let mut problems = vec![];
        self.check(&self.0, value, "", &mut problems);
        problems
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, problems: &mut Vec<String>) {
        match schema {
            Value::Bool(true) => {}
            Value::Bool(false) => problems.push(format!("{at}: not allowed")),
            Value::Object(schema) => {
                for (keyword, argument) in schema {
                    self.check_keyword(schema, keyword, argument, value, at, problems);
                }
            }
            other => panic!("no schema: {other}"),
        }
    }

    fn is_valid(&self, schema: &Value, value: &Value) -> bool {
        let mut problems = vec![];
        self.check(schema, value, "", &mut problems);
        problems.is_empty()
    }

    fn check_keyword(
        &self,
        schema: &Map<String, Value>,
        keyword: &str,
        argument: &Value,
        value: &Value,
        at: &str,
        problems: &mut Vec<String>,
    ) {
        let fits = match keyword {
            "$schema" | "$defs" | "title" | "description" | "default" | "then" => true,
            "$ref" => {
                let pointer = argument.as_str().unwrap().strip_prefix('#').unwrap();
                self.check(self.0.pointer(pointer).unwrap(), value, at, problems);
                true
            }
            "allOf" => {
                for schema in argument.as_array().unwrap() {
                    self.check(schema, value, at, problems);
                }
                true
            }
            "if" => {
                if self.is_valid(argument, value) {
                    self.check(&schema["then"], value, at, problems);
                }
                true
            }
            "anyOf" => argument
                .as_array()
                .unwrap()
                .iter()
                .any(|schema| self.is_valid(schema, value)),
            "not" => !self.is_valid(argument, value),
            "const" => argument == value,
            "enum" => argument.as_array().unwrap().contains(value),
            "type" => match argument {
                Value::Array(types) => types.iter().any(|t| is_type(t, value)),
                one => is_type(one, value),
            },
            "properties" | "additionalProperties" | "propertyNames" | "items" => {
                self.check_parts(schema, keyword, argument, value, at, problems);
                true
            }
            "required" => value.as_object().is_none_or(|object| {
                argument
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|key| object.contains_key(key.as_str().unwrap()))
            }),
            "minProperties" => value
                .as_object()
                .is_none_or(|object| object.len() >= size(argument)),
            "minItems" => value.as_array().is_none_or(|list| list.len() >= size(argument)),
            "maxItems" => value.as_array().is_none_or(|list| list.len() <= size(argument)),
            "maxLength" => value
                .as_str()
                .is_none_or(|text| text.chars().count() <= size(argument)),
            "pattern" => value
                .as_str()
                .is_none_or(|text| Regex::new(argument.as_str().unwrap()).unwrap().is_match(text)),
            "minimum" => value
                .as_f64()
                .is_none_or(|number| number >= argument.as_f64().unwrap()),
            "maximum" => value
                .as_f64()
                .is_none_or(|number| number <= argument.as_f64().unwrap()),
            unknown => panic!("this test does not know the keyword {unknown:?}"),
        };
        if !fits {
            problems.push(format!("{at}: {keyword} {argument}"));
        }
    }

    /// The keywords that look into objects and lists.
    fn check_parts(
        &self,
        schema: &Map<String, Value>,
        keyword: &str,
        argument: &Value,
        value: &Value,
        at: &str,
        problems: &mut Vec<String>,
    ) {
        match (keyword, value) {
            ("items", Value::Array(list)) => {
                for (n, value) in list.iter().enumerate() {
                    self.check(argument, value, &format!("{at}/{n}"), problems);
                }
            }
            ("propertyNames", Value::Object(object)) => {
                for key in object.keys() {
                    self.check(argument, &Value::from(key.as_str()), at, problems);
                }
            }
            ("properties", Value::Object(object)) => {
                for (key, schema) in argument.as_object().unwrap() {
                    if let Some(value) = object.get(key) {
                        self.check(schema, value, &format!("{at}/{key}"), problems);
                    }
                }
            }
            ("additionalProperties", Value::Object(object)) => {
                let known = schema.get("properties").and_then(Value::as_object);
                for (key, value) in object {
                    if !known.is_some_and(|known| known.contains_key(key)) {
                        self.check(argument, value, &format!("{at}/{key}"), problems);
                    }
                }
            }
            _ => {}
        }
    }
}

fn is_type(name: &Value, value: &Value) -> bool {
    match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        other => panic!("this test does not know the type {other:?}"),
    }
}

fn size(argument: &Value) -> usize {
    usize::try_from(argument.as_u64().unwrap()).unwrap()
}
