use std::fmt;
use std::sync::Arc;

type Show = dyn Fn(&str) + Send + Sync;

/// Where progress goes that a person may want to see: one short line each, or nowhere.
#[derive(Clone, Default)]
pub struct Notices(Option<Arc<Show>>);

impl Notices {
    /// Sends each line to `show`.
    pub fn to(show: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Notices(Some(Arc::new(show)))
    }

    /// Shows one line.
    pub fn say(&self, line: impl AsRef<str>) {
        if let Some(show) = &self.0 {
            show(line.as_ref());
        }
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Notices(shown)"
        } else {
            "Notices(silent)"
        })
    }
}
