//! `auth_file`, by custom `userlist.txt`: users and their secrets.
//!
//! A line is `"user" "secret"`, with two double quotes for one inside; what follows is ignored. Lines that begin with
//! `;` or `#` are comments.

use std::collections::HashMap;
use std::path::Path;

use super::client::{Found, Lookup, LookupError, Usual};
use super::file::FileError;
use super::secret::Secret;

/// The users of a file. On reload a new one is read and put in the place of the old.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Userlist {
    /// `None`: an empty password, which lets nobody in.
    users: HashMap<String, Option<Secret>>,
    damaged: Vec<usize>,
}

impl Userlist {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or a line of it is not understood: all such lines.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        Self::parse(path, &FileError::read(path)?)
    }

    /// Reads the text of a file. The path is for errors only. Of two lines for one user the second counts.
    ///
    /// # Errors
    /// When a line is not understood: all such lines.
    pub fn parse(path: &Path, text: &str) -> Result<Self, FileError> {
        let (mut list, mut problems) = (Self::default(), Vec::new());
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim_start();
            if line.is_empty() || line.starts_with([';', '#']) {
                continue;
            }
            match pair(line) {
                Ok((user, secret)) => {
                    if Secret::looks_damaged(&secret) {
                        list.damaged.push(number);
                    }
                    list.users.insert(user, Secret::parse(&secret));
                }
                Err(problem) => problems.push((number, problem.to_owned())),
            }
        }
        FileError::unless_none(path, problems)?;
        Ok(list)
    }

    /// What is known of a user.
    pub fn get(&self, user: &str) -> Found {
        match self.users.get(user) {
            None => Found::Unknown,
            Some(None) => Found::NoPassword,
            Some(Some(secret)) => Found::Secret(secret.clone()),
        }
    }

    /// A user's secret, if there is one.
    pub fn secret(&self, user: &str) -> Option<&Secret> {
        self.users.get(user)?.as_ref()
    }

    /// The names of all users, in no order.
    pub fn users(&self) -> impl Iterator<Item = &str> {
        self.users.keys().map(String::as_str)
    }

    /// The lines, from 1, whose secret begins like an MD5 hash or a SCRAM verifier, but is none, and is taken for a
    /// clear-text password, as pgbouncer takes it. Worth a warning.
    pub fn damaged_lines(&self) -> &[usize] {
        &self.damaged
    }

    /// What most secrets are.
    pub fn usual(&self) -> Usual {
        let mut counts = [(0, Usual::Scram), (0, Usual::Clear), (0, Usual::Md5)];
        for secret in self.users.values().flatten() {
            let kind = match secret {
                Secret::Scram(_) => 0,
                Secret::Clear(_) => 1,
                Secret::Md5(_) => 2,
            };
            counts[kind].0 += 1;
        }
        // of equals the last wins, so the order is turned around
        let most = counts.into_iter().rev().max_by_key(|(count, _)| *count);
        most.map_or_else(Usual::default, |(_, usual)| usual)
    }
}

impl Lookup for Userlist {
    async fn find(&self, user: &str) -> Result<Found, LookupError> {
        Ok(self.get(user))
    }

    fn usual(&self) -> Usual {
        Self::usual(self)
    }
}

fn pair(line: &str) -> Result<(String, String), &'static str> {
    let (user, rest) = quoted(line).map_err(|problem| match problem {
        Problem::NotQuoted => "the user name does not begin with a double quote",
        Problem::NotClosed => "the user name's double quote is never closed",
    })?;
    if user.is_empty() {
        return Err("the user name is empty");
    }
    let (secret, _) = quoted(rest.trim_start()).map_err(|problem| match problem {
        Problem::NotQuoted => "the secret is missing, or does not begin with a double quote",
        Problem::NotClosed => "the secret's double quote is never closed",
    })?;
    if user.contains('\0') || secret.contains('\0') {
        return Err("it contains a zero byte");
    }
    Ok((user, secret))
}

enum Problem {
    NotQuoted,
    NotClosed,
}

/// A string in double quotes, and what is after it.
fn quoted(text: &str) -> Result<(String, &str), Problem> {
    let mut rest = text.strip_prefix('"').ok_or(Problem::NotQuoted)?;
    let mut value = String::new();
    loop {
        let (before, after) = rest.split_once('"').ok_or(Problem::NotClosed)?;
        value.push_str(before);
        match after.strip_prefix('"') {
            Some(after) => {
                value.push('"');
                rest = after;
            }
            None => return Ok((value, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VERIFIER: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
                            WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

    fn parsed(text: &str) -> Result<Userlist, String> {
        Userlist::parse(Path::new("userlist.txt"), text).map_err(|error| error.to_string())
    }

    fn clear(password: &str) -> Found {
        Found::Secret(Secret::parse(password).unwrap())
    }

    #[test]
    fn users_are_read_with_their_secrets() {
        let list = parsed(&format!(
            "; a comment\n# another\n\n\
             \"ann\" \"hunter2\" and more that is ignored\r\n\
             \t\"o\"\"brien\"\t\"say \"\"hi\"\"\"\n\
             \"bob\" \"md545f2603610af569b6155c45067268c6b\"\n\
             \"eve\" \"{VERIFIER}\"\n\
             \"nil\" \"\"\n"
        ))
        .unwrap();

        assert_eq!(list.get("ann"), clear("hunter2"));
        assert_eq!(list.get("o\"brien"), clear("say \"hi\""));
        assert!(matches!(list.get("bob"), Found::Secret(Secret::Md5(_))));
        assert!(matches!(list.get("eve"), Found::Secret(Secret::Scram(_))));
        assert_eq!(list.get("nil"), Found::NoPassword);
        assert_eq!(list.get("nobody"), Found::Unknown);
        assert_eq!(list.users().count(), 5);
        assert_eq!(list.usual(), Usual::Clear);
        assert!(list.damaged_lines().is_empty());
    }

    #[test]
    fn of_two_lines_for_one_user_the_second_counts() {
        let list = parsed("\"ann\" \"one\"\n\"ann\" \"two\"\n").unwrap();
        assert_eq!(list.get("ann"), clear("two"));
    }

    #[test]
    fn wrong_lines_are_named_all_at_once() {
        let error =
            parsed("\"ann\" \"x\"\nbob \"x\"\n\"eve\"\n\"eve\" \"x\n\"eve\n\"\" \"x\"\n").unwrap_err();
        assert_eq!(
            error,
            "userlist.txt, line 2: the user name does not begin with a double quote; \
             line 3: the secret is missing, or does not begin with a double quote; \
             line 4: the secret's double quote is never closed; \
             line 5: the user name's double quote is never closed; \
             line 6: the user name is empty"
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Userlist::load(Path::new("/nowhere/userlist.txt"))
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("/nowhere/userlist.txt: No such file"),
            "{error}"
        );
    }

    #[test]
    fn a_copy_that_went_wrong_is_pointed_at() {
        let list = parsed("\"ann\" \"fine\"\n\"bob\" \"SCRAM-SHA-256$4096:W22ZaJ0S\"\n").unwrap();
        assert_eq!(list.damaged_lines(), [2]);
    }

    #[test]
    fn what_most_users_have_is_known() {
        assert_eq!(parsed("").unwrap().usual(), Usual::Scram);
        let md5 = "\"admin\" \"md545f2603610af569b6155c45067268c6b\"\n";
        assert_eq!(parsed(md5).unwrap().usual(), Usual::Md5);
        assert_eq!(
            parsed(&format!("{md5}\"eve\" \"{VERIFIER}\"\n")).unwrap().usual(),
            Usual::Scram
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "((\\PC|[\"; \n]){0,80})|(\"[a-z\"]{0,5}\" {0,2}\"[a-z\"]{0,5}\"\n){0,5}") {
            let _ = parsed(&text);
        }

        #[test]
        fn what_is_quoted_comes_back(user in "[^\n\r\0]{1,12}", secret in "[^\n\r\0]{1,12}") {
            let doubled = |text: &str| text.replace('"', "\"\"");
            let list = parsed(&format!("\"{}\" \"{}\"\n", doubled(&user), doubled(&secret))).unwrap();
            prop_assert_eq!(list.get(&user), clear(&secret));
        }
    }
}
