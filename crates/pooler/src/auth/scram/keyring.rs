//! The process's own secret, and the derived keys it keeps so that the slow part of SCRAM is done once.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OnceCell, Semaphore};

use super::{Key, Keys, Verifier, hmac};
use crate::auth::secret::Password;

/// The greatest number of iterations that is worked through, some tenths of a second of one core. PostgreSQL's default is
/// 4096; a server that asks for more than this wants to keep the pooler busy.
pub const MAX_ITERATIONS: u32 = 1_000_000;

/// Derived keys that are kept, in each of two generations: about 200 bytes each.
const KEPT: usize = 1024;

/// Derivations at the same time, over all threads. More would take the cores from the connections that are served.
const AT_ONCE: usize = 2;

/// The length of a salt, as PostgreSQL makes them (`SCRAM_DEFAULT_SALT_LEN`).
pub(crate) const SALT_LENGTH: usize = 16;

/// What all logins of a process share: a secret of its own and the keys derived so far. Put it in an `Arc`.
///
/// From the secret come the salts that are shown for users without a SCRAM verifier, among them those who do not
/// exist: the same user is always shown the same salt, as if one were stored. Passwords are not kept: a derivation is
/// found again by an HMAC of what went into it.
pub struct Keyring {
    secret: Key,
    users: Mutex<Kept>,
    nobodies: Mutex<Kept>,
    working: Arc<Semaphore>,
}

/// Why keys could not be derived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeriveError {
    /// More than [`MAX_ITERATIONS`].
    #[error("{0} SCRAM iterations are more than the {MAX_ITERATIONS} that are worked through")]
    TooManyIterations(u32),
    /// The runtime is ending.
    #[error("the process is ending")]
    Ending,
}

impl Keyring {
    /// A keyring with a secret from the operating system.
    ///
    /// # Errors
    /// When the operating system has no random bytes.
    pub fn new() -> io::Result<Self> {
        let mut secret = Key::default();
        getrandom::fill(&mut secret).map_err(io::Error::other)?;
        Ok(Self::with_secret(secret))
    }

    /// A keyring with a given secret: processes that serve the same clients and have the same secret show the same
    /// salts.
    pub fn with_secret(secret: Key) -> Self {
        Self {
            secret,
            users: Mutex::default(),
            nobodies: Mutex::default(),
            working: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// The secret, for handing it to a process that takes over.
    pub fn secret(&self) -> Key {
        self.secret
    }

    /// The salt that is shown for a user without a verifier of his own.
    pub(crate) fn salt(&self, user: &str) -> [u8; SALT_LENGTH] {
        let mut salt = [0; SALT_LENGTH];
        salt.copy_from_slice(&hmac(&self.secret, &[b"salt", user.as_bytes()])[..SALT_LENGTH]);
        salt
    }

    /// A verifier that no password fits, always the same for one user.
    pub(crate) fn unfitting(&self, user: &str, iterations: u32) -> Verifier {
        Verifier {
            iterations,
            salt: self.salt(user).into(),
            stored_key: hmac(&self.secret, &[b"stored", user.as_bytes()]),
            server_key: hmac(&self.secret, &[b"server", user.as_bytes()]),
        }
    }

    /// The keys of a password, from the cache or derived on a blocking thread; one derivation for all who ask at the
    /// same time.
    pub(crate) async fn derive(
        &self,
        password: &Password,
        salt: &[u8],
        iterations: u32,
    ) -> Result<Arc<Keys>, DeriveError> {
        let cell = locked(&self.users).cell(self.name(password, salt, iterations));
        let derived = cell.get_or_try_init(|| self.work(password, salt, iterations));
        derived.await.cloned()
    }

    /// As slow as [`Keyring::derive`] is for a user with a clear-text password, for one who does not exist. Kept apart,
    /// so that made-up names cannot push out the keys of real users.
    pub(crate) async fn pretend(&self, user: &str, iterations: u32) -> Result<(), DeriveError> {
        let password = Password::new(hmac(&self.secret, &[b"password", user.as_bytes()]));
        let salt = self.salt(user);
        let cell = locked(&self.nobodies).cell(self.name(&password, &salt, iterations));
        let derived = cell.get_or_try_init(|| self.work(&password, &salt, iterations));
        derived.await.map(drop)
    }

    /// True when a password is the one of a verifier. Only a right one is kept: guesses must not fill the cache.
    pub(crate) async fn fits(&self, password: &Password, verifier: &Verifier) -> Result<bool, DeriveError> {
        let name = self.name(password, &verifier.salt, verifier.iterations);
        if let Some(keys) = locked(&self.users).get(&name) {
            return Ok(super::same_bytes(&keys.stored_key, &verifier.stored_key));
        }
        let keys = self.work(password, &verifier.salt, verifier.iterations).await?;
        let fits = super::same_bytes(&keys.stored_key, &verifier.stored_key);
        if fits {
            // somebody else may have been faster, with the same result
            let _ = locked(&self.users).cell(name).set(keys);
        }
        Ok(fits)
    }

    async fn work(
        &self,
        password: &Password,
        salt: &[u8],
        iterations: u32,
    ) -> Result<Arc<Keys>, DeriveError> {
        if iterations > MAX_ITERATIONS {
            return Err(DeriveError::TooManyIterations(iterations));
        }
        let turn = self
            .working
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| DeriveError::Ending)?;
        let (password, salt) = (password.clone(), salt.to_vec());
        let working = tokio::task::spawn_blocking(move || {
            // held until the work is done, even when nobody waits for it any more
            let _turn = turn;
            Keys::derive(password.bytes(), &salt, iterations)
        });
        working.await.map(Arc::new).map_err(|_| DeriveError::Ending)
    }

    fn name(&self, password: &Password, salt: &[u8], iterations: u32) -> Key {
        let lengths = [password.bytes().len(), salt.len()].map(|length| (length as u64).to_be_bytes());
        let parts: [&[u8]; 6] = [
            b"derived",
            &lengths.concat(),
            password.bytes(),
            salt,
            &iterations.to_be_bytes(),
            b"",
        ];
        hmac(&self.secret, &parts)
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring(..)")
    }
}

fn locked(kept: &Mutex<Kept>) -> std::sync::MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

type Cell = Arc<OnceCell<Arc<Keys>>>;

/// A cache of two generations: what was not asked for while the newer one filled up is forgotten.
#[derive(Default)]
struct Kept {
    newer: HashMap<Key, Cell>,
    older: HashMap<Key, Cell>,
}

impl Kept {
    fn cell(&mut self, name: Key) -> Cell {
        if let Some(cell) = self.newer.get(&name) {
            return cell.clone();
        }
        if self.newer.len() >= KEPT {
            self.older = std::mem::take(&mut self.newer);
        }
        let cell = self.older.remove(&name).unwrap_or_default();
        self.newer.insert(name, cell.clone());
        cell
    }

    fn get(&mut self, name: &Key) -> Option<Arc<Keys>> {
        if !self.newer.contains_key(name) && !self.older.contains_key(name) {
            return None;
        }
        self.cell(*name).get().cloned()
    }
}

#[cfg(test)]
mod tests {
    use canvass_testkit::block_on;

    use super::*;

    fn keyring() -> Keyring {
        Keyring::with_secret([7; 32])
    }

    #[test]
    fn a_user_is_always_shown_the_same_salt_and_others_another() {
        let keyring = keyring();
        assert_eq!(keyring.salt("ann"), keyring.salt("ann"));
        assert_ne!(keyring.salt("ann"), keyring.salt("bob"));
        assert_eq!(keyring.unfitting("ann", 4096), keyring.unfitting("ann", 4096));
        // and in another process another one
        let other = Keyring::new().unwrap();
        assert_ne!(other.salt("ann"), keyring.salt("ann"));
        assert_eq!(
            Keyring::with_secret(other.secret()).salt("ann"),
            other.salt("ann")
        );
    }

    #[test]
    fn keys_are_derived_once_for_all_who_ask_together() {
        block_on(async {
            // given many who ask for the same keys at the same time, and one who asks for others
            let keyring = keyring();
            let password = Password::new(*b"pencil");
            let same = keyring.derive(&password, b"salt", 10);
            let again = keyring.derive(&password, b"salt", 10);
            let other = keyring.derive(&password, b"pepper", 10);

            let (same, again, other) = tokio::join!(same, again, other);

            // then those share one derivation, not only its value
            assert!(Arc::ptr_eq(same.as_ref().unwrap(), again.as_ref().unwrap()));
            assert!(other.unwrap() != same.clone().unwrap());
            // and what is kept is right
            assert!(*same.unwrap() == Keys::derive(b"pencil", b"salt", 10));
        });
    }

    #[test]
    fn boundaries_between_password_and_salt_count() {
        let keyring = keyring();
        let name = |password: &[u8], salt: &[u8]| keyring.name(&Password::new(password), salt, 1);
        assert_ne!(name(b"ab", b"c"), name(b"a", b"bc"));
    }

    #[test]
    fn a_right_password_is_kept_and_a_guess_is_not() {
        block_on(async {
            let keyring = keyring();
            let verifier = Verifier::of_keys(&Keys::derive(b"pencil", b"salt", 5), b"salt", 5);

            assert_eq!(keyring.fits(&Password::new(*b"pen"), &verifier).await, Ok(false));
            assert_eq!(locked(&keyring.users).newer.len(), 0);
            assert_eq!(
                keyring.fits(&Password::new(*b"pencil"), &verifier).await,
                Ok(true)
            );
            assert_eq!(locked(&keyring.users).newer.len(), 1);
            assert_eq!(
                keyring.fits(&Password::new(*b"pencil"), &verifier).await,
                Ok(true)
            );
        });
    }

    #[test]
    fn the_cache_is_bounded_and_forgets_what_is_not_asked_for() {
        // given a cache that is filled four times over, with one entry asked for again and again
        let mut kept = Kept::default();
        let name = |i: usize| hmac(&i.to_be_bytes(), &[]);
        let favourite = kept.cell(name(0));
        for i in 1..4 * KEPT {
            kept.cell(name(i));
            if i % (KEPT / 2) == 0 {
                kept.cell(name(0));
            }
        }

        // then it is bounded, still has the favourite, and has lost the first others
        assert!(kept.newer.len() + kept.older.len() <= 2 * KEPT);
        assert!(Arc::ptr_eq(&kept.cell(name(0)), &favourite));
        assert!(!kept.newer.contains_key(&name(1)) && !kept.older.contains_key(&name(1)));
    }

    #[test]
    fn endless_iterations_are_refused_without_working_through_them() {
        block_on(async {
            let asked = keyring().derive(&Password::new(*b"x"), b"salt", u32::MAX).await;
            assert_eq!(asked.err(), Some(DeriveError::TooManyIterations(u32::MAX)));
        });
    }
}
