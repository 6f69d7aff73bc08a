//! The page's own style and script without what only their readers need: comments, indentation, and blanks that
//! separate nothing. What is inside quotes stays as it is. It is no parser: it knows what these two texts use.

/// A script: a comment is a line of its own, and a pattern stands where a value does. One `const` behind another
/// goes on with it.
pub(super) fn script(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    // Whether the statement under way is a `const`: in each of the brackets that are open, the innermost last.
    let mut constant = vec![false];
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            '"' | '\'' => quoted(rest, c),
            '`' => template(rest),
            'c' if rest.starts_with(CONST) && !out.ends_with(is_word) => {
                constant.pop();
                constant.push(true);
                CONST.trim_end().len()
            }
            ';' => {
                let next = rest[1..].trim_start_matches([' ', '\n']);
                if let (Some(true), Some(next)) = (constant.pop(), next.strip_prefix(CONST)) {
                    constant.push(true);
                    out.push(',');
                    rest = next;
                    continue;
                }
                constant.push(false);
                1
            }
            '(' | '[' | '{' => {
                constant.push(false);
                1
            }
            ')' | ']' | '}' => {
                constant.pop();
                1
            }
            '/' if out.ends_with(['(', ',', '=', ':', '[', '!', '&', '|', '?', '{', ';', '\n']) => {
                pattern(rest)
            }
            ' ' | '\n' => {
                let blank = rest.len() - rest.trim_start_matches([' ', '\n']).len();
                let next = rest[blank..].chars().next();
                out.push_str(between(&out, next, rest[..blank].contains('\n')));
                rest = &rest[blank..];
                continue;
            }
            c => c.len_utf8(),
        };
        // The last statement of a block and the last of a list need no end. No statement here is empty.
        if c == '}' && out.ends_with([';', ',']) || c == ']' && out.ends_with(',') {
            out.pop();
        }
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out
}

const CONST: &str = "const ";

/// What a name is made of.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// What has to stay of blanks before `next`: a line's end may end a statement, a blank may part two words.
fn between(out: &str, next: Option<char>, line: bool) -> &'static str {
    let (Some(last), Some(next)) = (out.chars().next_back(), next) else { return "" };
    if line {
        let open = "{[(,;:?=&|".contains(last) || out.ends_with("=>");
        return if open || ".)]?:".contains(next) { "" } else { "\n" };
    }
    let parted = is_word(last) && is_word(next) || last == next && "+-".contains(last);
    if parted { " " } else { "" }
}

/// How long the string is that `text` begins with.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    let end = text[1..].find(|c| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

/// The same of a template, and of those inside its `${…}`.
fn template(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut braces) = (1, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'$' if bytes.get(at + 1) == Some(&b'{') && braces == 0 => {
                braces = 1;
                at += 1;
            }
            b'{' if braces > 0 => braces += 1,
            b'}' if braces > 0 => braces -= 1,
            b'`' if braces > 0 => at += template(&text[at..]) - 1,
            b'`' => return at + 1,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// The same of a regular expression: a slash inside brackets does not end it.
fn pattern(text: &str) -> usize {
    let (mut class, mut escaped) = (false, false);
    let end = text[1..].find(|c| {
        let ends = c == '/' && !class && !escaped;
        if !escaped {
            class = c == '[' || class && c != ']';
        }
        escaped = c == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

/// A style. A blank before a colon may be one between two elements, so only those behind it go.
pub(super) fn style(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("/*") {
            rest = rest.split_once("*/").map_or("", |(_, behind)| behind);
            continue;
        }
        if c.is_ascii_whitespace() {
            rest = rest.trim_ascii_start();
            if !out.ends_with(['{', '}', ';', ',', ':', '>', ' '])
                && !rest.starts_with(['{', '}', ',', '>'])
            {
                out.push(' ');
            }
            continue;
        }
        let taken = if c == '"' { quoted(rest, c) } else { c.len_utf8() };
        // The last of a block needs no end.
        if c == '}' && out.ends_with(';') {
            out.pop();
        }
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out.trim_ascii_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_means_the_same_without_its_blanks() {
        for (text, want) in [
            ("const a = 1;\n  const b = a + +a;\n", "const a=1,b=a+ +a;"),
            (
                "const f = () => {\n  g();\n  const a = [\"const \"];\n\n  const b = 2;\n};\nconst c = 3;\nlet d;\nconst e = 4;",
                "const f=()=>{g();const a=[\"const \"],b=2},c=3;let d;const e=4;",
            ),
            (
                "const a = 1;\nif (a) {\n  const b = 2;\n}\nconst { c } = b;",
                "const a=1;if(a){const b=2}\nconst{c}=b;",
            ),
            ("for (const a of b) c();\nconst d = 1;", "for(const a of b)c();const d=1;"),
            ("no_const = 1;\nconst a = 1;", "no_const=1;const a=1;"),
            ("  // of what\nlet x;\n// y", "let x;"),
            ("if (a) b();\nelse {\n  c();\n}\nd()\ne()", "if(a)b();else{c()}\nd()\ne()"),
            ("f(\"a  b \\\" c\", 'x  y')", "f(\"a  b \\\" c\",'x  y')"),
            ("`a  ${ f( `b  }` ) }  c` + 1", "`a  ${ f( `b  }` ) }  c`+1"),
            ("x.replace(/[/ ]  \\/ \"/g, \" \")", "x.replace(/[/ ]  \\/ \"/g,\" \")"),
            ("a / b / c", "a/b/c"),
            ("x = a\n  ? b\n  : c\n  .d", "x=a?b:c.d"),
            ("x = {\n  a: [\n    1,\n  ],\n};", "x={a:[1]};"),
            ("return \"a b\"", "return\"a b\""),
            ("say = { 新: \"新 建\" }", "say={新:\"新 建\"}"),
        ] {
            assert_eq!(script(text), want, "{text}");
        }
    }

    #[test]
    fn a_style_means_the_same_without_its_blanks() {
        for (text, want) in [
            (
                "a, b { color: red; margin: 0 1px; }\n\n#c > d { x: y }",
                "a,b{color:red;margin:0 1px}#c>d{x:y}",
            ),
            ("/* why */\na :is(b) {\n  --s: url(\"d: e  f\"); }", "a :is(b){--s:url(\"d: e  f\")}"),
            (
                "@media (a: 1) and (b) { tbody + tbody:not(#up) { c: calc(1px + 2px); } }",
                "@media (a:1) and (b){tbody + tbody:not(#up){c:calc(1px + 2px)}}",
            ),
        ] {
            assert_eq!(style(text), want, "{text}");
        }
    }
}
