"""Rows, goals and tables: the median of the runs of every row, and how the rows of one table compare."""

import sys
from dataclasses import dataclass, field
from statistics import median

from processes import Failed

FOREIGN_LIMIT = 0.25  # cores; more than this kept busy by others spoils a run


@dataclass
class Goal:
    """The row's median in `column` is `sign` `factor` times that of row `base`, or `factor` itself without a base.
    Without a sign it is a ratio to be told, not to be met."""
    column: str
    sign: str
    factor: float
    base: str = ""

    def judge(self, row, table):
        """The text for the goal column, and whether the goal is met: None where nothing can be said."""
        own, base = row.median(self.column), 1.0
        wish = f"{self.column} {self.sign} {self.factor:g}" if self.sign else f"{self.column}, ratio"
        if self.base:
            wish += f" × {self.base}" if self.sign else f" to {self.base}"
            base = table.row(self.base).median(self.column)
        if own is None or not base:
            return f"{wish}: not measured", None
        ratio = own / base
        if not self.sign:
            return f"{wish}: {ratio:.3g}", None
        met = ratio >= self.factor if self.sign == "≥" else ratio <= self.factor
        return f"{wish}: {ratio:.3g} {'pass' if met else 'MISS'}", met


@dataclass
class Row:
    """`measure()` gives the figures of one run by column, and how many cores others kept busy meanwhile."""
    name: str
    measure: object
    absent: str = ""
    goals: list = field(default_factory=list)
    runs: list = field(default_factory=list)
    failure: str = ""
    disturbed: int = 0

    def median(self, column):
        values = [run[column] for run in self.runs if column in run]
        return median(values) if values else None


@dataclass
class Table:
    """Columns are names with the digits after the point. The first that a row has shows the smallest and the largest
    run, too."""
    title: str
    columns: list
    rows: list

    def row(self, name):
        return next(r for r in self.rows if r.name == name)

    def fill(self, runs, retries):
        """All rows of a run before the next run, so that a change of the machine meets every row."""
        for n in range(1, runs + 1):
            for row in self.rows:
                if row.absent or row.failure:
                    continue
                try:
                    self.take(row, retries)
                except Failed as e:
                    row.failure = str(e)
                    print(f"bench: {self.title}, {row.name}: failed: {e}", file=sys.stderr)
                    continue
                first = self.columns[self.first(row)][0]
                print(f"bench: {self.title}, run {n} of {runs}, {row.name}: {row.runs[-1][first]:.4g} {first}",
                      file=sys.stderr)

    def take(self, row, retries):
        """One run of a row, thrown away and repeated while other programs disturb it."""
        for attempt in range(retries + 1):
            figures, foreign = row.measure()
            if foreign <= FOREIGN_LIMIT:
                break
            print(f"bench: {row.name}: other programs kept {foreign:.2f} cores busy"
                  f"{', run thrown away' if attempt < retries else ', kept all the same'}", file=sys.stderr)
        else:
            row.disturbed += 1
        row.runs.append(figures)

    def cells(self):
        """The table's text, the goals judged, row by row; and how many goals were missed."""
        missed = 0
        lines = [[""] + [name for name, _ in self.columns] + ["goal"]]
        for row in self.rows:
            judged = [goal.judge(row, self) for goal in row.goals]
            missed += sum(met is False for _, met in judged)
            name = row.name + (f" ({row.disturbed} of {len(row.runs)} runs disturbed)" if row.disturbed else "")
            if row.absent or row.failure:
                why = row.absent or f"failed: {row.failure}"
                line = [name, why.replace("|", "/").replace("\n", " ")] + ["–"] * (len(self.columns) - 1)
            else:
                line = [name] + [self.cell(row, i) for i in range(len(self.columns))]
            lines.append(line + ["; ".join(text for text, _ in judged)])
        return lines, missed

    def first(self, row):
        """The first column in which the row has figures."""
        return next(i for i, (name, _) in enumerate(self.columns) if any(name in run for run in row.runs))

    def cell(self, row, index):
        column, digits = self.columns[index]
        values = [run[column] for run in row.runs if column in run]
        if not values:
            return "–"
        text = f"{median(values):,.{digits}f}"
        if index == self.first(row) and len(values) > 1:
            text += f" ({min(values):,.{digits}f}–{max(values):,.{digits}f})"
        return text

    def render(self, markdown):
        """The table as Markdown, or with aligned columns for a terminal; and how many goals were missed."""
        lines, missed = self.cells()
        if markdown:
            body = ["| " + " | ".join(line) + " |" for line in lines]
            body.insert(1, "| " + " | ".join("---" for _ in lines[0]) + " |")
            return f"## {self.title}\n\n" + "\n".join(body) + "\n", missed
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]) - 1)]
        body = ["  ".join(c.ljust(w) for c, w in zip(line, widths)) + "  " + line[-1] for line in lines]
        return f"{self.title}\n" + "\n".join(line.rstrip() for line in body) + "\n", missed
