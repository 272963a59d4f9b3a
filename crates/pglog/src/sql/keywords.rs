//! PostgreSQL's key words (those of version 18) and how far each is reserved.

/// How far a key word is reserved, by PostgreSQL's appendix "SQL Key Words".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Category {
    /// May name anything.
    Unreserved,
    /// May name a column or table, not a function or type.
    ColumnName,
    /// May name a function or type, not a column.
    TypeOrFunction,
    /// Names nothing unless it is quoted (or behind a dot, or a label).
    Reserved,
}

/// The category of a lower-case word; `None` when it is no key word.
pub(super) fn category(word: &[u8]) -> Option<Category> {
    if word.len() > LONGEST {
        return None;
    }
    let mut slot = hash(word);
    loop {
        let entry = &TABLE[slot];
        if entry.word.is_empty() {
            return None;
        }
        if entry.word == word {
            return Some(entry.category);
        }
        slot = (slot + 1) % SLOTS;
    }
}

/// Whether a lower-case word is reserved.
pub(super) fn is_reserved(word: &[u8]) -> bool {
    category(word) == Some(Category::Reserved)
}

#[derive(Clone, Copy)]
struct Entry {
    word: &'static [u8],
    category: Category,
}

const SLOTS: usize = 2048;
const LONGEST: usize = 17;

static TABLE: [Entry; SLOTS] = table();

const fn hash(word: &[u8]) -> usize {
    let mut hash: u32 = 0;
    let mut at = 0;
    while at < word.len() {
        hash = (hash ^ word[at] as u32).wrapping_mul(0x9e37_79b1).rotate_left(13);
        at += 1;
    }
    (hash >> 7) as usize % SLOTS
}

const fn table() -> [Entry; SLOTS] {
    let mut table = [Entry {
        word: b"",
        category: Category::Unreserved,
    }; SLOTS];
    table = add(table, UNRESERVED, Category::Unreserved);
    table = add(table, COLUMN_NAME, Category::ColumnName);
    table = add(table, TYPE_OR_FUNCTION, Category::TypeOrFunction);
    add(table, RESERVED, Category::Reserved)
}

/// Puts each word of a list that is separated by single spaces into the first free slot from its own onwards.
const fn add(mut table: [Entry; SLOTS], words: &'static str, category: Category) -> [Entry; SLOTS] {
    let mut rest = words.as_bytes();
    while !rest.is_empty() {
        let mut length = 0;
        while length < rest.len() && rest[length] != b' ' {
            length += 1;
        }
        let (word, tail) = rest.split_at(length);
        assert!(word.len() <= LONGEST);
        let mut slot = hash(word);
        while !table[slot].word.is_empty() {
            slot = (slot + 1) % SLOTS;
        }
        table[slot] = Entry { word, category };
        rest = if tail.is_empty() { tail } else { tail.split_at(1).1 };
    }
    table
}

const UNRESERVED: &str = "\
    abort absent absolute access action add admin after aggregate also alter always asensitive assertion \
    assignment at atomic attach attribute backward before begin breadth by cache call called cascade \
    cascaded catalog chain characteristics checkpoint class close cluster columns comment comments \
    commit committed compression conditional configuration conflict connection constraints content \
    continue conversion copy cost csv cube current cursor cycle data database day deallocate declare \
    defaults deferred definer delete delimiter delimiters depends depth detach dictionary disable \
    discard document domain double drop each empty enable encoding encrypted enforced enum error escape \
    event exclude excluding exclusive execute explain expression extension external family filter \
    finalize first following force format forward function functions generated global granted groups \
    handler header hold hour identity if immediate immutable implicit import include including increment \
    indent index indexes inherit inherits inline input insensitive insert instead invoker isolation keep \
    key keys label language large last leakproof level listen load local location lock locked logged \
    mapping match matched materialized maxvalue merge method minute minvalue mode month move name names \
    nested new next nfc nfd nfkc nfkd no normalized nothing notify nowait nulls object objects of off \
    oids old omit operator option options ordinality others over overriding owned owner parallel \
    parameter parser partial partition passing password path period plan plans policy preceding prepare \
    prepared preserve prior privileges procedural procedure procedures program publication quote quotes \
    range read reassign recursive ref referencing refresh reindex relative release rename repeatable \
    replace replica reset restart restrict return returns revoke role rollback rollup routine routines \
    rows rule savepoint scalar schema schemas scroll search second security sequence sequences \
    serializable server session set sets share show simple skip snapshot source sql stable standalone \
    start statement statistics stdin stdout storage stored strict string strip subscription support \
    sysid system tables tablespace target temp template temporary text ties transaction transform \
    trigger truncate trusted type types uescape unbounded uncommitted unconditional unencrypted unknown \
    unlisten unlogged until update vacuum valid validate validator value varying version view views \
    virtual volatile whitespace within without work wrapper write xml year yes zone";

const COLUMN_NAME: &str = "\
    between bigint bit boolean char character coalesce dec decimal exists extract float greatest \
    grouping inout int integer interval json json_array json_arrayagg json_exists json_object \
    json_objectagg json_query json_scalar json_serialize json_table json_value least merge_action \
    national nchar none normalize nullif numeric out overlay position precision real row setof smallint \
    substring time timestamp treat trim values varchar xmlattributes xmlconcat xmlelement xmlexists \
    xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable";

const TYPE_OR_FUNCTION: &str = "\
    authorization binary collation concurrently cross current_schema freeze full ilike inner is isnull \
    join left like natural notnull outer overlaps right similar tablesample verbose";

const RESERVED: &str = "\
    all analyse analyze and any array as asc asymmetric both case cast check collate column constraint \
    create current_catalog current_date current_role current_time current_timestamp current_user default \
    deferrable desc distinct do else end except false fetch for foreign from grant group having in \
    initially intersect into lateral leading limit localtime localtimestamp not null offset on only or \
    order placing primary references returning select session_user some symmetric system_user table then \
    to trailing true union unique user using variadic when where window with";

#[cfg(test)]
mod tests {
    use super::*;

    /// Given the lists, when each word is looked up, then it has its list's category, and others have none.
    #[test]
    fn every_key_word_is_found() {
        let lists = [
            (UNRESERVED, Category::Unreserved),
            (COLUMN_NAME, Category::ColumnName),
            (TYPE_OR_FUNCTION, Category::TypeOrFunction),
            (RESERVED, Category::Reserved),
        ];
        for (words, expected) in lists {
            for word in words.split(' ') {
                assert_eq!(category(word.as_bytes()), Some(expected), "{word}");
            }
        }
        for word in [
            "",
            "selec",
            "selects",
            "answer",
            "SELECT",
            "a_word_longer_than_any_key_word",
        ] {
            assert_eq!(category(word.as_bytes()), None, "{word}");
        }
    }
}
