"""Charts as small inline SVG: one function each, no library. Colours come from the page's style sheet by class.

Every chart is 360 units wide, so that its text keeps a readable size on a phone; a wide page sets several in a row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

from iterpref.stats import Estimate

__all__ = ["Line", "columns", "intervals", "key_of", "lines", "ticks"]

Line = tuple[str, Sequence[tuple[float, float]]]  # name, points

_WIDTH, _HEIGHT = 360, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 14, 12, 42
_STYLES = 6  # style classes s0 to s5 of the page: each a colour, a dash pattern and a marker


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers from at most ``low`` to at least ``high``."""
    if high - low <= max(1e-9 * max(abs(low), abs(high)), 1e-12):
        pad = abs(low) * 0.1 or 1.0
        low, high = low - pad, high + pad
    rough = (high - low) / count
    power = math.floor(math.log10(rough))
    step = next(factor * 10.0**power for factor in (1, 2, 2.5, 5, 10) if factor * 10.0**power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 3 - power) for index in range(first, last + 1)]


def columns(points: Sequence[tuple[str, Estimate]], x_label: str, y_label: str) -> Markup:
    """Shares (0 to 100 %) at discrete places, joined by a line, with 95 % intervals."""
    wide = (_WIDTH - _LEFT - _RIGHT) / max(len(points), 1)
    y_of = _scale(0.0, 1.0, _HEIGHT - _BOTTOM, _TOP)
    places = [(_LEFT + wide * (index + 0.5), estimate) for index, (_, estimate) in enumerate(points)]
    parts = [_y_axis([0, 0.25, 0.5, 0.75, 1.0], y_of, y_label, percent=True)]
    parts.append(_path([(x, y_of(estimate.value)) for x, estimate in places], "line s0"))
    every = math.ceil(len(points) / 10)
    for index, ((label, estimate), (x, _)) in enumerate(zip(points, places, strict=True)):
        told = f"{label}: {_percent(estimate)}"
        parts.append(
            f'<g><title>{escape(told)}</title><path class="whisker s0" d="{_whisker_up(x, estimate, y_of)}"/>'
            f'<circle class="dot s0" cx="{x:.1f}" cy="{y_of(estimate.value):.1f}" r="4"/></g>'
        )
        if len(points) <= 7:
            above = y_of(estimate.high) - 6
            parts.append(f'<text class="value" x="{x:.1f}" y="{above:.1f}">{100 * estimate.value:.1f}</text>')
        if index % every == 0:
            parts.append(f'<text class="tick" x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 16}">{escape(label)}</text>')
    parts.append(_x_label(x_label))
    told = "; ".join(f"{label}: {_percent(estimate)}" for label, estimate in points)
    return _svg(f"{y_label} by {x_label}. {told}", parts)


def lines(series: Sequence[Line], x_label: str, y_label: str, zero: bool = False) -> Markup:
    """Curves over numbers, styled by their order. ``zero`` keeps zero in view, with a rule there."""
    xs = [x for _, points in series for x, _ in points]
    ys = [y for _, points in series for _, y in points]
    if not xs:
        return Markup("")
    y_ticks = ticks(min([*ys, 0.0] if zero else ys), max([*ys, 0.0] if zero else ys), 4)
    x_ticks = [tick for tick in ticks(min(xs), max(xs), 4) if min(xs) <= tick <= max(xs)]
    x_of = _scale(min(xs), max(xs) if max(xs) > min(xs) else min(xs) + 1, _LEFT, _WIDTH - _RIGHT)
    y_of = _scale(y_ticks[0], y_ticks[-1], _HEIGHT - _BOTTOM, _TOP)
    parts = [_y_axis(y_ticks, y_of, y_label)]
    for tick in x_ticks:
        parts.append(f'<text class="tick" x="{x_of(tick):.1f}" y="{_HEIGHT - _BOTTOM + 16}">{_short(tick)}</text>')
    if y_ticks[0] < 0 < y_ticks[-1]:
        parts.append(f'<path class="rule" d="M{_LEFT} {y_of(0):.1f}H{_WIDTH - _RIGHT}"/>')
    told = []
    for index, (name, points) in enumerate(series):
        if not points:
            continue
        style = f"s{index % _STYLES}"
        places = [(x_of(x), y_of(y)) for x, y in points]
        first, last = points[0][1], points[-1][1]
        told.append(f"{name}: {_short(first)} to {_short(last)}")
        title = f"<title>{escape(told[-1])}</title>"
        parts.append(f"<g>{title}{_path(places, f'line {style}')}{_marker(*places[-1], index)}</g>")
    parts.append(_x_label(x_label))
    return _svg(f"{y_label} by {x_label}. " + "; ".join(told), parts)


def intervals(
    rows: Sequence[tuple[str, Estimate]], x_label: str, reference: float | None = None, sign: str = ""
) -> Markup:
    """One dot with its 95 % interval a row, the label above it; ``reference`` is drawn as a vertical rule.

    ``sign`` is a format sign: ``+`` for differences.
    """
    step, top, left, right = 34, 6, 8, 14
    bottom = top + step * len(rows)
    values = [edge for _, estimate in rows for edge in (estimate.low, estimate.high)]
    values += [] if reference is None else [reference]
    x_ticks = ticks(min(values), max(values), 5)
    x_of = _scale(x_ticks[0], x_ticks[-1], left + 14, _WIDTH - right)
    parts = []
    for tick in x_ticks:
        parts.append(f'<path class="grid" d="M{x_of(tick):.1f} {top}V{bottom}"/>')
        parts.append(f'<text class="tick" x="{x_of(tick):.1f}" y="{bottom + 15}">{_short(100 * tick)}</text>')
    if reference is not None:
        parts.append(f'<path class="rule" d="M{x_of(reference):.1f} {top}V{bottom}"/>')
    for index, (label, estimate) in enumerate(rows):
        y = top + step * index + 24
        low, high = x_of(estimate.low), x_of(estimate.high)
        told = f"{label}: {_percent(estimate)}"
        parts.append(
            f'<g><title>{escape(told)}</title><text class="label" x="{left}" y="{y - 10}">{escape(_cut(label, 46))}'
            f'<tspan class="figure" dx="6">{_minus(f"{100 * estimate.value:{sign}.1f}")}</tspan></text>'
            f'<path class="whisker s0" d="M{low:.1f} {y}H{high:.1f}M{low:.1f} {y - 4}v8M{high:.1f} {y - 4}v8"/>'
            f'<circle class="dot s0" cx="{x_of(estimate.value):.1f}" cy="{y}" r="4.5"/></g>'
        )
    parts.append(f'<text class="axis" x="{_WIDTH / 2}" y="{bottom + 33}">{escape(x_label)}</text>')
    told = "; ".join(f"{label}: {_percent(estimate)}" for label, estimate in rows)
    return _svg(f"{x_label}. {told}", parts, height=bottom + 40)


def key_of(index: int) -> Markup:
    """The line and marker by which the series of that number is known, for a legend."""
    style = f"s{index % _STYLES}"
    drawn = f'<path class="line {style}" d="M2 7H26"/>{_marker(26, 7, index)}'
    return Markup(f'<svg class="key" viewBox="0 0 34 14" width="34" height="14" aria-hidden="true">{drawn}</svg>')


def _svg(told: str, parts: Sequence[str], height: float = _HEIGHT) -> Markup:
    head = f'<svg class="chart" viewBox="0 0 {_WIDTH} {height:g}" role="img" aria-label="{escape(told)}">'
    return Markup(head + "".join(parts) + "</svg>")


def _scale(low: float, high: float, start: float, end: float) -> _Scale:
    return _Scale(low, high, start, end)


class _Scale:
    """Maps [low, high] to [start, end], linearly."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self._low, self._start = low, start
        self._factor = (end - start) / (high - low)

    def __call__(self, value: float) -> float:
        return self._start + (value - self._low) * self._factor


def _y_axis(values: Sequence[float], y_of: _Scale, label: str, percent: bool = False) -> str:
    parts = []
    for value in values:
        y, text = y_of(value), _short(100 * value if percent else value)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text class="tick end" x="{_LEFT - 6}" y="{y + 3.5:.1f}">{text}</text>')
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    turned = f'transform="rotate(-90 9 {middle:.1f})"'
    parts.append(f'<text class="axis" x="9" y="{middle:.1f}" {turned}>{escape(label)}</text>')
    return "".join(parts)


def _x_label(label: str) -> str:
    return f'<text class="axis" x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 6}">{escape(label)}</text>'


def _path(places: Sequence[tuple[float, float]], style: str) -> str:
    return f'<path class="{style}" d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in places)}"/>' if places else ""


def _whisker_up(x: float, estimate: Estimate, y_of: _Scale) -> str:
    low, high = y_of(estimate.low), y_of(estimate.high)
    return f"M{x:.1f} {low:.1f}V{high:.1f}M{x - 4:.1f} {low:.1f}h8M{x - 4:.1f} {high:.1f}h8"


def _marker(x: float, y: float, index: int) -> str:
    """Circle, square, triangle or diamond, so that a series is known without its colour."""
    style = f'class="dot s{index % _STYLES}"'
    shapes = (
        f'<circle {style} cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>',
        f'<rect {style} x="{x - 3.2:.1f}" y="{y - 3.2:.1f}" width="6.4" height="6.4"/>',
        f'<path {style} d="M{x:.1f} {y - 4.2:.1f}l4 7.4h-8z"/>',
        f'<path {style} d="M{x:.1f} {y - 4.6:.1f}l4.6 4.6l-4.6 4.6l-4.6 -4.6z"/>',
    )
    return shapes[index % len(shapes)]


def _percent(estimate: Estimate) -> str:
    low, high = f"{100 * estimate.low:.1f}", f"{100 * estimate.high:.1f}"
    return f"{100 * estimate.value:.1f} % (95 % interval {low} to {high}, n = {estimate.count:,})"


def _short(value: float) -> str:
    text = f"{value:.4g}" if abs(value) < 10_000 else f"{value / 1000:g}k"
    mantissa, e, exponent = text.partition("e")
    return _minus(f"{mantissa}e{int(exponent)}" if e else text)


def _minus(text: str) -> str:
    return text.replace("-", "\u2212")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
