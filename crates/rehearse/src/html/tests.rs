use proptest::prelude::*;

use super::*;

fn form(html: &str) -> Form {
    scan(html.as_bytes()).forms.into_iter().next().expect("a form")
}

fn names(fields: &[Field]) -> Vec<&str> {
    fields.iter().map(|f| f.name.as_str()).collect()
}

#[test]
fn title_metas_links_and_base_are_read() {
    let page = scan(
        "<title>\n A &amp; B\n  shop </title><base href='/app/'><base href=/no/>\
         <meta name=csrf-token content='a&quot;b'><meta property=og:title content=T><meta charset=utf-8>\
         <link href=/a.css><a href='?x=1&amp;y=2'>go</a><a>none</a><img src=/p.png><script src=/s.js></script>\
         <svg><title>drawing</title></svg>"
            .as_bytes(),
    );
    assert_eq!(page.title, "A & B shop");
    assert_eq!(page.base.as_deref(), Some("/app/"));
    let metas = [("csrf-token", "a\"b"), ("og:title", "T")].map(|(n, c)| (n.to_owned(), c.to_owned()));
    assert_eq!(page.metas, metas);
    assert_eq!(page.links, ["/a.css", "?x=1&y=2"]);
    assert_eq!(page.sources, ["/p.png", "/s.js"]);
}

#[test]
fn every_field_is_read_with_its_attributes_and_entities_decoded() {
    let form = form(
        r#"<form id=f CLASS="a b" action="/save?a=1&amp;b=2" method=PoSt enctype=multipart/form-data>
        <input type=hidden name=csrf value="&lt;&#x27;&auml;&amp;amp;">
        <input name=plain VALUE=x maxlength=7 required readonly pattern="[a-z]+">
        <input type=number name=age min=3 max=9 step=2 value=5>
        <input type=radio name=r value=1><input type=radio name=r value=2 checked>
        <input type=checkbox name=box checked disabled>
        <textarea name=t>
line &lt;one&gt;
<b>two</b></textarea>
        <button name=go value=next formaction=/other formmethod=get formenctype=text/plain>Go</button>
        <input type=submit name=back value=Back><input type=image name=pic><button type=button name=no></button>
        <input type=whatever name=w></form>"#,
    );
    assert_eq!(
        (form.attribute("id"), form.attribute("class")),
        (Some("f"), Some("a b"))
    );
    assert_eq!(form.action, "/save?a=1&b=2");
    assert_eq!((form.method, form.enctype), (Method::Post, Enctype::Multipart));
    let [
        hidden,
        plain,
        age,
        one,
        two,
        check,
        text,
        go,
        back,
        image,
        none,
        odd,
    ] = form.fields.as_slice()
    else {
        panic!("{:?}", names(&form.fields));
    };
    assert_eq!((hidden.kind, hidden.value.as_str()), (Kind::Hidden, "<'ä&amp;"));
    assert!(plain.required && plain.read_only && plain.max_length == Some(7));
    assert_eq!(plain.pattern.as_deref(), Some("[a-z]+"));
    assert_eq!(
        (age.kind, age.min.as_deref(), age.step.as_deref()),
        (Kind::Number, Some("3"), Some("2"))
    );
    assert_eq!((one.checked, two.checked), (false, true));
    assert_eq!(
        (check.value.as_str(), check.checked, check.disabled),
        ("on", true, true)
    );
    assert_eq!(text.value, "line <one>\n<b>two</b>");
    assert!(go.submits() && back.submits() && image.submits() && !none.submits());
    assert_eq!(go.form_action.as_deref(), Some("/other"));
    assert_eq!(
        (go.form_method, go.form_enctype),
        (Some(Method::Get), Some(Enctype::TextPlain))
    );
    assert_eq!(odd.kind, Kind::Text);
}

#[test]
fn options_have_values_labels_and_groups_with_or_without_end_tags() {
    let form = form(
        "<form><select name=s><option value=''>–<option>  One\n two<option value=2 selected>Two<optgroup disabled label=g>\
         <option value=3>Three</optgroup><option label=Four value=4>ignored</select><input name=after></form>",
    );
    let select = &form.fields[0];
    let read: Vec<_> = select
        .options
        .iter()
        .map(|o| (o.value.as_str(), o.label.as_str(), o.selected, o.disabled))
        .collect();
    assert_eq!(
        read,
        [
            ("", "–", false, false),
            ("One two", "One two", false, false),
            ("2", "Two", true, false),
            ("3", "Three", false, true),
            ("4", "Four", false, false),
        ]
    );
    assert_eq!(select.chosen(), [2]);
    assert_eq!(names(&form.fields), ["s", "after"]);
}

#[test]
fn what_a_select_starts_with_follows_the_standard() {
    for (html, chosen) in [
        ("<select><option disabled>a<option>b<option>c</select>", vec![1]),
        ("<select><option selected>a<option selected>b</select>", vec![1]),
        (
            "<select multiple><option selected>a<option>b<option selected>c</select>",
            vec![0, 2],
        ),
        ("<select size=3><option>a</select>", vec![]),
        ("<select></select>", vec![]),
    ] {
        assert_eq!(scan(html.as_bytes()).loose[0].chosen(), chosen, "{html}");
    }
}

#[test]
fn fields_belong_to_their_form_wherever_they_stand() {
    let page = scan(
        b"<input name=early form=a><input name=nobody><form id=a><input name=in><input name=moved form=b></form>\
          <form id=b><div><input name=first></form><input name=out></div><input name=late form=a>\
          <input name=lost form=c>",
    );
    assert_eq!(names(&page.forms[0].fields), ["early", "in", "late"]);
    assert_eq!(names(&page.forms[1].fields), ["moved", "first"]);
    assert_eq!(names(&page.loose), ["nobody", "out", "lost"]);
}

#[test]
fn nested_and_torn_forms_are_owned_as_in_a_browser() {
    // A form in a form is ignored; one that its table closed goes on.
    let page = scan(b"<form id=a><form id=b><input name=x></form><input name=y>");
    assert_eq!((page.forms.len(), names(&page.forms[0].fields)), (1, vec!["x"]));
    assert_eq!(names(&page.loose), ["y"]);
    let page = scan(
        b"<table><form id=a><tr><td><input name=x></table><input name=y></form><form id=b><input name=z>",
    );
    assert_eq!(names(&page.forms[0].fields), ["x", "y"]);
    assert_eq!(names(&page.forms[1].fields), ["z"]);
}

#[test]
fn a_disabled_fieldset_disables_all_but_its_first_legend() {
    let form = form(
        "<form><fieldset disabled><legend><input name=in></legend><input name=a><legend><input name=second></legend>\
         <fieldset><input name=deep></fieldset></fieldset><fieldset><input name=b></fieldset><input name=c></form>",
    );
    let enabled: Vec<_> = form
        .fields
        .iter()
        .filter(|f| !f.disabled)
        .map(|f| f.name.as_str())
        .collect();
    assert_eq!(enabled, ["in", "b", "c"]);
}

#[test]
fn templates_and_datalists_are_no_part_of_the_form_but_noscript_is() {
    let form = form(
        "<form id=f><template><form id=x></form><input name=t></template><input list=l name=a>\
         <datalist id=l><option value=1><select name=s></select></datalist>\
         <noscript><input name=n value='&amp;'><button name=go>Next</button></noscript><input name=z></form>",
    );
    assert_eq!(names(&form.fields), ["a", "n", "go", "z"]);
    assert_eq!(form.fields[1].value, "&");
}

#[test]
fn markup_in_scripts_comments_and_texts_is_no_markup() {
    let page = scan(
        b"<script>var x = '<form><input name=a>';</script><!-- <form> --><style><form></style>\
          <textarea name=t><form><input name=b></textarea><title><form></title>",
    );
    assert!(page.forms.is_empty());
    assert_eq!(names(&page.loose), ["t"]);
    assert_eq!(page.loose[0].value, "<form><input name=b>");
}

#[test]
fn what_ends_too_early_is_kept() {
    let page = scan(b"<form action=/x><input name=a value=1><textarea name=t>abc");
    assert_eq!(names(&page.forms[0].fields), ["a", "t"]);
    assert_eq!(page.forms[0].fields[1].value, "abc");
    assert_eq!(
        names(&scan(b"<form><input name=a value='never closed").forms[0].fields),
        [""; 0]
    );
    assert_eq!(scan(b"<title>open").title, "open");
}

#[test]
fn a_value_is_looked_up_by_name() {
    let page = b"<input name=a value='&quot;1&quot;'><input type=checkbox name=c><textarea name=t>\nx &lt;</textarea>\
                 <select name=s><option>o<option selected value=p></select><input name=a value=2>\
                 <input name='a&amp;b' value=3><input name=none>";
    for (name, value) in [
        ("a", Some("\"1\"")),
        ("c", Some("on")),
        ("t", Some("x <")),
        ("s", Some("p")),
        ("a&b", Some("3")),
        ("none", Some("")),
        ("missing", None),
    ] {
        assert_eq!(input_value(page, name).as_deref(), value, "{name}");
    }
}

#[test]
fn metas_and_attributes_are_looked_up() {
    let page =
        b"<meta name=other content=x><meta name=CSRF-Token content='t&amp;1'><meta property=p content=2>\
                 <body data-token='&auml;'><p class=x><a href=/1></a></p><ul><li class=x data-id=7></ul>";
    assert_eq!(meta_content(page, "csrf-token").as_deref(), Some("t&1"));
    assert_eq!(meta_content(page, "p").as_deref(), Some("2"));
    assert_eq!(meta_content(page, "q"), None);
    assert_eq!(attribute(page, "body", "data-token"), Ok(Some("ä".into())));
    assert_eq!(attribute(page, "p.x > a", "href"), Ok(Some("/1".into())));
    assert_eq!(attribute(page, ".x", "data-id"), Ok(Some("7".into())));
    assert_eq!(attribute(page, ".y", "data-id"), Ok(None));
    let wrong = attribute(page, "a:hover", "href").unwrap_err();
    assert!(
        wrong.starts_with("\"a:hover\" is no selector that can be used: "),
        "{wrong}"
    );
    assert_eq!(find::check_selector("li:first-child"), Ok(()));
}

#[test]
fn a_search_ends_at_what_it_searched() {
    // Behind the value stands what a whole pass could not miss: the same name again.
    let mut page = b"<input name=a value=first>".to_vec();
    page.extend(std::iter::repeat_n(b"<input name=a value=again>".as_slice(), 1000).flatten());
    assert_eq!(input_value(&page, "a").as_deref(), Some("first"));
}

#[test]
fn a_form_is_named_by_a_compound_selector() {
    let form = form(r#"<form id=answers class="page wide" action="/take/3" data-x='a "b"' lang=de-AT>"#);
    for (selector, matches) in [
        ("form", true),
        ("*", true),
        ("FORM#answers.page.wide", true),
        ("#answers", true),
        ("#other", false),
        (".pag", false),
        ("div", false),
        ("[action]", true),
        ("[action='/take/3']", true),
        ("form[ action ^= \"/take/\" ][action$='3']", true),
        ("[action*=ake]", true),
        ("[action*=\"\"]", false),
        ("[class~=wide]", true),
        ("[lang|=de]", true),
        ("[lang|=d]", false),
        (r#"[data-x="a \"b\""]"#, true),
        ("#ans\\wers", true),
    ] {
        let compound = Compound::read(selector).expect(selector);
        assert_eq!(compound.matches(&form), matches, "{selector}");
    }
    for selector in [
        "",
        "form > div",
        "#",
        "[",
        "[a=",
        "[a='b]",
        "a,b",
        "form:first-child",
        ".a form",
        "ü{",
    ] {
        let message = Compound::read(selector).unwrap_err();
        assert!(message.starts_with(&format!("form {selector:?}: ")), "{message}");
    }
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    let page = scan(b"<title>a\xffb</title><form><input name=x value=\"\xc3\x28\0\"></form>");
    assert_eq!(page.title, "a\u{fffd}b");
    assert_eq!(page.forms[0].fields[0].value, "\u{fffd}(\u{fffd}");
}

#[test]
fn deep_and_long_pages_are_read_to_their_end() {
    let mut page = "<div>".repeat(20_000);
    page.push_str("<form><input name=a></form>");
    page.push_str(&"</p></div>".repeat(20_000));
    page.push_str("<form><input name=b></form>");
    let page = scan(page.as_bytes());
    assert_eq!(names(&page.forms[1].fields), ["b"]);
}

/// Pieces of markup in any order: far more misnesting than any page has.
fn markup() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("<form id=f>"),
        Just("<form method=post>"),
        Just("</form>"),
        Just("<input name=a value=1>"),
        Just("<input type=radio name=r value=1 checked>"),
        Just("<select name=s>"),
        Just("</select>"),
        Just("<option>x"),
        Just("<option value=2 selected>"),
        Just("</option>"),
        Just("<optgroup disabled>"),
        Just("</optgroup>"),
        Just("<textarea name=t>\n"),
        Just("</textarea>"),
        Just("<fieldset disabled>"),
        Just("</fieldset>"),
        Just("<legend>"),
        Just("</legend>"),
        Just("<template>"),
        Just("</template>"),
        Just("<noscript>"),
        Just("</noscript>"),
        Just("<title>"),
        Just("</title>"),
        Just("<datalist>"),
        Just("</datalist>"),
        Just("<table>"),
        Just("</table>"),
        Just("<svg>"),
        Just("</svg>"),
        Just("<svg><title/>"),
        Just("<select/>"),
        Just("<math><mi><form>"),
        Just("<!--"),
        Just("-->"),
        Just("<script>"),
        Just("</script>"),
        Just("<button name=b>"),
        Just("</button>"),
        Just("&amp"),
        Just("&#0;"),
        Just("<"),
        Just(" x='"),
        Just("\0"),
        Just("<![CDATA["),
        Just("<plaintext>"),
        Just("<p>"),
        Just("</p>"),
        Just("</"),
        Just("<input form=f name=c>"),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(html in markup(), noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        let page = scan(&html);
        prop_assert!(page.fields().all(|f| f.chosen().iter().all(|&i| i < f.options.len())));
        scan(&noise);
        input_value(&html, "t");
        meta_content(&noise, "x");
        let _ = attribute(&html, "form > input[name]", "value");
    }

    #[test]
    fn no_selector_makes_it_panic(selector in "\\PC{0,20}", markup in "[\\[\\]a-z#.='\"\\\\^$*~| ]{0,20}") {
        let _ = (Compound::read(&selector), Compound::read(&markup));
    }
}
