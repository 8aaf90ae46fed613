//! Just enough of Rust's lexis to tell code from comments and strings, and to see where blocks end.

use std::ops::Range;

/// A string literal and the line that it starts in, counted from 0.
#[derive(Debug, PartialEq, Eq)]
pub struct Literal {
    pub line: usize,
    pub text: String,
}

/// A function's name and the lines it covers, counted from 0.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    pub lines: Range<usize>,
}

#[derive(Debug)]
pub struct Scan {
    /// The text without its comments and without the insides of its literals; line breaks stay where they are.
    pub code: String,
    pub literals: Vec<Literal>,
}

pub fn scan(text: &str) -> Scan {
    let mut scanner =
        Scanner { rest: text, line: 0, code: String::with_capacity(text.len()), literals: Vec::new() };
    while scanner.step() {}
    Scan { code: scanner.code, literals: scanner.literals }
}

struct Scanner<'a> {
    rest: &'a str,
    line: usize,
    code: String,
    literals: Vec<Literal>,
}

impl Scanner<'_> {
    /// Takes one piece: a comment, a literal, or a character of code.
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else { return false };
        if self.rest.starts_with("//") {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.skip(end);
        } else if self.rest.starts_with("/*") {
            self.skip(comment_end(self.rest));
        } else if let Some(hashes) = self.raw_string() {
            self.literal(|body| body.find(&format!("\"{}", "#".repeat(hashes))), hashes + 1);
        } else if first == '"' {
            self.literal(|body| plain_end(body, '"'), 1);
        } else if let Some(end) = char_literal_end(self.rest) {
            self.skip(end);
        } else {
            self.code.push(first);
            self.advance(first.len_utf8());
        }
        true
    }

    /// At `r"`, `r#"`, `br##"`…: how many hashes, after having passed the letters and hashes.
    fn raw_string(&mut self) -> Option<usize> {
        if self.code.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            return None;
        }
        let after = self
            .rest
            .strip_prefix("br")
            .or_else(|| self.rest.strip_prefix("cr"))
            .or_else(|| self.rest.strip_prefix('r'))?;
        let hashes = after.len() - after.trim_start_matches('#').len();
        if !after[hashes..].starts_with('"') {
            return None;
        }
        self.advance(self.rest.len() - after.len() + hashes);
        Some(hashes)
    }

    /// At an opening quote: takes everything to the closing one and its hashes.
    fn literal(&mut self, end: impl Fn(&str) -> Option<usize>, closing: usize) {
        let line = self.line;
        self.code.push('"');
        self.advance(1);
        let length = end(self.rest).unwrap_or(self.rest.len());
        self.literals.push(Literal { line, text: self.rest[..length].to_owned() });
        self.skip((length + closing).min(self.rest.len()));
        self.code.push('"');
    }

    /// Leaves out `length` bytes, but for their line breaks.
    fn skip(&mut self, length: usize) {
        let breaks = self.rest[..length].matches('\n').count();
        self.code.push(' ');
        self.code.extend(std::iter::repeat_n('\n', breaks));
        self.advance(length);
    }

    fn advance(&mut self, length: usize) {
        self.line += self.rest[..length].matches('\n').count();
        self.rest = &self.rest[length..];
    }
}

/// Block comments nest.
fn comment_end(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Where an unescaped `quote` stands.
fn plain_end(body: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    body.char_indices().find_map(|(at, c)| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at)
    })
}

/// The length of a character literal; a lifetime or a label is none.
fn char_literal_end(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'')?;
    let first = body.chars().next()?;
    let end = if first == '\\' { plain_end(body, '\'')? } else { first.len_utf8() };
    body[end..].starts_with('\'').then_some(end + 2)
}

/// The line ranges of items that are only compiled for tests.
pub fn test_lines(code: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, attribute) in code.match_indices("#[cfg(test)]") {
        let after = at + attribute.len();
        let declared = || code[after..].find(';').map(|length| after + length + 1);
        let end = block_end(code, after).or_else(declared).unwrap_or(code.len());
        found.push(line_of(code, at)..line_of(code, end.saturating_sub(1)) + 1);
    }
    found
}

/// Every function with a body.
pub fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let word_starts = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let name: String = code[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if !word_starts || name.is_empty() {
            continue;
        }
        if let Some(end) = block_end(code, at) {
            found.push(Function { name, lines: line_of(code, at)..line_of(code, end - 1) + 1 });
        }
    }
    found
}

/// Past the closing brace of the first block after `from`; none when a `;` comes first, as in a declaration.
fn block_end(code: &str, from: usize) -> Option<usize> {
    let (mut round, mut braces) = (0_usize, 0_usize);
    for (at, c) in code[from..].char_indices() {
        match c {
            '(' | '[' => round += 1,
            ')' | ']' => round = round.saturating_sub(1),
            '{' => braces += 1,
            '}' => {
                braces = braces.saturating_sub(1);
                if braces == 0 && round == 0 {
                    return Some(from + at + 1);
                }
            }
            ';' if round == 0 && braces == 0 => return None,
            _ => {}
        }
    }
    None
}

pub fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_leave_the_code_and_lines_stay() {
        let text = "let a = \"f64\"; // f64\n/* f64 /* f64\n*/ f64 */ let b = 'x';\nlet c: &'a str = r#\"f\"64\"#;\n";
        let scan = scan(text);
        assert!(!scan.code.contains("64"), "{}", scan.code);
        assert!(scan.code.contains("let c: &'a str = \" \""), "{}", scan.code);
        assert_eq!(scan.code.matches('\n').count(), text.matches('\n').count());
        let literals: Vec<_> = scan.literals.iter().map(|found| (found.line, found.text.as_str())).collect();
        assert_eq!(literals, [(0, "f64"), (3, "f\"64")]);
    }

    #[test]
    fn escapes_do_not_end_a_literal() {
        let scan = scan(r#"f("a\"b\\", '\'', '"', b"c", '\u{1F600}'); g()"#);
        assert!(scan.code.ends_with("); g()"), "{}", scan.code);
        assert_eq!(scan.literals.len(), 2);
    }

    #[test]
    fn a_function_ends_with_its_own_brace() {
        let code = "fn one(a: [u8; 2]) -> u8 {\n  match a { _ => { 1 } }\n}\ntrait T { fn two();\n fn three() { }\n}\n";
        let found: Vec<_> = functions(code).into_iter().map(|f| (f.name, f.lines)).collect();
        assert_eq!(found, [("one".to_owned(), 0..3), ("three".to_owned(), 4..5)]);
    }

    #[test]
    fn a_test_module_is_its_braces_or_its_declaration() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() {}\n}\nfn c() {}\n#[cfg(test)]\nmod d;\nfn e() {}\n";
        assert_eq!(test_lines(code), [1..5, 6..8]);
    }
}
