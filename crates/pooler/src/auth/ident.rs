//! `auth_ident_file`: which names outside the database may be which users inside.
//!
//! A simplified `pg_ident.conf`, as pgbouncer reads it: three fields a line, without regular expressions, groups and
//! includes, which are refused.

use std::collections::HashMap;
use std::path::Path;

use super::file::{FileError, Token, lines};

/// The maps of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Maps(HashMap<String, Vec<Line>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    system_user: String,
    /// `None`: any.
    user: Option<String>,
}

impl Maps {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or a line of it is not understood: all such lines.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        Self::parse(path, &FileError::read(path)?)
    }

    /// Reads the text of a file. The path is for errors only.
    ///
    /// # Errors
    /// When a line is not understood: all such lines.
    pub fn parse(path: &Path, text: &str) -> Result<Self, FileError> {
        let (mut maps, mut problems) = (Self::default(), Vec::new());
        for (number, fields) in lines(text) {
            let line = fields.and_then(|fields| line(&fields));
            match line {
                Ok((name, line)) => maps.0.entry(name).or_default().push(line),
                Err(problem) => problems.push((number, problem)),
            }
        }
        FileError::unless_none(path, problems)?;
        Ok(maps)
    }

    /// True when there is a map of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// True when the map lets `system_user` be `user`.
    pub fn allows(&self, map: &str, system_user: &str, user: &str) -> bool {
        let lines = self.0.get(map).map_or(&[][..], Vec::as_slice);
        lines.iter().any(|line| {
            line.system_user == system_user && line.user.as_deref().is_none_or(|allowed| allowed == user)
        })
    }
}

fn line(fields: &[Vec<Token>]) -> Result<(String, Line), String> {
    let mut names = Vec::new();
    for field in fields {
        match &field[..] {
            [name] => names.push(name),
            _ => return Err("a list where one name is due".to_owned()),
        }
    }
    let [map, system_user, user] = names[..] else {
        return Err(format!(
            "{} fields instead of map-name, system-username and database-username",
            names.len()
        ));
    };
    if map.is("include") || map.is("include_if_exists") || map.is("include_dir") {
        return Err(format!(
            "{} is not supported: put the lines into this file",
            map.text
        ));
    }
    for name in [system_user, user] {
        if !name.quoted && name.text.starts_with('/') {
            return Err(format!(
                "{} is a regular expression, which is not supported: write one line a name",
                name.text
            ));
        }
        if !name.quoted && name.text.starts_with('+') {
            return Err(format!(
                "{} is a group, which is not supported: write one line a name",
                name.text
            ));
        }
    }
    let user = (!user.is("all")).then(|| user.text.clone());
    Ok((
        map.text.clone(),
        Line {
            system_user: system_user.text.clone(),
            user,
        },
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Result<Maps, String> {
        Maps::parse(Path::new("ident.conf"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_map_says_who_may_be_whom() {
        let maps = parsed(
            "# comment\n\
             test   pgbouncer.acme.org  someuser\n\
             test   pgbouncer.acme.org  anotheruser # the same\n\n\
             test2  bouncer             all\n\
             test2  \"some one\"        \"all\"\n",
        )
        .unwrap();

        assert!(maps.allows("test", "pgbouncer.acme.org", "someuser"));
        assert!(maps.allows("test", "pgbouncer.acme.org", "anotheruser"));
        assert!(!maps.allows("test", "pgbouncer.acme.org", "bouncer"));
        assert!(!maps.allows("test", "bouncer", "someuser"));
        assert!(maps.allows("test2", "bouncer", "anybody"));
        // a keyword in quotes is a name
        assert!(maps.allows("test2", "some one", "all"));
        assert!(!maps.allows("test2", "some one", "anybody"));
        assert!(maps.contains("test") && !maps.contains("other"));
        assert!(!maps.allows("other", "bouncer", "anybody"));
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_line() {
        let error =
            parsed("a b c\na b\nm /^(.*)@x$ all\nm root +admins\ninclude other.conf x\n").unwrap_err();
        assert_eq!(
            error,
            "ident.conf, line 2: 2 fields instead of map-name, system-username and database-username; \
             line 3: /^(.*)@x$ is a regular expression, which is not supported: write one line a name; \
             line 4: +admins is a group, which is not supported: write one line a name; \
             line 5: include is not supported: put the lines into this file"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(\\PC|\n){0,80}|([a-z\"#/+,] {0,2}|\n){0,40}") {
            let _ = parsed(&text);
        }
    }
}
