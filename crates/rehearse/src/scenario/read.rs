//! The scenario's TOML, parsed and checked. Every key, with what it may hold:
//!
//! ```toml
//! name = "Shop"                          # what reports call it
//! target = "http://127.0.0.1:8000"       # scheme and authority; --target overrides it
//! data = "people.csv"                    # one row a person; --data overrides it
//! columns = ["user", "password"]         # columns that templates use: ${user}
//!
//! [persona]                              # shares between 0 and 1; all optional
//! seed = 1
//! skip = 0.1
//! straight_line = 0.05
//! long_text = 0.02
//! leave = 0.03
//! resume = 0.5
//! resume_after = "10s"
//! double_click = 0.02
//! back = 0.02
//!
//! [[fault]]
//! at = "60s"
//! run = "systemctl restart app"
//! name = "restart"                       # optional
//!
//! # One journey for everybody: [[step]]. Several by weight: [[journey]] name, weight, and [[journey.step]].
//! [[step]]
//! name = "sign in"                       # unique in its journey
//! method = "POST"                        # optional: GET, or POST when there is a body
//! path = "/login?next=/"                 # or an absolute URL of another host
//! think = "2s ± 50%"                     # pause before the step; also "2s", "2s +- 500ms", "300ms"; default none
//! headers = { "x-csrf" = "${csrf}" }     # a table, or an array of ["name", "value"]
//! form = { user = "${user}", password = "${password}" }   # url-encoded body; a table, or an array of ["name", "value"]
//! # or: json = '{"page":${n}}'           # the same as text with content_type application/json
//! # or: text = "…" and content_type = "text/plain"
//! # or: file = "picture.png" and content_type = "image/png"
//! # or: multipart = [{ name = "note", value = "…" },
//! #                  { name = "photo", value = "…", file_name = "a.txt", content_type = "text/plain" }]
//! repeat = 30                            # default 1; ${n} counts
//! until = "^/done"                       # stop repeating when the final path matches
//! follow = true                          # redirects; the default
//! set = { page = "p${n}", stamp = "${now_us}" }            # before every request, in this order
//! assets = ["/static/app.css"]           # fetched at once after the step, over up to six connections
//! acknowledge = { user = "${user}", page = "${page}" }     # marked: one line of --acknowledged for each 2xx (or 3xx)
//! fill = { form = "#answers", button = "next" }            # fill the form as delivered; button = "name=value" too;
//!                                                          # `form = {…}` of the step then overrides single fields
//!
//! [[step.extract]]                       # all of them must be found
//! name = "csrf"
//! input = "csrfmiddlewaretoken"          # or one of: meta = "csrf-token" · json = "/token" · header = "etag" ·
//!                                        # regex = 'id=(\d+)' · url = '/items/(\d+)' · cookie = "csrftoken" ·
//!                                        # css = "body" and attribute = "data-token"
//!
//! [[step.check]]                         # without a status check the final status must be below 400
//! status = 200                           # or [200, 201]
//! # or one of: text = "Welcome" · no_text = "Error" · json = "/ok" and equals = "true" · redirect = "^/home"
//! ```
