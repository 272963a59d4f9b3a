//! Applications as browsers see them.

use canvass_rehearse::har::{Har, PostBody};

use super::browser::Browser;

/// What differs from person to person. Random by its looks, made of a seed.
pub struct Person {
    pub user: String,
    pub password: String,
    seed: u64,
}

impl Person {
    pub fn new(seed: u64) -> Self {
        let mut person = Self {
            user: String::new(),
            password: String::new(),
            seed,
        };
        person.user = format!("visitor-{}", person.token("user", 8));
        person.password = person.token("password", 14);
        person
    }

    /// A random text of letters and digits, the same for the same purpose.
    pub fn token(&self, purpose: &str, length: usize) -> String {
        let mut dice = fastrand::Rng::with_seed(self.seed ^ xxhash(purpose));
        std::iter::repeat_with(|| dice.alphanumeric())
            .take(length)
            .collect()
    }

    /// Random hexadecimal digits.
    pub fn hex(&self, purpose: &str, length: usize) -> String {
        let mut dice = fastrand::Rng::with_seed(self.seed ^ xxhash(purpose));
        std::iter::repeat_with(|| format!("{:x}", dice.u8(..16)))
            .take(length)
            .collect()
    }

    /// A UUID.
    pub fn uuid(&self, purpose: &str) -> String {
        let h = self.hex(purpose, 32);
        format!(
            "{}-{}-4{}-a{}-{}",
            &h[..8],
            &h[8..12],
            &h[13..16],
            &h[17..20],
            &h[20..]
        )
    }

    /// Everything above that must not be told.
    pub fn secrets(&self) -> Vec<String> {
        let tokens = [
            ("login", 64),
            ("one", 64),
            ("two", 64),
            ("cookie", 32),
            ("session", 32),
            ("thought", 12),
            ("head", 20),
            ("body", 60),
            ("upload", 43),
            ("photo", 300),
        ];
        let mut secrets: Vec<_> = tokens
            .iter()
            .map(|(purpose, length)| self.token(purpose, *length))
            .collect();
        secrets.extend([self.user.clone(), self.password.clone()]);
        secrets.extend([
            self.hex("nonce", 24),
            self.hex("etag", 20),
            self.uuid("task"),
            self.uuid("client"),
        ]);
        secrets
    }

    /// A number.
    pub fn number(&self, purpose: &str) -> u32 {
        fastrand::Rng::with_seed(self.seed ^ xxhash(purpose)).u32(1_000..9_000)
    }
}

fn xxhash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, b| {
        (hash ^ u64::from(b)).wrapping_mul(0x100_0000_01b3)
    })
}

/// Django as it is: a masked token in every form, a session, a redirect after each POST; two pages of questions.
pub fn django(person: &Person) -> Har {
    let token = |purpose: &str| person.token(purpose, 64);
    let field =
        |token: &str| format!("<input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\"{token}\">");
    let (login, one, two) = (token("login"), token("one"), token("two"));
    let answer = person.number("answer");
    let mut b = Browser::new();
    b.get("/survey/").redirects("/login/?next=/survey/");
    b.header(
        "set-cookie",
        &format!("csrftoken={}; Path=/", person.token("cookie", 32)),
    );
    b.page(
        "Sign in | Survey",
        &format!(
            "<form method=\"post\">{}<input name=\"username\"><input type=\"password\" name=\"password\">\
             <input type=\"hidden\" name=\"next\" value=\"/survey/\"></form>",
            field(&login)
        ),
    );
    b.get("/static/app.css").replies("text/css", "body{}");
    b.get("https://fonts.example/font.woff2")
        .replies("font/woff2", "");
    b.pause(4_200);
    b.form(
        "/login/?next=/survey/",
        &[
            ("csrfmiddlewaretoken", &login),
            ("username", &person.user),
            ("password", &person.password),
            ("next", "/survey/"),
        ],
    );
    b.header(
        "set-cookie",
        &format!("sessionid={}; Path=/; HttpOnly", person.token("session", 32)),
    );
    b.redirects(&format!("/answers/{answer}/1/"));
    b.page(
        "Page 1 | Survey",
        &format!(
            "<p>Hello {}</p><form method=\"post\" action=\"/answers/{answer}/1/\">{}\
             <input type=\"radio\" name=\"q1\" value=\"1\"><input type=\"radio\" name=\"q1\" value=\"2\">\
             <textarea name=\"why\"></textarea><button name=\"go\" value=\"next\">Next</button></form>",
            person.user,
            field(&one)
        ),
    );
    b.pause(8_000);
    let why = format!("Because I think so, {}", person.token("thought", 12));
    b.form(
        &format!("/answers/{answer}/1/"),
        &[
            ("csrfmiddlewaretoken", &one),
            ("q1", "2"),
            ("why", &why),
            ("go", "next"),
        ],
    );
    b.redirects(&format!("/answers/{answer}/2/"));
    b.page(
        "Page 2 | Survey",
        &format!(
            "<form method=\"post\">{}<select name=\"q2\"><option value=\"ch\">CH<option value=\"de\">DE</select></form>",
            field(&two)
        ),
    );
    b.pause(200_000);
    b.form(
        &format!("/answers/{answer}/2/"),
        &[("csrfmiddlewaretoken", &two), ("q2", "ch")],
    );
    b.redirects("/done/")
        .page("Thank you | Survey", "<p>Thank you.</p>");
    b.har()
}

/// A JSON API: a bearer token, ids in paths, UUIDs made by the browser, a time.
pub fn api(person: &Person) -> Har {
    let (project, task) = (person.number("project"), person.uuid("task"));
    let bearer = format!("Bearer {}.{}", person.token("head", 20), person.token("body", 60));
    let auth = [("Authorization", bearer.as_str()), ("Accept", "application/json")];
    let client = person.uuid("client");
    let mut b = Browser::new();
    b.get("/").page(
        "Tasks",
        "<div id=\"root\"></div><script src=\"/app.js\"></script>",
    );
    b.get("/app.js")
        .replies("text/javascript", "const key=\"pk7Live0Key9For3All2Clients\"");
    b.pause(3_000);
    b.call(
        "POST",
        "/api/session",
        &[("X-Api-Key", "pk7Live0Key9For3All2Clients")],
        &format!(
            "{{\"email\":\"{}@people.example\",\"password\":\"{}\"}}",
            person.user, person.password
        ),
    );
    b.json(&format!(
        "{{\"user\":{{\"id\":{}}},\"access_token\":\"{}\"}}",
        person.number("me"),
        &bearer[7..]
    ));
    b.call("GET", "/api/projects", &auth, "").json(&format!(
        "{{\"items\":[{{\"id\":{project},\"name\":\"Garden\"}}],\"total\":1}}"
    ));
    b.pause(2_500);
    let stamp = b.millis();
    b.call(
        "POST",
        &format!("/api/projects/{project}/tasks"),
        &auth,
        &format!("{{ \"title\": \"Water the roses\", \"done\": false, \"client_id\": \"{client}\", \"at\": {stamp} }}"),
    );
    b.status(201)
        .header("etag", &format!("\"{}\"", person.hex("etag", 20)));
    b.json(&format!("{{\"id\":\"{task}\",\"client_id\":\"{client}\"}}"));
    b.pause(1_200);
    let etag = format!("\"{}\"", person.hex("etag", 20));
    let mut with_tag = auth.to_vec();
    with_tag.push(("If-Match", &etag));
    b.call(
        "PATCH",
        &format!("/api/tasks/{task}?client_id={client}"),
        &with_tag,
        "{\"done\":true}",
    );
    b.json("{\"done\":true}");
    b.har()
}

/// A form with a file: a token in a meta element, parts as a browser sends them.
pub fn upload(person: &Person) -> Har {
    let token = person.token("upload", 43);
    let mut b = Browser::new();
    b.get("/photos/new").page(
        "New photo",
        &format!(
            "<form action=\"/photos\" method=\"post\" enctype=\"multipart/form-data\"><input type=\"hidden\" \
             name=\"authenticity_token\" value=\"{token}==\"><input name=\"title\"><input type=\"file\" name=\"photo\">\
             <input type=\"checkbox\" name=\"public\" value=\"1\"></form>"
        ),
    );
    b.pause(5_000);
    let parts = [
        ("authenticity_token", None, format!("{token}==")),
        ("title", None, "Roses".to_owned()),
        ("photo", Some("roses.txt"), person.token("photo", 300)),
        ("public", None, "1".to_owned()),
    ];
    let mut body = String::new();
    for (name, file, value) in parts {
        body.push_str(&format!(
            "--frontier\r\nContent-Disposition: form-data; name=\"{name}\""
        ));
        if let Some(file) = file {
            body.push_str(&format!("; filename=\"{file}\"\r\nContent-Type: text/plain"));
        }
        body.push_str(&format!("\r\n\r\n{value}\r\n"));
    }
    body.push_str("--frontier--\r\n");
    let body = PostBody::new("multipart/form-data; boundary=frontier", body.into_bytes());
    b.send("POST", "/photos", &[], Some(body));
    b.redirects(&format!("/photos/{}", person.number("photo")));
    b.page("Roses", "<a href=\"edit\">Edit</a>");
    b.pause(1_500);
    b.get(&format!("/photos/{}/edit", person.number("photo")))
        .page("Edit photo", "");
    b.har()
}

/// A page whose script sends a cookie back as a header, and a token of its own text.
pub fn single_page(person: &Person) -> Har {
    let (cookie, nonce) = (person.token("cookie", 32), person.hex("nonce", 24));
    let csrf = [
        ("X-CSRFToken", cookie.as_str()),
        ("X-Requested-With", "XMLHttpRequest"),
    ];
    let mut b = Browser::new();
    b.get("/app")
        .header("set-cookie", &format!("csrftoken={cookie}; Path=/"));
    b.page(
        "Board",
        &format!("<script>window.settings = {{nonce: '{nonce}', theme: 'dark'}};</script><main data-board=\"b{nonce}\"></main>"),
    );
    b.call("GET", "/api/me", &csrf, "").json("{\"theme\":\"dark\"}");
    b.pause(1_400);
    b.call(
        "POST",
        "/api/notes",
        &csrf,
        &format!("{{\"note\":\"Buy milk and bread\",\"nonce\":\"{nonce}\"}}"),
    );
    b.status(201).json("{\"ok\":true}");
    b.har()
}
