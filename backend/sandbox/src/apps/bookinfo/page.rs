//! The HTML of productpage.

use serde_json::{Value, json};
use std::fmt::Write;

/// How the pages look.
pub(super) const STYLE: &str = "\
body { font-family: sans-serif; margin: 2em auto; max-width: 60em; color: #1d2129; }
header { display: flex; justify-content: space-between; border-bottom: 1px solid #ccd; padding-bottom: .5em; }
main { display: grid; grid-template-columns: 1fr 2fr; gap: 2em; }
dt { font-weight: bold; } dd { margin: 0 0 .5em 0; }
.error { background: #fde8e8; border-left: 4px solid #c22; padding: .5em 1em; }
blockquote { margin: 0 0 1.5em 0; } .stars { font-size: 1.4em; }
";

const MOST_STARS: u64 = 5;

/// The one book there is.
pub(super) fn product() -> Value {
    json!({
        "id": 0,
        "title": "The Comedy of Errors",
        "descriptionHtml": "<a href=\"https://en.wikipedia.org/wiki/The_Comedy_of_Errors\">Wikipedia Summary</a>: The Comedy of \
            Errors is one of <b>William Shakespeare's</b> early plays. It is his shortest and one of his most farcical \
            comedies, with a major part of the humour coming from slapstick and mistaken identity, in addition to puns and \
            word play.",
    })
}

/// The front page.
pub(super) fn index() -> String {
    frame(
        None,
        "<h1>Bookinfo</h1><p>A small bookstore made of four services: <b>productpage</b> asks <b>details</b> and \
         <b>reviews</b>; <b>reviews</b> asks <b>ratings</b>.</p><p><a href=\"/productpage\">Product page</a></p>",
    )
}

/// The book's page. Each part comes with whether its service answered.
pub(super) fn page(user: Option<&str>, details: (bool, &Value), reviews: (bool, &Value)) -> String {
    let product = product();
    let mut body = format!(
        "<h1>{}</h1><p>{}</p><main>",
        escape(text(&product["title"])),
        product["descriptionHtml"].as_str().unwrap_or_default()
    );
    body.push_str("<section><h2>Book Details</h2>");
    match details {
        (true, details) => body.push_str(&facts(details)),
        (false, error) => body.push_str(&unavailable("product details", error)),
    }
    body.push_str("</section><section><h2>Book Reviews</h2>");
    match reviews {
        (true, reviews) => {
            for review in reviews["reviews"].as_array().into_iter().flatten() {
                body.push_str(&quote(review));
            }
            put(
                &mut body,
                format_args!(
                    "<p><small>Reviews served by: <u>{}</u></small></p>",
                    escape(text(&reviews["podname"]))
                ),
            );
        }
        (false, error) => body.push_str(&unavailable("product reviews", error)),
    }
    body.push_str("</section></main>");
    frame(user, &body)
}

fn facts(details: &Value) -> String {
    let mut html = String::from("<dl>");
    for (name, key) in [
        ("Type", "type"),
        ("Pages", "pages"),
        ("Publisher", "publisher"),
        ("Language", "language"),
        ("ISBN-10", "ISBN-10"),
        ("ISBN-13", "ISBN-13"),
    ] {
        let value = match &details[key] {
            Value::String(text) => escape(text),
            other => escape(&other.to_string()),
        };
        put(&mut html, format_args!("<dt>{name}</dt><dd>{value}</dd>"));
    }
    html + "</dl>"
}

fn quote(review: &Value) -> String {
    let mut html = format!(
        "<blockquote><p>{}</p>&mdash; {}",
        escape(text(&review["text"])),
        escape(text(&review["reviewer"]))
    );
    let rating = &review["rating"];
    if let Some(stars) = rating["stars"].as_u64() {
        let stars = stars.min(MOST_STARS);
        put(
            &mut html,
            format_args!(
                "<div class=\"stars\" style=\"color: {}\" aria-label=\"{stars} of {MOST_STARS} stars\">",
                escape(text(&rating["color"]))
            ),
        );
        for place in 0..MOST_STARS {
            html.push(if place < stars { '★' } else { '☆' });
        }
        html.push_str("</div>");
    } else if let Some(error) = rating["error"].as_str() {
        put(&mut html, format_args!("<div class=\"error\">{}</div>", escape(error)));
    }
    html + "</blockquote>"
}

fn unavailable(what: &str, error: &Value) -> String {
    format!(
        "<div class=\"error\"><h3>Error fetching {what}</h3><p>{}</p></div>",
        escape(text(&error["error"]))
    )
}

fn frame(user: Option<&str>, body: &str) -> String {
    let who = match user {
        Some(user) => format!("<span>{} (<a href=\"/logout\">sign out</a>)</span>", escape(user)),
        None => "<form method=\"post\" action=\"/login\"><input name=\"username\" aria-label=\"User name\" \
                 placeholder=\"User name\"> <button>Sign in</button></form>"
            .to_owned(),
    };
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Simple Bookstore App</title>\
         <link rel=\"stylesheet\" href=\"/static/bookinfo.css\"></head><body><header><b>Bookinfo Sample</b>{who}</header>\
         {body}</body></html>"
    )
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn put(html: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    html.write_fmt(what).unwrap_or_default();
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_stars_in_their_colour_or_says_why_not() {
        let details = json!({"type": "paperback", "pages": 200});
        let reviews = json!({"podname": "reviews-v3-1", "reviews": [
            {"reviewer": "R<1>", "text": "Good.", "rating": {"stars": 4, "color": "red"}},
            {"reviewer": "R2", "text": "Fair.", "rating": {"error": "Ratings service is currently unavailable"}},
        ]});
        let html = page(Some("jason"), (true, &details), (true, &reviews));
        for part in [
            "The Comedy of Errors",
            "color: red",
            "★★★★☆",
            "R&lt;1&gt;",
            "Ratings service is currently unavailable",
            "jason",
        ] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
        let error = json!({"error": "Sorry, product reviews are currently unavailable for this book."});
        let html = page(None, (true, &details), (false, &error));
        assert!(
            html.contains("Sorry, product reviews are currently unavailable") && !html.contains('★'),
            "{html}"
        );
    }
}
