//! What followed `whyslow measure`, to measure the other side by it: without what belongs to one side, and without secrets.

/// Words for the other side. Values of headers and passwords of addresses are left out: they are to be put in again.
pub(super) fn again(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut words = words.peekable();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--" => {
                kept.push(word);
                kept.extend(words.by_ref());
            }
            "--side" => drop(words.next()),
            "--ab" => drop((words.next(), words.next())),
            "--replace" | "--aa" => {}
            "--header" | "--db" => {
                let value = words.next().map(|value| without_secret(&word, &value));
                kept.push(word);
                kept.extend(value);
            }
            _ => match word.split_once('=') {
                Some(("--side", _)) => {}
                Some((option @ ("--header" | "--db"), value)) => {
                    kept.push(format!("{option}={}", without_secret(option, value)));
                }
                _ => kept.push(word),
            },
        }
    }
    kept
}

fn without_secret(option: &str, value: &str) -> String {
    match option {
        "--header" => format!("{}: …", value.split(':').next().unwrap_or_default()),
        _ => without_password(value),
    }
}

/// `postgres://ada@db/shop` of `postgres://ada:secret@db/shop`, and `user=ada` of `user=ada password=secret`.
fn without_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        let words = address.split(' ').filter(|word| !word.trim_start().starts_with("password"));
        return words.collect::<Vec<_>>().join(" ");
    };
    let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
    let place = match place.rsplit_once('@') {
        Some((user, host)) => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
        None => place.to_owned(),
    };
    let kept = query.map(|query| query.split('&').filter(|part| !part.starts_with("password")));
    let kept = kept.map(|parts| parts.collect::<Vec<_>>().join("&")).filter(|query| !query.is_empty());
    kept.map_or(format!("{scheme}://{place}"), |query| format!("{scheme}://{place}?{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_side_is_measured_with_the_same_words() {
        let words = |text: &str| again(text.split(' ').map(str::to_owned)).join(" ");
        assert_eq!(words("--side before --runs 5 -- ./load.sh --side x"), "--runs 5 -- ./load.sh --side x");
        assert_eq!(words("--ab HEAD~1 HEAD --url http://localhost/a?b=1"), "--url http://localhost/a?b=1");
        assert_eq!(words("--replace --side=after --rate 5"), "--rate 5");
        assert_eq!(words("--aa --rate 5"), "--rate 5");
    }

    #[test]
    fn secrets_are_not_remembered() {
        let words = |list: &[&str]| again(list.iter().map(|word| (*word).to_owned())).join(" ");
        assert_eq!(
            words(&["--header", "Authorization: Bearer s", "--rate", "5"]),
            "--header Authorization: … --rate 5"
        );
        assert_eq!(words(&["--header=Cookie: a=b"]), "--header=Cookie: …");
        assert_eq!(words(&["--db", "postgres://ada:s@db/shop"]), "--db postgres://ada@db/shop");
        assert_eq!(
            words(&["--db=postgres://db/shop?user=ada&password=s"]),
            "--db=postgres://db/shop?user=ada"
        );
        assert_eq!(words(&["--db", "host=db password=s dbname=shop"]), "--db host=db dbname=shop");
        assert_eq!(words(&["--db", "shop"]), "--db shop");
    }
}
