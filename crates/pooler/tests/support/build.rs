//! A client's messages, as bytes. Protocol: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.

/// A message of a kind: its length is counted here.
pub fn raw(kind: u8, body: &[u8]) -> Vec<u8> {
    lying(kind, u32::try_from(body.len() + 4).unwrap(), body)
}

/// A message whose length field says `length`, whatever its body is.
pub fn lying(kind: u8, length: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend(length.to_be_bytes());
    bytes.extend(body);
    bytes
}

/// A packet without a kind, as those before the login are.
pub fn untyped(body: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(body.len() + 4).unwrap().to_be_bytes().to_vec();
    bytes.extend(body);
    bytes
}

/// A start-up message of a protocol version, such as (3, 0).
pub fn startup_version(version: (u16, u16), parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = version.0.to_be_bytes().to_vec();
    body.extend(version.1.to_be_bytes());
    for (name, value) in parameters {
        body.extend(text(name));
        body.extend(text(value));
    }
    body.push(0);
    untyped(&body)
}

pub fn startup(parameters: &[(&str, &str)]) -> Vec<u8> {
    startup_version((3, 0), parameters)
}

/// A request to cancel; the secret has four bytes, or more in protocol 3.2.
pub fn cancel(process: u32, secret: &[u8]) -> Vec<u8> {
    let mut body = 80_877_102_u32.to_be_bytes().to_vec();
    body.extend(process.to_be_bytes());
    body.extend(secret);
    untyped(&body)
}

pub fn ssl_request() -> Vec<u8> {
    untyped(&80_877_103_u32.to_be_bytes())
}

pub fn gssenc_request() -> Vec<u8> {
    untyped(&80_877_104_u32.to_be_bytes())
}

pub fn query(sql: &str) -> Vec<u8> {
    raw(b'Q', &text(sql))
}

pub fn parse(name: &str, sql: &str, types: &[u32]) -> Vec<u8> {
    let mut body = text(name);
    body.extend(text(sql));
    body.extend(count(types.len()));
    body.extend(types.iter().flat_map(|oid| oid.to_be_bytes()));
    raw(b'P', &body)
}

/// A Bind with parameters in text format, and results in text format.
pub fn bind(portal: &str, statement: &str, parameters: &[Option<&str>]) -> Vec<u8> {
    bind_formats(portal, statement, &[], parameters, &[])
}

/// A Bind that says everything.
pub fn bind_formats(
    portal: &str,
    statement: &str,
    formats: &[u16],
    parameters: &[Option<&str>],
    results: &[u16],
) -> Vec<u8> {
    let mut body = text(portal);
    body.extend(text(statement));
    body.extend(count(formats.len()));
    body.extend(formats.iter().flat_map(|format| format.to_be_bytes()));
    body.extend(count(parameters.len()));
    for parameter in parameters {
        match parameter {
            Some(value) => {
                body.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
                body.extend(value.as_bytes());
            }
            None => body.extend((-1_i32).to_be_bytes()),
        }
    }
    body.extend(count(results.len()));
    body.extend(results.iter().flat_map(|format| format.to_be_bytes()));
    raw(b'B', &body)
}

pub fn describe_statement(name: &str) -> Vec<u8> {
    named(b'D', b'S', name)
}

pub fn describe_portal(name: &str) -> Vec<u8> {
    named(b'D', b'P', name)
}

pub fn close_statement(name: &str) -> Vec<u8> {
    named(b'C', b'S', name)
}

pub fn close_portal(name: &str) -> Vec<u8> {
    named(b'C', b'P', name)
}

/// An Execute; 0 rows are all rows.
pub fn execute(portal: &str, rows: u32) -> Vec<u8> {
    let mut body = text(portal);
    body.extend(rows.to_be_bytes());
    raw(b'E', &body)
}

pub fn sync() -> Vec<u8> {
    raw(b'S', &[])
}

pub fn flush() -> Vec<u8> {
    raw(b'H', &[])
}

pub fn terminate() -> Vec<u8> {
    raw(b'X', &[])
}

pub fn copy_data(data: &[u8]) -> Vec<u8> {
    raw(b'd', data)
}

pub fn copy_done() -> Vec<u8> {
    raw(b'c', &[])
}

pub fn copy_fail(reason: &str) -> Vec<u8> {
    raw(b'f', &text(reason))
}

/// A call of a function by its OID, arguments and result in text format.
pub fn function_call(oid: u32, arguments: &[&str]) -> Vec<u8> {
    let mut body = oid.to_be_bytes().to_vec();
    body.extend(count(0));
    body.extend(count(arguments.len()));
    for argument in arguments {
        body.extend(u32::try_from(argument.len()).unwrap().to_be_bytes());
        body.extend(argument.as_bytes());
    }
    body.extend(count(0));
    raw(b'F', &body)
}

/// The unnamed statement with parameters in text format, described, executed, and synchronised.
pub fn extended(sql: &str, parameters: &[Option<&str>]) -> Vec<u8> {
    [
        parse("", sql, &[]),
        bind("", "", parameters),
        describe_portal(""),
        execute("", 0),
        sync(),
    ]
    .concat()
}

/// A named statement, prepared before, bound and executed, and synchronised.
pub fn execute_prepared(name: &str, parameters: &[Option<&str>]) -> Vec<u8> {
    [bind("", name, parameters), execute("", 0), sync()].concat()
}

fn named(kind: u8, what: u8, name: &str) -> Vec<u8> {
    let mut body = vec![what];
    body.extend(text(name));
    raw(kind, &body)
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

fn count(n: usize) -> [u8; 2] {
    u16::try_from(n).unwrap().to_be_bytes()
}
