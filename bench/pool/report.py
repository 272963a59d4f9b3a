"""What was measured, as text on the terminal, as Markdown and as JSON."""

import json
import math
import statistics
from pathlib import Path


class Report:
    """Collects sections; prints each as it comes, and writes all of them at the end."""

    def __init__(self, out):
        self.out = Path(out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.markdown, self.figures, self.broken = [], {}, []

    def say(self, text=""):
        print(text, flush=True)

    def note(self, text):
        self.say(text)
        self.markdown.append(f"{text}\n")

    def heading(self, text):
        self.say(f"\n{text}")
        self.markdown.append(f"## {text}\n")

    def table(self, columns):
        """A table whose rows are printed one by one. `columns`: pairs of title and width, the first one left-aligned."""
        return Table(self, columns)

    def keep(self, part, row):
        self.figures.setdefault(part, []).append(row)

    def judge(self, holds, text):
        """A bound of the issue: printed either way; a broken one fails the bench."""
        self.note(f"{'holds ' if holds else 'BROKEN'}  {text}")
        if not holds:
            self.broken.append(text)

    def write(self, machine):
        self.figures["machine"] = machine
        self.figures["broken"] = self.broken
        (self.out / "report.json").write_text(json.dumps(self.figures, indent=1) + "\n")
        head = "# `canvass pool` beside pgbouncer\n\n" + "".join(
            f"- {key}: {value}\n" for key, value in machine.items()
        )
        (self.out / "report.md").write_text(head + "\n" + "\n".join(self.markdown))


class Table:
    def __init__(self, report, columns):
        self.report, self.columns = report, columns
        titles = [title for title, _ in columns]
        report.say(self.line(titles))
        report.markdown.append("| " + " | ".join(titles) + " |\n" + "|---" + "|--:" * (len(titles) - 1) + "|")

    def line(self, cells):
        return "".join(
            f"{cell:<{width}}" if i == 0 else f"{cell:>{width}}"
            for i, (cell, (_, width)) in enumerate(zip(cells, self.columns))
        ).rstrip()

    def row(self, *cells):
        cells = [cell if isinstance(cell, str) else number(cell) for cell in cells]
        self.report.say(self.line(cells))
        self.report.markdown.append("| " + " | ".join(cells) + " |")

    def end(self):
        self.report.markdown.append("")


def number(value):
    """As many digits as mean something."""
    if value is None or math.isnan(value):
        return "-"
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def percent(value):
    return f"{100 * value:.0f}%"


def ratio(value):
    return "-" if math.isnan(value) else f"{value:.2f}x"


def median(runs, name):
    return statistics.median(getattr(run, name) for run in runs)


def spread(runs, name):
    """How far apart the runs are: half of the range, as a share of the median."""
    values = [getattr(run, name) for run in runs]
    middle = statistics.median(values)
    return f"±{50 * (max(values) - min(values)) / middle:.0f}%" if middle else "-"


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))
