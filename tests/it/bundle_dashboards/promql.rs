//! As much of PromQL as a lint needs: which metrics an expression reads, and which labels it names. It reads words, not
//! syntax: promtool judges that.

use std::collections::BTreeSet;

/// What an expression names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// Metrics with the labels that their braces match.
    pub selectors: Vec<(String, BTreeSet<String>)>,
    /// Labels of `by`, `on`, `ignoring`, `without`, `group_left`, `group_right`.
    pub grouped: BTreeSet<String>,
    /// Labels that `label_replace` makes.
    pub made: BTreeSet<String>,
}

const WORDS: [&str; 10] = ["and", "or", "unless", "bool", "offset", "Inf", "NaN", "atan2", "inf", "nan"];
const LISTS: [&str; 6] = ["by", "on", "ignoring", "without", "group_left", "group_right"];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

fn tokens(expression: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = expression.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '"' => {
                let mut text = String::new();
                while let Some(inner) = rest.next() {
                    match inner {
                        '"' => break,
                        '\\' => text.extend(rest.next()),
                        _ => text.push(inner),
                    }
                }
                found.push(Token::Text(text));
            }
            // A range or a subquery holds durations only.
            '[' => while rest.next().is_some_and(|inner| inner != ']') {},
            '@' => {}
            '$' | '0'..='9' => while rest.next_if(|c| c.is_alphanumeric() || matches!(c, '_' | '.')).is_some() {},
            _ if next.is_alphabetic() || next == '_' => {
                let mut word = String::from(next);
                while let Some(more) = rest.next_if(|c| c.is_alphanumeric() || matches!(c, '_' | ':')) {
                    word.push(more);
                }
                found.push(Token::Word(word));
            }
            _ if next.is_whitespace() => {}
            _ => found.push(Token::Sign(next)),
        }
    }
    found
}

/// The labels that are matched between the braces which begin at `at`, and the names that a matcher of `__name__` lists.
fn braces(tokens: &[Token], at: usize) -> (BTreeSet<String>, Vec<String>) {
    let (mut labels, mut names) = (BTreeSet::new(), Vec::new());
    let inside = tokens[at + 1..].iter().take_while(|token| **token != Token::Sign('}'));
    let mut label = String::new();
    for token in inside {
        match token {
            Token::Word(word) if word == "__name__" => label = word.clone(),
            Token::Word(word) => {
                label.clone_from(word);
                labels.insert(word.clone());
            }
            Token::Text(text) if label == "__name__" => names.extend(text.split('|').map(str::to_owned)),
            _ => {}
        }
    }
    (labels, names)
}

/// Reads an expression.
pub(crate) fn named(expression: &str) -> Named {
    let tokens = tokens(expression);
    let mut named = Named::default();
    let mut at = 0;
    while at < tokens.len() {
        let next = tokens.get(at + 1);
        match &tokens[at] {
            Token::Word(word) if LISTS.contains(&word.as_str()) && next == Some(&Token::Sign('(')) => {
                at += 2;
                while tokens[at] != Token::Sign(')') {
                    if let Token::Word(label) = &tokens[at] {
                        named.grouped.insert(label.clone());
                    }
                    at += 1;
                }
            }
            // The word after a list, or a function.
            Token::Word(_) if next == Some(&Token::Sign('(')) => {}
            Token::Word(word) if WORDS.contains(&word.as_str()) => {}
            Token::Word(word) if LISTS.contains(&word.as_str()) || AGGREGATIONS.contains(&word.as_str()) => {}
            Token::Word(word) if next == Some(&Token::Sign('{')) => {
                named.selectors.push((word.clone(), braces(&tokens, at + 1).0));
                at += tokens[at..].iter().position(|token| *token == Token::Sign('}')).unwrap();
            }
            Token::Word(word) => named.selectors.push((word.clone(), BTreeSet::new())),
            Token::Sign('{') => {
                let (labels, names) = braces(&tokens, at);
                named.selectors.extend(names.into_iter().map(|name| (name, labels.clone())));
                at += tokens[at..].iter().position(|token| *token == Token::Sign('}')).unwrap();
            }
            _ => {}
        }
        at += 1;
    }
    named.made = made(&tokens);
    named
}

const AGGREGATIONS: [&str; 12] =
    ["sum", "min", "max", "avg", "count", "group", "stddev", "stdvar", "topk", "bottomk", "quantile", "count_values"];

/// The second argument of each `label_replace`.
fn made(tokens: &[Token]) -> BTreeSet<String> {
    let starts = tokens.iter().enumerate().filter(|(_, token)| **token == Token::Word("label_replace".to_owned()));
    let mut found = BTreeSet::new();
    for (start, _) in starts {
        let mut depth = 0;
        for (at, token) in tokens.iter().enumerate().skip(start + 1) {
            match token {
                Token::Sign('(' | '{') => depth += 1,
                Token::Sign(')' | '}') => depth -= 1,
                Token::Sign(',') if depth == 1 => {
                    if let Some(Token::Text(label)) = tokens.get(at + 1) {
                        found.insert(label.clone());
                    }
                    break;
                }
                _ => {}
            }
        }
    }
    found
}

#[test]
fn metrics_and_labels_are_found() {
    let set = |labels: &[&str]| labels.iter().map(|&label| label.to_owned()).collect::<BTreeSet<_>>();
    let read = named(
        r#"sum by (a, b) (rate(x_total{c="d", e=~"f|g"}[5m])) * on (a) group_left (h)
           label_replace(y{i!="}", l="m"} offset 7d > bool 0.5, "j", "$1", "k", "(.+)") and topk(3, {__name__=~"p|q", r="s"} @ end())"#,
    );
    let selectors = [("x_total", &["c", "e"][..]), ("y", &["i", "l"]), ("p", &["r"]), ("q", &["r"])];
    assert_eq!(read.selectors, selectors.map(|(name, labels)| (name.to_owned(), set(labels))));
    assert_eq!((read.grouped, read.made), (set(&["a", "b", "h"]), set(&["j"])));
}
