"""A pair on the terminal: what is penalised, irrelevant, unchanged, missing."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from iterpref.report.marks import is_irrelevant, unpenalised
from iterpref.types import Pair, Span

__all__ = ["render_pair"]

PENALISED = "bold white on red"
IRRELEVANT = "bold cyan"  # differs, and that is beside the point
RECORDED = "red"  # differs, but carries no penalty
MISSING = "bold black on yellow"
PREFERRED = "bold white on green"


def render_pair(pair: Pair, offsets: Sequence[tuple[int, int]] | None = None, weights: Sequence[float] = ()) -> Group:
    """Both programs of a pair, y- first. With token ``offsets`` and ``weights`` of y-, whole tokens are coloured."""
    told = ", ".join(f"{key} {value}" for key, value in pair.provenance.items() if value not in ("", None))
    parts: list[RenderableType] = [
        Text(f"pair {pair.id}", style="bold"),
        Text(told, style="dim"),
        Panel(Text(pair.prompt.strip("\n")), title="prompt"),
    ]
    if pair.rejected is not None:
        code = _mark(pair.rejected, pair.rejected_spans)
        if offsets is not None:
            code = Text(pair.rejected)
            for span in filter(is_irrelevant, pair.rejected_spans):
                code.stylize(IRRELEVANT, span.start, span.end)
            for (start, end), weight in zip(offsets, weights, strict=False):
                if weight:
                    code.stylize(PENALISED, start, max(end, start + 1))
            if weights and weights[-1]:
                code.append(" end of program ", MISSING)
        told = unpenalised(pair.rejected_spans)
        below = f"no penalty: {told}" if told else None
        parts.append(Panel(_with_gutter(code), title="y-  the failing version", subtitle=below))
    chosen = Text(pair.chosen)
    for span in pair.chosen_spans:
        chosen.stylize(IRRELEVANT if is_irrelevant(span) else PREFERRED, span.start, span.end)
    parts.append(Panel(_with_gutter(chosen), title="y+  the version that passes"))
    legend = Text("  ").join(
        [
            Text("- penalised", PENALISED),
            Text("= irrelevant", IRRELEVANT),
            Text("~ differs, unpenalised", RECORDED),
            Text("> missing here", MISSING),
            Text("+ preferred instead", PREFERRED),
            Text("unchanged: no mark"),
        ]
    )
    return Group(*parts, legend)


def _with_gutter(code: Text) -> Text:
    """A sign before each marked line, for those who see no colour."""
    signs = {PENALISED: "- ", MISSING: "> ", PREFERRED: "+ ", IRRELEVANT: "= ", RECORDED: "~ "}
    lines = []
    for line in code.split("\n", allow_blank=True):
        styles = {span.style for span in line.spans}
        sign = next((sign for style, sign in signs.items() if style in styles), "  ")
        lines.append(Text(sign).append_text(line))
    return Text("\n").join(lines)


def _mark(code: str, spans: Sequence[Span]) -> Text:
    text = Text()
    at = 0
    for span in sorted(spans, key=lambda each: (each.start, each.end)):
        text.append(code[at : span.start])
        if span.start == span.end:
            whole_line = code[: span.start].endswith("\n")
            if is_irrelevant(span):
                text.append("only y+ has code here: irrelevant", IRRELEVANT)
            else:
                text.append(f"missing here{', penalised' if span.weight else ''}", MISSING)
            text.append("\n" if whole_line else "")
        else:
            style = PENALISED if span.weight else IRRELEVANT if is_irrelevant(span) else RECORDED
            text.append(code[span.start : span.end], style)
        at = span.end
    text.append(code[at:])
    return text
