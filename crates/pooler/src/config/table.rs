//! What a setting is: its name, its default, what is done with it, and how it is read and shown. Reading the file,
//! `SHOW CONFIG`, `SET` and the table in `docs/pool-settings.md` all go through these descriptions, so that none of
//! them can know a setting that another one doesn't.

use super::kinds::Kind;

/// What the pooler does with a setting, compared with pgbouncer 1.25.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// The same.
    Same,
    /// Does what the documentation says; pgbouncer has no such setting.
    Ours,
    /// Accepted, but nothing follows from it, for this reason. A value other than the default gives a warning.
    WithoutEffect(&'static str),
    /// A value other than the default is refused, for this reason.
    Refused(&'static str),
}

/// When a changed value of a setting takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// At RELOAD, and at once with SET.
    Now,
    /// At the next start.
    Restart,
}

/// One setting of a section whose values are kept in a `T`.
pub struct Key<T: 'static> {
    /// The name, as it is written in the file.
    pub name: &'static str,
    /// The default, as it would be written in the file; empty if there is none.
    pub default: &'static str,
    /// When a changed value takes effect.
    pub change: Change,
    /// What is done with it.
    pub support: Support,
    /// What it means, its unit and what zero means: Markdown, one paragraph.
    pub meaning: &'static str,
    pub(super) read: fn(&mut T, &str) -> Result<(), String>,
    pub(super) show: fn(&T) -> String,
    pub(super) copy: fn(&mut T, &T),
}

impl<T: Clone + Default> Key<T> {
    /// The value as it would be written in the file; secrets are masked.
    pub fn show(&self, values: &T) -> String {
        (self.show)(values)
    }

    /// Sets the value from the text of the file. Gives a sentence if the value is taken but nothing follows from it.
    ///
    /// # Errors
    /// What is wrong with the text and what it may be, as the end of a sentence that names setting and value.
    pub(super) fn assign(&self, values: &mut T, text: &str) -> Result<Option<&'static str>, String> {
        let mut changed = values.clone();
        (self.read)(&mut changed, text)?;
        let is_default = || self.show(&changed) == self.show(&T::default());
        let without_effect = match self.support {
            Support::Same | Support::Ours => None,
            Support::Refused(reason) if !is_default() => {
                return Err(format!("not supported, because {reason}; remove it"));
            }
            Support::WithoutEffect(reason) if !is_default() => Some(reason),
            Support::Refused(_) | Support::WithoutEffect(_) => None,
        };
        *values = changed;
        Ok(without_effect)
    }

    /// Takes the value of other settings.
    pub(super) fn copy(&self, values: &mut T, from: &T) {
        (self.copy)(values, from);
    }
}

/// The key of that name.
pub(super) fn find<T>(keys: &'static [Key<T>], name: &str) -> Option<&'static Key<T>> {
    keys.iter().find(|key| key.name == name)
}

/// Reads with a kind, for the macro below.
pub(super) fn read_default<V>(kind: &Kind<V>, default: &str) -> V {
    (kind.read)(default).expect("a default in the table is a value of its own kind, as a test holds")
}

/// Declares a struct with one field a setting and the table that describes them: the field's comment is also the
/// setting's meaning in the documentation. Fields in the first braces are not settings.
macro_rules! settings {
    (
        $(#[$outer:meta])*
        pub struct $Struct:ident { $( $(#[$fixed_meta:meta])* pub $fixed:ident: $Fixed:ty, )* }
        $( $(#[doc = $meaning:literal])+ $name:ident: $Type:ty = $KIND:ident, $default:literal, $change:ident, $support:expr; )+
    ) => {
        $(#[$outer])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $Struct {
            $( $(#[$fixed_meta])* pub $fixed: $Fixed, )*
            $( $(#[doc = $meaning])+ pub $name: $Type, )+
        }

        impl Default for $Struct {
            fn default() -> Self {
                Self {
                    $( $fixed: Default::default(), )*
                    $( $name: $crate::config::table::read_default(&$crate::config::kinds::$KIND, $default), )+
                }
            }
        }

        impl $Struct {
            /// Every setting of the section, in the order in which it is shown.
            pub const KEYS: &'static [$crate::config::table::Key<$Struct>] = &[ $(
                $crate::config::table::Key {
                    name: stringify!($name),
                    default: $default,
                    change: $crate::config::table::Change::$change,
                    support: $support,
                    meaning: concat!($($meaning),+),
                    read: |values, text| {
                        values.$name = ($crate::config::kinds::$KIND.read)(text)?;
                        Ok(())
                    },
                    show: |values| ($crate::config::kinds::$KIND.show)(&values.$name),
                    copy: |values, from| values.$name = from.$name.clone(),
                },
            )+ ];
        }
    };
}
pub(super) use settings;
