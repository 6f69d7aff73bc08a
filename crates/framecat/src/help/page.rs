//! How a reference page is laid out: paragraphs, tables with aligned columns, commands.

/// No line of a page is longer, in columns.
const WIDTH: usize = 96;

/// A page being written.
pub(super) struct Page(String);

impl Page {
    /// A page with this first line.
    pub(super) fn new(title: &str) -> Page {
        Page(format!("{title}\n"))
    }

    /// The page, ending in one LF.
    pub(super) fn end(self) -> String {
        self.0
    }

    /// A paragraph after an empty line.
    pub(super) fn prose(&mut self, text: &str) {
        self.0.push('\n');
        self.lines(0, text);
    }

    /// A paragraph right below what was written last.
    pub(super) fn indented(&mut self, text: &str) {
        self.lines(4, text);
    }

    /// A line that begins a part.
    pub(super) fn heading(&mut self, text: &str) {
        self.0.push_str(&format!("\n{text}\n"));
    }

    /// Lines as they are.
    pub(super) fn verbatim(&mut self, lines: &[&str]) {
        for line in lines {
            self.0.push_str(&format!("  {line}\n"));
        }
    }

    /// Command lines that work.
    pub(super) fn examples(&mut self, lines: &[&str]) {
        self.heading("examples");
        self.verbatim(lines);
    }

    /// Rows in aligned columns, below `heads` if there are any. Columns but the first are wrapped
    /// where a row would get too long; the last gets what the others leave.
    pub(super) fn table(&mut self, heads: &[&str], mut rows: Vec<Vec<String>>) {
        if !heads.is_empty() {
            self.0.push('\n');
            rows.insert(0, heads.iter().map(|head| head.to_uppercase()).collect());
        }
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let longest = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
        };
        let mut widths: Vec<usize> = (0..columns).map(|i| longest(i).unwrap_or(0)).collect();
        // A column that takes more than its part is wrapped, but the last one, which is wrapped
        // anyway.
        let bounds: &[usize] = if columns > 2 { &[28, 30] } else { &[34] };
        for (width, bound) in widths.iter_mut().zip(bounds) {
            *width = (*width).min(*bound);
        }
        let before: usize = widths[..columns.saturating_sub(1)].iter().map(|w| w + 2).sum();
        if let Some(last) = widths.last_mut() {
            *last = WIDTH - 2 - before;
        }
        for row in rows {
            self.row(&row, &widths);
        }
    }

    fn row(&mut self, row: &[String], widths: &[usize]) {
        let cells: Vec<_> =
            row.iter().zip(widths).map(|(cell, width)| wrap(cell, *width)).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        for at in 0..height {
            let mut line = String::from("  ");
            for (cell, width) in cells.iter().zip(widths) {
                let text = cell.get(at).map_or("", String::as_str);
                line.push_str(&format!("{text:width$}  "));
            }
            self.0.push_str(line.trim_end());
            self.0.push('\n');
        }
    }

    fn lines(&mut self, indent: usize, text: &str) {
        for line in wrap(text, WIDTH - indent) {
            self.0.push_str(&format!("{:indent$}{line}\n", ""));
        }
    }
}

/// Lines of at most `width` columns. A word that is longer is divided, at a `[` or `|` where it has
/// one: the grammars of framings are such words.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        for (i, piece) in divided(word, width).into_iter().enumerate() {
            let line = lines.last_mut().expect("there is one");
            let gap = usize::from(!line.is_empty() && i == 0);
            if !line.is_empty() && line.chars().count() + gap + piece.chars().count() > width {
                lines.push(piece);
            } else {
                line.push_str(&" "[..gap]);
                line.push_str(&piece);
            }
        }
    }
    lines
}

/// The pieces of a word, in order, none longer than `width`.
fn divided(word: &str, width: usize) -> Vec<String> {
    if word.chars().count() <= width {
        return vec![word.into()];
    }
    let mut pieces = vec![String::new()];
    for letter in word.chars() {
        let piece = pieces.last_mut().expect("there is one");
        if letter == '[' || piece.chars().count() == width {
            pieces.push(letter.into());
        } else {
            piece.push(letter);
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_grammar_is_divided_before_its_brackets() {
        let lines = wrap("len:WIDTH[@AT][,head=H][,keep]", 16);
        assert_eq!(lines, ["len:WIDTH[@AT]", "[,head=H][,keep]"]);
    }

    #[test]
    fn columns_are_aligned_and_the_last_is_wrapped() {
        let mut page = Page::new("t");
        page.table(&["a", "b"], vec![vec!["x".into(), "word ".repeat(40)]]);
        let text = page.end();
        let starts: Vec<_> = text.lines().skip(2).map(|line| line.find(['B', 'w'])).collect();
        assert_eq!(starts, [Some(5); 4], "{text}");
    }
}
