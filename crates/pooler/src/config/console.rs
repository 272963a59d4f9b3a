//! The configuration as the console shows and changes it.

use super::assign::{Section, assign, shown};
use super::table::{self, Change, Key};
use super::{Canvass, Config, ConfigError, Settings, check};

/// One row of `SHOW CONFIG`, its columns in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The setting.
    pub key: &'static str,
    /// Its value as text; secrets are masked.
    pub value: String,
    /// The default as text; empty if there is none.
    pub default: &'static str,
    /// Whether RELOAD and SET change it.
    pub changeable: bool,
}

impl Config {
    /// The rows of `SHOW CONFIG`: the section `[pgbouncer]` in pgbouncer's order, and behind it `[canvass]` if that
    /// section sets anything.
    pub fn show(&self) -> Vec<Row> {
        let mut rows = rows(Settings::KEYS, &self.settings);
        if self.canvass != Canvass::default() {
            rows.extend(self::rows(Canvass::KEYS, &self.canvass));
        }
        rows
    }

    /// Sets one value, as `SET key = value` on the console does.
    ///
    /// # Errors
    /// When there is no such setting, when it can be changed by a restart only, when the value is wrong or contradicts
    /// another setting. Then nothing has changed.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        let mut changed = self.clone();
        match table::find(Canvass::KEYS, key) {
            Some(found) => {
                changeable(found)?;
                assign(Section::Canvass, Canvass::KEYS, &mut changed.canvass, key, value)
            }
            None => {
                table::find(Settings::KEYS, key).map_or(Ok(()), changeable)?;
                assign(
                    Section::Pgbouncer,
                    Settings::KEYS,
                    &mut changed.settings,
                    key,
                    value,
                )
            }
        }
        .map_err(|problem| ConfigError(vec![problem]))?;
        let found = check::check(&changed);
        if !found.problems.is_empty() {
            return Err(ConfigError(found.problems));
        }
        *self = changed;
        Ok(())
    }

    /// For RELOAD: takes from the configuration that is in effect the values that only a restart can change, and gives
    /// the names of those that the file says otherwise.
    pub fn keep_until_restart(&mut self, in_effect: &Self) -> Vec<&'static str> {
        let mut kept = keep(Settings::KEYS, &mut self.settings, &in_effect.settings);
        kept.extend(keep(Canvass::KEYS, &mut self.canvass, &in_effect.canvass));
        kept
    }
}

fn rows<T: Clone + Default>(keys: &'static [Key<T>], values: &T) -> Vec<Row> {
    let row = |key: &'static Key<T>| Row {
        key: key.name,
        value: key.show(values),
        default: key.default,
        changeable: key.change == Change::Now,
    };
    keys.iter().map(row).collect()
}

fn changeable<T>(key: &Key<T>) -> Result<(), ConfigError> {
    match key.change {
        Change::Now => Ok(()),
        Change::Restart => {
            let name = shown(key.name);
            Err(ConfigError(vec![format!(
                "{name} is changed by a restart only: set it in the file, then restart"
            )]))
        }
    }
}

fn keep<T: Clone + Default>(keys: &'static [Key<T>], new: &mut T, in_effect: &T) -> Vec<&'static str> {
    let restart = keys.iter().filter(|key| key.change == Change::Restart);
    let differs = restart
        .filter(|key| key.show(new) != key.show(in_effect))
        .collect::<Vec<_>>();
    for key in &differs {
        key.copy(new, in_effect);
    }
    differs.iter().map(|key| key.name).collect()
}
