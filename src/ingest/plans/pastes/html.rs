//! HTML, as psql's `\pset format html` and web pages give it.

use super::Row;

/// Elements that end a line.
const BLOCKS: [&str; 9] = ["td", "th", "tr", "p", "pre", "div", "li", "table", "caption"];

/// Elements that say nothing about lines.
const OTHERS: [&str; 15] = [
    "span", "code", "b", "i", "tt", "em", "strong", "a", "html", "body", "head", "meta", "tbody", "thead",
    "ul",
];

/// Takes tags off and puts characters in the place of entities.
pub(super) fn take_off(rows: &[Row]) -> Option<Vec<Row>> {
    let is_tagged = rows.iter().any(|row| is_tagged(&row.text));
    let is_escaped = rows
        .iter()
        .any(|row| row.text.trim_start().starts_with("-&gt;") || row.text.contains("&quot;Node Type"));
    if !is_tagged && !is_escaped {
        return None;
    }
    Some(rows.iter().flat_map(|row| lines(row, is_tagged)).collect())
}

/// Whether a line begins or ends with a tag; one in the middle may be a value of the plan.
fn is_tagged(text: &str) -> bool {
    let text = text.trim();
    let begins = tag(text).is_some_and(|(name, _)| BLOCKS.contains(&name));
    begins || ["<br>", "<br/>", "<br />"].iter().any(|end| text.ends_with(end))
}

/// The lines of a row, without tags.
fn lines(row: &Row, is_tagged: bool) -> Vec<Row> {
    let mut lines = vec![String::new()];
    let (mut rest, mut had_tag) = (row.text.as_str(), false);
    while let Some(at) = rest.find(['<', '&']) {
        let (before, from) = rest.split_at(at);
        add(&mut lines, before);
        rest = from;
        if let Some((what, behind)) = is_tagged.then(|| tag(rest)).flatten() {
            had_tag = true;
            rest = behind;
            let is_cell = matches!(what, "td" | "pre");
            match what {
                // The indentation of the tag itself is none of the plan.
                _ if is_cell && lines.last().is_some_and(|line| line.trim().is_empty()) => {
                    lines.last_mut().into_iter().for_each(String::clear);
                }
                "br" if rest.trim().is_empty() => rest = "",
                "br" => lines.push(String::new()),
                _ if BLOCKS.contains(&what) && !rest.trim().is_empty() => lines.push(String::new()),
                _ => {}
            }
        } else {
            let (text, behind) = entity(rest);
            add(&mut lines, &text);
            rest = behind;
        }
    }
    add(&mut lines, rest);
    let kept = lines.into_iter().filter(|line| !had_tag || !line.trim().is_empty());
    kept.map(|line| Row::new(line, row.line)).collect()
}

fn add(lines: &mut [String], text: &str) {
    if let Some(line) = lines.last_mut() {
        line.push_str(text);
    }
}

/// The name of the tag at the front, and what is behind it.
fn tag(text: &str) -> Option<(&'static str, &str)> {
    let inner = text.strip_prefix('<')?;
    let end = inner.find('>')?;
    let name = inner[..end].trim_start_matches('/');
    let name = name.split(|letter: char| !letter.is_ascii_alphanumeric()).next()?.to_ascii_lowercase();
    let known = BLOCKS.iter().chain(&OTHERS).chain(&["br"]).find(|known| **known == name)?;
    Some((known, &inner[end + 1..]))
}

/// The character of the entity at the front, or the character that is no entity, and what is behind it.
fn entity(text: &str) -> (String, &str) {
    let named =
        [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    if let Some((name, meaning)) = named.iter().find(|(name, _)| text.starts_with(name)) {
        return ((*meaning).to_owned(), &text[name.len()..]);
    }
    if let Some((letter, behind)) = numbered(text) {
        return (letter.to_string(), behind);
    }
    let first = text.chars().next().map_or(0, char::len_utf8);
    (text[..first].to_owned(), &text[first..])
}

/// `&#39;` and `&#x27;`
fn numbered(text: &str) -> Option<(char, &str)> {
    let (digits, behind) = text.strip_prefix("&#")?.split_once(';')?;
    let number = match digits.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some((char::from_u32(number)?, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_entities_go() {
        let row = |text: &str| Row::new(text, 7);
        let rows = [
            row("  <tr valign=\"top\">"),
            row("    <td align=\"left\">&nbsp;&nbsp;-&gt; a &#39;b&#x27; &amp;c</td>"),
        ];
        assert_eq!(take_off(&rows), Some(vec![row("  -> a 'b' &c")]));
        assert_eq!(take_off(&[row("a < b & c")]), None);
        assert_eq!(take_off(&[row("Filter: (body ~~ '%<br>%'::text)")]), None);
        assert_eq!(take_off(&[row("<pre>a<br>b</pre>")]), Some(vec![row("a"), row("b")]));
    }
}
