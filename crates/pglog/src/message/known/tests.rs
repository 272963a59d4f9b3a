use super::*;

fn known(message: &str, severity: Severity, state: Option<&[u8; 5]>) -> Option<Known> {
    look_up(message.as_bytes(), severity, state.copied(), || {
        "select ? from x".into()
    })
}

#[test]
fn an_error_is_shown_without_its_values() {
    let error = |message, state| known(message, Severity::Error, Some(state)).map(|k| k.shown);
    assert_eq!(
        error(r#"invalid input syntax for type integer: "4111""#, b"22P02").as_deref(),
        Some(r#"invalid input syntax for type integer: "?""#)
    );
    assert_eq!(
        error(
            r#"duplicate key value violates unique constraint "answers_pkey""#,
            b"23505"
        )
        .as_deref(),
        Some(r#"duplicate key value violates unique constraint "answers_pkey""#)
    );
    assert_eq!(
        error(r#"syntax error at or near "secret""#, b"42601").as_deref(),
        Some(r#"syntax error at or near "?""#)
    );
}

#[test]
fn words_of_postgresql_with_another_state_are_not_its_own() {
    assert_eq!(
        known(
            r#"relation "Anna Smith" does not exist"#,
            Severity::Error,
            Some(b"P0001")
        ),
        None
    );
}

#[test]
fn a_state_that_is_not_logged_follows_from_the_words_when_there_is_one() {
    let state = |message, severity| known(message, severity, None).and_then(|k| k.state);
    assert_eq!(state("division by zero", Severity::Error), Some(*b"22012"));
    assert_eq!(
        state(r#"role "x" does not exist"#, Severity::Fatal),
        Some(*b"28000")
    );
    assert_eq!(state(r#"role "x" does not exist"#, Severity::Error), None);
}

#[test]
fn what_a_message_means_depends_on_how_serious_it_is() {
    let effect = |message, severity, state| known(message, severity, state).map(|k| k.effect);
    assert_eq!(
        effect(r#"database "x" does not exist"#, Severity::Fatal, Some(b"3D000")),
        Some(Effect::Ends(End::NoDatabase))
    );
    assert_eq!(
        effect(r#"parameter "work_mem" changed to "4MB""#, Severity::Log, None),
        Some(Effect::Event(Category::Settings))
    );
    assert_eq!(
        effect(
            r#"invalid value for parameter "x": "y""#,
            Severity::Error,
            Some(b"22023")
        ),
        Some(Effect::None)
    );
}
