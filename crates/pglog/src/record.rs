//! One log record, whatever format it came in.

use std::borrow::Cow;

/// What PostgreSQL wrote in one go: a message and what belongs to it. Texts are bytes as they stand in the log (no
/// encoding is promised), without quoting and without the tabs that stderr puts before continued lines' text.
/// A field that is empty or that the log does not have is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record<'a> {
    /// When it was logged, in µs since 1970-01-01 UTC.
    pub at: Option<i64>,
    /// The process (`%p`).
    pub pid: Option<u32>,
    /// The session (`%c`).
    pub session: Option<Cow<'a, [u8]>>,
    /// Number of the line within the session (`%l`).
    pub line: Option<u64>,
    /// `%u`.
    pub user: Option<Cow<'a, [u8]>>,
    /// `%d`.
    pub database: Option<Cow<'a, [u8]>>,
    /// `%a`.
    pub application: Option<Cow<'a, [u8]>>,
    /// `%h`, without the port.
    pub host: Option<Cow<'a, [u8]>>,
    /// `%b`.
    pub backend: Option<Cow<'a, [u8]>>,
    /// `%e`.
    pub sqlstate: Option<[u8; 5]>,
    /// `%Q`.
    pub query_id: Option<i64>,
    /// How serious.
    pub severity: Severity,
    /// The message itself.
    pub message: Cow<'a, [u8]>,
    /// `DETAIL:`.
    pub detail: Option<Cow<'a, [u8]>>,
    /// `HINT:`.
    pub hint: Option<Cow<'a, [u8]>>,
    /// `CONTEXT:`.
    pub context: Option<Cow<'a, [u8]>>,
    /// `STATEMENT:`.
    pub statement: Option<Cow<'a, [u8]>>,
    /// `QUERY:`, a query of PostgreSQL's own or a function's.
    pub internal_query: Option<Cow<'a, [u8]>>,
}

/// `Option<Cow>` that is `None` when empty.
pub(crate) fn some(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    (!text.is_empty()).then_some(Cow::Borrowed(text))
}

/// How serious a record is (PostgreSQL's documentation, table "Message Severity Levels").
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Severity {
    /// `DEBUG`, `DEBUG1` to `DEBUG5`.
    Debug,
    /// `INFO`.
    Info,
    /// `NOTICE`.
    Notice,
    /// `LOG`: what administrators want to know.
    #[default]
    Log,
    /// `WARNING`.
    Warning,
    /// `ERROR`: the statement failed.
    Error,
    /// `FATAL`: the session ended.
    Fatal,
    /// `PANIC`: all sessions ended.
    Panic,
}

impl Severity {
    /// PostgreSQL's word, in English.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Notice => "NOTICE",
            Self::Log => "LOG",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Panic => "PANIC",
        }
    }

    /// From PostgreSQL's word, in English.
    pub fn of(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"LOG" => Self::Log,
            b"ERROR" => Self::Error,
            b"WARNING" => Self::Warning,
            b"FATAL" => Self::Fatal,
            b"PANIC" => Self::Panic,
            b"NOTICE" => Self::Notice,
            b"INFO" => Self::Info,
            b"DEBUG" | b"DEBUG1" | b"DEBUG2" | b"DEBUG3" | b"DEBUG4" | b"DEBUG5" => Self::Debug,
            _ => return None,
        })
    }
}

/// Which part of a record a line of a stderr or syslog log begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A record of its own.
    Message(Severity),
    /// `DETAIL:` of the one before.
    Detail,
    /// `HINT:`.
    Hint,
    /// `CONTEXT:`.
    Context,
    /// `STATEMENT:`.
    Statement,
    /// `QUERY:`.
    Query,
    /// `LOCATION:`, or `BACKTRACE:`.
    Location,
}

impl Part {
    /// From the word before the colon. Words of other languages are known too (`lc_messages`): what they mean is told apart,
    /// and [`is_english`] says which they are.
    pub fn of(word: &[u8]) -> Option<Self> {
        if let Some(severity) = Severity::of(word) {
            return Some(Self::Message(severity));
        }
        Some(match word {
            b"DETAIL" => Self::Detail,
            b"HINT" => Self::Hint,
            b"CONTEXT" => Self::Context,
            b"STATEMENT" => Self::Statement,
            b"QUERY" => Self::Query,
            b"LOCATION" | b"BACKTRACE" => Self::Location,
            _ => return foreign(word),
        })
    }
}

/// Whether a severity's word is PostgreSQL's own, and not a translation.
pub fn is_english(word: &[u8]) -> bool {
    Severity::of(word).is_some() || matches!(Part::of(word), Some(part) if !matches!(part, Part::Message(_)))
}

/// The words of PostgreSQL's translations: German, French, Spanish, Portuguese, Italian, Polish, Swedish, Turkish, Russian, Ukrainian,
/// Czech, Japanese, Chinese and Korean.
fn foreign(word: &[u8]) -> Option<Part> {
    use Severity::{Error, Fatal, Log, Notice, Panic, Warning};
    let word = std::str::from_utf8(word).ok()?;
    Some(match word {
        "FEHLER" | "ERREUR" | "ERRO" | "ERRORE" | "BŁĄD" | "FEL" | "HATA" | "ОШИБКА" | "ПОМИЛКА"
        | "CHYBA" | "エラー" | "错误" | "오류" => Part::Message(Error),
        "WARNUNG"
        | "ATTENTION"
        | "ADVERTENCIA"
        | "AVISO"
        | "ATTENZIONE"
        | "OSTRZEŻENIE"
        | "VARNING"
        | "UYARI"
        | "ПРЕДУПРЕЖДЕНИЕ"
        | "ПОПЕРЕДЖЕННЯ"
        | "VAROVÁNÍ"
        | "警告"
        | "경고" => Part::Message(Warning),
        "FATALE" | "KATASTROFALNY" | "FATALT" | "ÖLÜMCÜL" | "ВАЖНО" | "ФАТАЛЬНО" | "致命的エラー"
        | "致命错误" | "치명적오류" | "FATAL ERROR" => Part::Message(Fatal),
        "PANIK"
        | "PÁNICO"
        | "PÂNICO"
        | "PANICO"
        | "PANIKA"
        | "ПАНИКА"
        | "ПАНІКА"
        | "パニック"
        | "比致命错误还过分的错误"
        | "손상" => Part::Message(Panic),
        "HINWEIS"
        | "NOTIFICACIÓN"
        | "NOTA"
        | "NOTIFICA"
        | "UWAGA"
        | "NOTIS"
        | "NOT"
        | "ЗАМЕЧАНИЕ"
        | "ПОВІДОМЛЕННЯ"
        | "POZNÁMKA"
        | "注意"
        | "알림" => Part::Message(Notice),
        "DZIENNIK" | "LOGG" | "СООБЩЕНИЕ" | "ЗАПИС" | "ログ" | "日志" | "로그" | "REGISTRO" => {
            Part::Message(Log)
        }
        "DÉTAIL"
        | "DETALLE"
        | "DETALHE"
        | "DETTAGLI"
        | "SZCZEGÓŁY"
        | "DETALJ"
        | "DETAY"
        | "ПОДРОБНОСТИ"
        | "ДЕТАЛІ"
        | "DETAILY"
        | "詳細"
        | "详细信息"
        | "상세정보" => Part::Detail,
        "TIPP" | "ASTUCE" | "SUGERENCIA" | "DICA" | "SUGGERIMENTO" | "PODPOWIEDŹ" | "TIPS" | "İPUCU"
        | "ПОДСКАЗКА" | "ПІДКАЗКА" | "DOPORUČENÍ" | "ヒント" | "提示" | "힌트" => {
            Part::Hint
        }
        "ZUSAMMENHANG" | "CONTEXTE" | "CONTEXTO" | "CONTESTO" | "KONTEKST" | "KONTEXT" | "BAĞLAM"
        | "КОНТЕКСТ" | "コンテキスト" | "上下文" | "문맥" => Part::Context,
        "ANWEISUNG"
        | "INSTRUCTION"
        | "SENTENCIA"
        | "COMANDO"
        | "ISTRUZIONE"
        | "WYRAŻENIE"
        | "SATS"
        | "İFADE"
        | "ОПЕРАТОР"
        | "ИНСТРУКЦИЯ"
        | "ОПЕРАЦІЯ"
        | "PŘÍKAZ"
        | "文"
        | "语句"
        | "명령 구문" => Part::Statement,
        "ANFRAGE" | "REQUÊTE" | "CONSULTA" | "QUERY PL" | "ZAPYTANIE" | "FRÅGA" | "SORGU" | "ЗАПРОС"
        | "ЗАПИТ" | "DOTAZ" | "クエリ" | "查询" | "쿼리" => Part::Query,
        _ => return None,
    })
}
