//! `$filter` and its fellows, as far as the connector and outside clients of 1C use them: comparisons,
//! `and`, `or`, `not`, parentheses, and literals of all kinds.

use super::super::money;
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// Why a query is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum QueryError {
    /// The text is not a filter.
    Syntax(String),
    /// The set has no such property.
    NoProperty(String),
}

/// Deepest nesting of parentheses and `not`.
const MAX_DEPTH: usize = 32;

/// A filter that can be asked about objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare(String, String, Literal),
}

/// A value to compare with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Literal {
    Text(String),
    Number(i64),
    Flag(bool),
}

/// Decimals to which numbers are compared.
const SCALE: u32 = 4;

impl Filter {
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let mut parser = Parser {
            tokens: tokens(text)?,
            at: 0,
        };
        let filter = parser.or(0)?;
        match parser.next() {
            None => Ok(filter),
            Some(token) => Err(QueryError::Syntax(format!("unexpected {token:?}"))),
        }
    }

    pub fn matches(&self, object: &Map<String, Value>) -> Result<bool, QueryError> {
        match self {
            Self::And(a, b) => Ok(a.matches(object)? && b.matches(object)?),
            Self::Or(a, b) => Ok(a.matches(object)? || b.matches(object)?),
            Self::Not(a) => Ok(!a.matches(object)?),
            Self::Compare(property, operator, literal) => {
                let value = object
                    .get(property)
                    .ok_or_else(|| QueryError::NoProperty(property.clone()))?;
                let order = order(value, literal)
                    .ok_or_else(|| QueryError::Syntax(format!("{property}: another kind")))?;
                Ok(match operator.as_str() {
                    "eq" => order.is_eq(),
                    "ne" => order.is_ne(),
                    "gt" => order.is_gt(),
                    "ge" => order.is_ge(),
                    "lt" => order.is_lt(),
                    _ => order.is_le(),
                })
            }
        }
    }
}

fn order(value: &Value, literal: &Literal) -> Option<Ordering> {
    match (value, literal) {
        (Value::String(value), Literal::Text(text)) => Some(value.cmp(text)),
        (Value::Bool(value), Literal::Flag(flag)) => Some(value.cmp(flag)),
        (Value::Number(value), Literal::Number(number)) => {
            Some(money::parse(&value.to_string(), SCALE)?.cmp(number))
        }
        // Long whole numbers are kept as strings.
        (Value::String(value), Literal::Number(number)) => {
            Some(money::parse(value, SCALE)?.cmp(number))
        }
        _ => None,
    }
}

/// For `$orderby`; objects of one set have values of one kind.
pub(super) fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            money::parse(&a.to_string(), SCALE).cmp(&money::parse(&b.to_string(), SCALE))
        }
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        _ => a.as_str().cmp(&b.as_str()),
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Literal(Literal),
    Open,
    Close,
}

fn tokens(text: &str) -> Result<Vec<Token>, QueryError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        match first {
            '(' | ')' => {
                tokens.push(if first == '(' {
                    Token::Open
                } else {
                    Token::Close
                });
                rest = &rest[1..];
            }
            '\'' => {
                let (text, after) = quoted(rest)?;
                tokens.push(Token::Literal(Literal::Text(text)));
                rest = after;
            }
            _ => {
                let end = rest
                    .find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '\''))
                    .unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                rest = after;
                if matches!(word, "guid" | "datetime") && rest.starts_with('\'') {
                    let (text, after) = quoted(rest)?;
                    tokens.push(Token::Literal(Literal::Text(
                        text.to_lowercase().replace('t', "T"),
                    )));
                    rest = after;
                } else {
                    tokens.push(match word {
                        "true" => Token::Literal(Literal::Flag(true)),
                        "false" => Token::Literal(Literal::Flag(false)),
                        word => match money::parse(word, SCALE) {
                            Some(number) => Token::Literal(Literal::Number(number)),
                            None => Token::Word(word.to_owned()),
                        },
                    });
                }
            }
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

/// A quoted text (a doubled quote stands for one) and what follows it.
fn quoted(text: &str) -> Result<(String, &str), QueryError> {
    let mut inside = String::new();
    let mut rest = &text[1..];
    loop {
        let Some((before, after)) = rest.split_once('\'') else {
            return Err(QueryError::Syntax("a quote is not closed".to_owned()));
        };
        inside.push_str(before);
        match after.strip_prefix('\'') {
            Some(after) => {
                inside.push('\'');
                rest = after;
            }
            None => return Ok((inside, after)),
        }
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn skip_word(&mut self, word: &str) -> bool {
        let here = matches!(self.tokens.get(self.at), Some(Token::Word(w)) if w == word);
        self.at += usize::from(here);
        here
    }

    fn or(&mut self, depth: usize) -> Result<Filter, QueryError> {
        let mut left = self.and(depth)?;
        while self.skip_word("or") {
            left = Filter::Or(Box::new(left), Box::new(self.and(depth)?));
        }
        Ok(left)
    }

    fn and(&mut self, depth: usize) -> Result<Filter, QueryError> {
        let mut left = self.unary(depth)?;
        while self.skip_word("and") {
            left = Filter::And(Box::new(left), Box::new(self.unary(depth)?));
        }
        Ok(left)
    }

    fn unary(&mut self, depth: usize) -> Result<Filter, QueryError> {
        let wrong = |token: Option<Token>| QueryError::Syntax(format!("unexpected {token:?}"));
        if depth > MAX_DEPTH {
            return Err(QueryError::Syntax("nested too deeply".to_owned()));
        }
        if self.skip_word("not") {
            return Ok(Filter::Not(Box::new(self.unary(depth + 1)?)));
        }
        let property = match self.next() {
            Some(Token::Open) => {
                let inside = self.or(depth + 1)?;
                return match self.next() {
                    Some(Token::Close) => Ok(inside),
                    token => Err(wrong(token)),
                };
            }
            Some(Token::Word(property)) => property,
            token => return Err(wrong(token)),
        };
        let operator = match self.next() {
            Some(Token::Word(word))
                if matches!(word.as_str(), "eq" | "ne" | "gt" | "ge" | "lt" | "le") =>
            {
                word
            }
            token => return Err(wrong(token)),
        };
        match self.next() {
            Some(Token::Literal(literal)) => Ok(Filter::Compare(property, operator, literal)),
            token => Err(wrong(token)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn filters_of_the_protocol_page_are_understood() {
        let object = json!({
            "Date": "2026-01-12T23:58:41",
            "Склад_Key": "7a0c3f10-6d0e-11ee-9b3c-00155d0a0101",
            "Posted": true,
            "СуммаДокумента": 5060.5,
            "Description": "O'Hara (bar)",
        });
        let object = object.as_object().unwrap();
        for (text, expected) in [
            (
                "Date ge datetime'2026-01-12T00:00:00' and Date lt datetime'2026-01-13T00:00:00'",
                true,
            ),
            (
                "Date lt datetime'2026-01-12T00:00:00' or Posted eq true",
                true,
            ),
            (
                "Склад_Key eq guid'7A0C3F10-6d0e-11ee-9b3c-00155d0a0101'",
                true,
            ),
            ("not (Posted eq true)", false),
            ("Description eq 'O''Hara (bar)'", true),
            (
                "СуммаДокумента gt 5060.49 and СуммаДокумента le 5060.5",
                true,
            ),
            (
                "Posted eq false or Posted eq true and СуммаДокумента eq 1",
                false,
            ),
        ] {
            let filter = Filter::parse(text).unwrap();
            assert_eq!(filter.matches(object), Ok(expected), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused_and_does_not_exhaust_the_stack() {
        let deep = "(".repeat(100_000);
        for text in [
            "",
            "Date",
            "Date eq",
            "Date eq 'x",
            "eq eq eq",
            "a eq 1 b",
            &deep,
        ] {
            assert!(matches!(Filter::parse(text), Err(QueryError::Syntax(_))));
        }
        let filter = Filter::parse("Нет eq 1").unwrap();
        let empty = Map::new();
        assert_eq!(
            filter.matches(&empty),
            Err(QueryError::NoProperty("Нет".to_owned()))
        );
    }
}
