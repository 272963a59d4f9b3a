//! Everything that Canvass itself says to a respondent, in every language it speaks. What a questionnaire says
//! is in the questionnaire.
//!
//! `{n}`, `{of}` and `{when}` are filled in by [`fill`]; `_one` is the form for one thing, its neighbour for any
//! other number. Plain words that a nine-year-old reads, and no blame.

use serde::Serialize;

/// The catalogue of one language.
#[derive(Debug)]
pub(crate) struct Strings {
    /// BCP 47 tag of these words.
    pub(crate) language: &'static str,
    pub(crate) skip_link: &'static str,
    pub(crate) error_prefix: &'static str,
    pub(crate) language_label: &'static str,
    pub(crate) status_label: &'static str,

    pub(crate) enter_title: &'static str,
    pub(crate) enter_label: &'static str,
    pub(crate) enter_hint: &'static str,
    pub(crate) enter_button: &'static str,
    pub(crate) enter_private: &'static str,
    pub(crate) code_unknown: &'static str,
    pub(crate) code_empty: &'static str,
    pub(crate) left_title: &'static str,
    pub(crate) left_text: &'static str,
    pub(crate) waiting_title: &'static str,
    pub(crate) waiting_text: &'static str,
    pub(crate) locked_title: &'static str,
    pub(crate) locked_text: &'static str,
    pub(crate) not_saved_title: &'static str,
    pub(crate) not_saved_text: &'static str,
    pub(crate) kept_title: &'static str,
    pub(crate) kept_text: &'static str,

    /// A date with its time: `{day}`, `{month}`, `{year}`, `{time}`.
    pub(crate) date: &'static str,
    pub(crate) months: [&'static str; 12],

    pub(crate) too_many_title: &'static str,
    pub(crate) too_many_text: &'static str,
    pub(crate) not_open_title: &'static str,
    pub(crate) not_open_text: &'static str,
    pub(crate) closed_title: &'static str,
    pub(crate) closed_text: &'static str,
    pub(crate) not_found_title: &'static str,
    pub(crate) not_found_text: &'static str,
    pub(crate) unavailable_title: &'static str,
    pub(crate) unavailable_text: &'static str,
    pub(crate) offline_title: &'static str,
    pub(crate) offline_text: &'static str,
    pub(crate) try_again: &'static str,
    pub(crate) to_start: &'static str,

    pub(crate) progress: &'static str,
    pub(crate) required: &'static str,
    pub(crate) optional_clear: &'static str,
    pub(crate) optional_clear_grid: &'static str,
    pub(crate) choose_any: &'static str,
    pub(crate) up_to_characters: &'static str,
    pub(crate) next: &'static str,
    pub(crate) back: &'static str,
    pub(crate) leave: &'static str,
    pub(crate) to_review: &'static str,

    pub(crate) busy_title: &'static str,
    pub(crate) busy_text: &'static str,

    pub(crate) summary_title: &'static str,
    pub(crate) error_required: &'static str,
    pub(crate) error_number: &'static str,
    pub(crate) error_range: &'static str,
    pub(crate) error_least: &'static str,
    pub(crate) error_most: &'static str,
    pub(crate) error_whole: &'static str,
    pub(crate) error_decimals: &'static str,
    pub(crate) error_long: &'static str,
    pub(crate) error_character: &'static str,
    pub(crate) error_choice: &'static str,

    pub(crate) review_title: &'static str,
    pub(crate) review_text: &'static str,
    pub(crate) review_all: &'static str,
    pub(crate) review_some: &'static str,
    pub(crate) review_none: &'static str,
    pub(crate) review_required: &'static str,
    pub(crate) review_required_one: &'static str,
    pub(crate) review_not_yet: &'static str,
    pub(crate) review_not_yet_one: &'static str,
    pub(crate) submit_text: &'static str,
    pub(crate) submit: &'static str,

    pub(crate) done_title: &'static str,
    pub(crate) done_text: &'static str,
    pub(crate) done_close: &'static str,
    pub(crate) done_next: &'static str,

    /// What the page's script says; see `static/status.js`.
    pub(crate) script: Script,
}

/// Words that only the page's script says.
#[derive(Debug, Serialize)]
pub(crate) struct Script {
    pub(crate) plain: &'static str,
    pub(crate) unsent: &'static str,
    pub(crate) unfinished: &'static str,
    pub(crate) saved: &'static str,
    pub(crate) saving: &'static str,
    pub(crate) waiting: &'static str,
    pub(crate) waiting_one: &'static str,
    pub(crate) others: &'static str,
    pub(crate) others_one: &'static str,
    pub(crate) aside: &'static str,
    pub(crate) aside_one: &'static str,
    pub(crate) nothing_kept: &'static str,
    pub(crate) not_saved: &'static str,
    pub(crate) no_connection: &'static str,
    pub(crate) loading: &'static str,
    pub(crate) finishing: &'static str,
    pub(crate) finishing_waits: &'static str,
    pub(crate) finish_refused: &'static str,
    pub(crate) locked: &'static str,
}

#[derive(Serialize)]
struct ScriptModule<'a> {
    #[serde(flatten)]
    script: &'a Script,
    error_required: &'a str,
    error_number: &'a str,
    error_range: &'a str,
    error_least: &'a str,
    error_most: &'a str,
    error_whole: &'a str,
    error_decimals: &'a str,
    error_long: &'a str,
    error_character: &'a str,
    error_choice: &'a str,
    error_prefix: &'a str,
    review_all: &'a str,
    review_some: &'a str,
    review_none: &'a str,
    review_required: &'a str,
    review_required_one: &'a str,
    review_not_yet: &'a str,
    review_not_yet_one: &'a str,
    review_title: &'a str,
    done_title: &'a str,
}

impl Strings {
    /// The catalogue for a language tag: its own, that of its main language (`es` for `es-MX`), or English.
    pub(crate) fn of(tag: &str) -> &'static Strings {
        let main = tag.split('-').next().unwrap_or(tag);
        CATALOGUE
            .iter()
            .find(|s| s.language.eq_ignore_ascii_case(main))
            .unwrap_or(&CATALOGUE[0])
    }

    /// What the page's script says, as a module of its own: `export default {…}`.
    pub(crate) fn script_module(&self) -> String {
        let said = ScriptModule {
            script: &self.script,
            error_required: self.error_required,
            error_number: self.error_number,
            error_range: self.error_range,
            error_least: self.error_least,
            error_most: self.error_most,
            error_whole: self.error_whole,
            error_decimals: self.error_decimals,
            error_long: self.error_long,
            error_character: self.error_character,
            error_choice: self.error_choice,
            error_prefix: self.error_prefix,
            review_all: self.review_all,
            review_some: self.review_some,
            review_none: self.review_none,
            review_required: self.review_required,
            review_required_one: self.review_required_one,
            review_not_yet: self.review_not_yet,
            review_not_yet_one: self.review_not_yet_one,
            review_title: self.review_title,
            done_title: self.done_title,
        };
        let json = serde_json::to_string(&said).unwrap_or_default();
        format!("export default {json};\n")
    }

    /// The languages that there is a catalogue for.
    pub(crate) fn languages() -> impl Iterator<Item = &'static str> {
        CATALOGUE.iter().map(|s| s.language)
    }
}

/// Puts `value` where `text` says `{name}`.
pub(crate) fn fill(text: &str, name: &str, value: impl std::fmt::Display) -> String {
    text.replace(&format!("{{{name}}}"), &value.to_string())
}

/// The sentence for `n` things, with the number filled in.
pub(crate) fn count(one: &str, other: &str, n: usize) -> String {
    fill(if n == 1 { one } else { other }, "n", n)
}

static CATALOGUE: [Strings; 2] = [ENGLISH, SPANISH];

const ENGLISH: Strings = Strings {
    language: "en",
    skip_link: "Skip to the questions",
    error_prefix: "Error: ",
    language_label: "Language",
    status_label: "Are my answers saved?",

    enter_title: "Start or continue your survey",
    enter_label: "Your access code",
    enter_hint: "It is on the sheet or card that you were given. Capitals, spaces and dashes do not matter.",
    enter_button: "Continue",
    enter_private: "When you come back with the same code, on this or any other device, you continue where you stopped.",
    code_unknown: "We do not know this code. Compare it with your sheet, sign by sign, and try again.",
    code_empty: "Type the code from your sheet.",
    left_title: "Your answers are saved",
    left_text: "To continue, enter the same code again, here or on another device.",
    waiting_title: "Your answers are kept on this device",
    waiting_text: "They are sent from here as soon as the connection is back. Leave this page open until then.",
    locked_title: "We closed your survey because nobody used it for a while",
    locked_text: "Your answers are safe. Enter your code again to continue.",
    not_saved_title: "That page could not be saved",
    not_saved_text: "Everything before it is saved. Please enter your code again and look at that page.",
    kept_title: "Your answers on that page are saved",
    kept_text: "But this browser has left your survey since. Enter your code again to continue.",

    date: "{month} {day}, {year}, {time}",
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],

    too_many_title: "Too many wrong codes just now",
    too_many_text: "Wait a minute, then try again. If it goes on, ask the person who gave you the code.",
    not_open_title: "This survey has not started yet",
    not_open_text: "It opens on {when}. Your code will work from then on.",
    closed_title: "This survey is closed",
    closed_text: "It closed on {when}. Thank you for your interest.",
    not_found_title: "There is no such page",
    not_found_text: "Start again with your access code. Nothing that you saved is lost.",
    unavailable_title: "The survey is very busy just now",
    unavailable_text: "Nothing that was saved is lost. Wait a moment, then try again.",
    offline_title: "You are not connected",
    offline_text: "Check the connection, then try again. Answers that are waiting on this device are sent as soon as it is back.",
    try_again: "Try again",
    to_start: "Go to the start",

    progress: "Page {n} of {of}",
    required: "Needs an answer",
    optional_clear: "Clear my answer",
    optional_clear_grid: "Clear these answers",
    choose_any: "Choose all that apply.",
    up_to_characters: "Up to {n} characters.",
    next: "Next",
    back: "Back",
    leave: "Save and leave",
    to_review: "Save and check all answers",

    busy_title: "This page is not saved yet",
    busy_text: "The survey is very busy. Your answers are still here below. Wait a moment, then press the same button again.",

    summary_title: "Please look at these answers",
    error_required: "This question needs an answer.",
    error_number: "Type a number in digits, such as 12.",
    error_range: "The number must be from {min} to {max}.",
    error_least: "The number must be {min} or more.",
    error_most: "The number must be {max} or less.",
    error_whole: "Type a whole number, without a decimal point.",
    error_decimals: "At most {n} digits after the decimal point.",
    error_long: "This text is too long. Use at most {n} characters.",
    error_character: "This text holds a sign that cannot be saved. Type it again.",
    error_choice: "Choose one of the answers shown.",

    review_title: "Check your answers",
    review_text: "You can still change every page. When you are ready, finish at the end of this page.",
    review_all: "All answered",
    review_some: "{n} of {of} answered",
    review_none: "Not answered",
    review_required: "{n} questions still need an answer",
    review_required_one: "1 question still needs an answer",
    review_not_yet: "Before you can finish, {n} pages still need an answer",
    review_not_yet_one: "Before you can finish, 1 page still needs an answer",
    submit_text: "After you finish, you cannot change your answers any more.",
    submit: "Finish the survey",

    done_title: "Thank you. You have finished the survey",
    done_text: "All your answers are saved.",
    done_close: "You can close this page.",
    done_next: "Enter another code",

    script: Script {
        plain: "Your answers are saved each time you go on",
        unsent: "What you changed here is saved when you go on",
        unfinished: "This page is not finished. Look at the messages on it",
        saved: "All answers saved",
        saving: "Saving…",
        waiting: "{n} answers waiting. Keep this page open",
        waiting_one: "1 answer waiting. Keep this page open",
        others: "{n} saved pages on this device are waiting to be sent. Keep this page open",
        others_one: "1 saved page on this device is waiting to be sent. Keep this page open",
        aside: "{n} pages from this device could not be accepted: the survey has closed or they are damaged",
        aside_one: "1 page from this device could not be accepted: the survey has closed or it is damaged",
        nothing_kept: "This browser lets us keep nothing on the device. Stay connected to answer",
        not_saved: "This page is not saved. Check the connection and try again",
        no_connection: "That needs a connection. Try again when it is back",
        loading: "One moment…",
        finishing: "Finishing…",
        finishing_waits: "Not finished yet: first your waiting answers must be sent. Keep this page open, it goes on by itself",
        finish_refused: "The survey could not be finished here. Enter your code again",
        locked: "Closed because nobody used it for a while",
    },
};

const SPANISH: Strings = Strings {
    language: "es",
    skip_link: "Ir a las preguntas",
    error_prefix: "Error: ",
    language_label: "Idioma",
    status_label: "¿Están guardadas mis respuestas?",

    enter_title: "Empieza o continúa tu encuesta",
    enter_label: "Tu código de acceso",
    enter_hint: "Está en la hoja o tarjeta que te dieron. No importan las mayúsculas, los espacios ni los guiones.",
    enter_button: "Continuar",
    enter_private: "Si vuelves con el mismo código, en este dispositivo o en otro, sigues donde lo dejaste.",
    code_unknown: "No conocemos este código. Compáralo con tu hoja, signo por signo, e inténtalo de nuevo.",
    code_empty: "Escribe el código de tu hoja.",
    left_title: "Tus respuestas están guardadas",
    left_text: "Para continuar, escribe otra vez el mismo código, aquí o en otro dispositivo.",
    waiting_title: "Tus respuestas están guardadas en este dispositivo",
    waiting_text: "Se envían desde aquí en cuanto vuelva la conexión. Hasta entonces, deja esta página abierta.",
    locked_title: "Cerramos tu encuesta porque nadie la usó durante un rato",
    locked_text: "Tus respuestas están a salvo. Escribe otra vez tu código para continuar.",
    not_saved_title: "Esa página no se pudo guardar",
    not_saved_text: "Todo lo anterior está guardado. Escribe otra vez tu código y revisa esa página.",
    kept_title: "Tus respuestas de esa página están guardadas",
    kept_text: "Pero este navegador ya salió de tu encuesta. Escribe otra vez tu código para continuar.",

    date: "{day} de {month} de {year}, {time}",
    months: [
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ],

    too_many_title: "Demasiados códigos equivocados en este momento",
    too_many_text: "Espera un minuto e inténtalo de nuevo. Si sigue así, pregunta a quien te dio el código.",
    not_open_title: "Esta encuesta todavía no ha empezado",
    not_open_text: "Se abre el {when}. Tu código funcionará desde entonces.",
    closed_title: "Esta encuesta está cerrada",
    closed_text: "Se cerró el {when}. Gracias por tu interés.",
    not_found_title: "Esta página no existe",
    not_found_text: "Empieza otra vez con tu código de acceso. No se pierde nada de lo que guardaste.",
    unavailable_title: "La encuesta tiene mucha gente en este momento",
    unavailable_text: "No se pierde nada de lo guardado. Espera un poco e inténtalo de nuevo.",
    offline_title: "No hay conexión",
    offline_text: "Revisa la conexión e inténtalo de nuevo. Las respuestas que esperan en este dispositivo se envían en cuanto vuelva.",
    try_again: "Intentar de nuevo",
    to_start: "Ir al inicio",

    progress: "Página {n} de {of}",
    required: "Necesita respuesta",
    optional_clear: "Borrar mi respuesta",
    optional_clear_grid: "Borrar estas respuestas",
    choose_any: "Elige todas las que correspondan.",
    up_to_characters: "Hasta {n} caracteres.",
    next: "Siguiente",
    back: "Atrás",
    leave: "Guardar y salir",
    to_review: "Guardar y revisar todo",

    busy_title: "Esta página todavía no está guardada",
    busy_text: "La encuesta tiene mucha gente. Tus respuestas siguen aquí abajo. Espera un poco y pulsa otra vez el mismo botón.",

    summary_title: "Revisa estas respuestas",
    error_required: "Esta pregunta necesita una respuesta.",
    error_number: "Escribe un número con cifras, como 12.",
    error_range: "El número debe estar entre {min} y {max}.",
    error_least: "El número debe ser {min} o más.",
    error_most: "El número debe ser {max} o menos.",
    error_whole: "Escribe un número entero, sin decimales.",
    error_decimals: "Como máximo {n} cifras después del punto decimal.",
    error_long: "Este texto es demasiado largo. Usa como máximo {n} caracteres.",
    error_character: "Este texto tiene un signo que no se puede guardar. Escríbelo de nuevo.",
    error_choice: "Elige una de las respuestas que se muestran.",

    review_title: "Revisa tus respuestas",
    review_text: "Todavía puedes cambiar todas las páginas. Cuando quieras, termina al final de esta página.",
    review_all: "Todo respondido",
    review_some: "{n} de {of} respondidas",
    review_none: "Sin responder",
    review_required: "{n} preguntas todavía necesitan respuesta",
    review_required_one: "1 pregunta todavía necesita respuesta",
    review_not_yet: "Antes de terminar, {n} páginas todavía necesitan respuesta",
    review_not_yet_one: "Antes de terminar, 1 página todavía necesita respuesta",
    submit_text: "Después de terminar ya no puedes cambiar tus respuestas.",
    submit: "Terminar la encuesta",

    done_title: "Gracias. Has terminado la encuesta",
    done_text: "Todas tus respuestas están guardadas.",
    done_close: "Ya puedes cerrar esta página.",
    done_next: "Escribir otro código",

    script: Script {
        plain: "Tus respuestas se guardan cada vez que avanzas",
        unsent: "Lo que cambiaste aquí se guarda cuando sigues",
        unfinished: "Esta página no está completa. Mira los mensajes que hay en ella",
        saved: "Todas las respuestas guardadas",
        saving: "Guardando…",
        waiting: "{n} respuestas en espera. No cierres esta página",
        waiting_one: "1 respuesta en espera. No cierres esta página",
        others: "{n} páginas guardadas en este dispositivo esperan a ser enviadas. No cierres esta página",
        others_one: "1 página guardada en este dispositivo espera a ser enviada. No cierres esta página",
        aside: "{n} páginas de este dispositivo no se pudieron aceptar: la encuesta se cerró o están dañadas",
        aside_one: "1 página de este dispositivo no se pudo aceptar: la encuesta se cerró o está dañada",
        nothing_kept: "Este navegador no nos deja guardar nada en el dispositivo. Mantén la conexión para responder",
        not_saved: "Esta página no está guardada. Revisa la conexión e inténtalo de nuevo",
        no_connection: "Para eso hace falta conexión. Inténtalo cuando vuelva",
        loading: "Un momento…",
        finishing: "Terminando…",
        finishing_waits: "Todavía no has terminado: primero hay que enviar las respuestas en espera. No cierres esta página, sigue sola",
        finish_refused: "No se pudo terminar la encuesta aquí. Escribe otra vez tu código",
        locked: "Cerrada porque nadie la usó durante un rato",
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_without_a_catalogue_gets_english() {
        assert_eq!(Strings::of("es-MX").language, "es");
        assert_eq!(Strings::of("ES").language, "es");
        assert_eq!(Strings::of("vi").language, "en");
    }

    #[test]
    fn numbers_choose_their_sentence() {
        assert_eq!(count("1 page", "{n} pages", 1), "1 page");
        assert_eq!(count("1 page", "{n} pages", 3), "3 pages");
    }

    #[test]
    fn every_language_fills_in_the_same_places() {
        let places = |text: &str| {
            let mut found: Vec<&str> = text
                .split('{')
                .skip(1)
                .filter_map(|t| t.split('}').next())
                .collect();
            found.sort_unstable();
            found.join(",")
        };
        // Debug prints every field on a line of its own, in the order of the struct.
        let fields = |s: &Strings| {
            let text = format!("{s:#?}");
            let fields = text.lines().filter_map(|line| line.split_once(": \""));
            fields
                .map(|(name, text)| (name.trim().to_owned(), places(text)))
                .collect::<Vec<_>>()
        };
        let (english, spanish) = (fields(&ENGLISH), fields(&SPANISH));
        assert!(english.len() > 80);
        assert_eq!(english, spanish);
    }
}
