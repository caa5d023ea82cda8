"""Charts: where things are drawn, computed by hand, and that any label is only text."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from iterpref.report.svg import columns, intervals, lines, ticks
from iterpref.stats import Estimate

FINITE = st.floats(-1e9, 1e9, allow_nan=False)


def parse(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(str(svg))


def test_ticks_are_round_and_cover_the_range() -> None:
    assert ticks(0.0, 1.0, 4) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert ticks(-0.13, 0.04, 4) == [-0.15, -0.1, -0.05, 0.0, 0.05]
    assert ticks(3.0, 3.0, 2) == [2.5, 3.0, 3.5]  # a tenth more to each side


@given(FINITE, FINITE, st.integers(2, 6))
def test_ticks_cover_any_range_with_few_steps(a: float, b: float, count: int) -> None:
    low, high = min(a, b), max(a, b)
    found = ticks(low, high, count)
    assert found == sorted(set(found))
    slack = 1e-6 * (high - low)
    assert found[0] <= low + slack
    assert found[-1] >= high - slack
    assert len(found) <= 2 * count + 2


def test_the_rule_of_a_reference_lies_within_the_chart() -> None:
    svg = str(intervals([("far", Estimate(0.4, 0.2, 0.6, 9))], "points", 0.0, "+"))
    (place,) = re.findall(r'class="rule" d="M([-\d.]+) ', svg)
    (dot,) = re.findall(r'class="dot s0" cx="([-\d.]+)"', svg)
    assert 0 <= float(place) < float(dot)


def test_columns_draw_value_and_interval_where_they_belong() -> None:
    svg = columns([("1", Estimate(0.5, 0.25, 0.75, 40))], "versions", "pass, %")
    circle = next(node for node in parse(svg).iter("circle"))
    # The plot is 12 to 178 high (220 - 42), 60 to 346 wide: one half is in the middle, the quarters 41.5 away from it.
    assert (circle.get("cx"), circle.get("cy")) == ("203.0", "95.0")
    whisker = next(node for node in parse(svg).iter("path") if "whisker" in (node.get("class") or ""))
    assert (whisker.get("d") or "").startswith("M203.0 136.5V53.5")


def test_lines_keep_every_series_and_zero_in_view() -> None:
    svg = str(lines([("a", [(0, 1.0), (10, 2.0)]), ("b", [(0, 3.0), (10, 4.0)])], "step", "nats", zero=True))
    drawn = [node for node in parse(svg).iter("path") if (node.get("class") or "").startswith("line")]
    assert [node.get("class") for node in drawn] == ["line s0", "line s1"]
    assert drawn[0].get("d") == "M60.0 136.5L346.0 95.0"  # ticks run from 0 to 4
    assert "step" in svg
    assert "nats" in svg


def test_lines_of_nothing_are_nothing() -> None:
    assert lines([("a", [])], "step", "nats") == ""


def test_one_point_can_be_drawn() -> None:
    parse(lines([("a", [(5, 1.0)])], "step", "nats"))


def test_intervals_show_the_sign_of_a_difference() -> None:
    svg = str(
        intervals([("gain", Estimate(0.1, 0.05, 0.15, 9)), ("loss", Estimate(-0.1, -0.2, 0.0, 9))], "points", 0.0, "+")
    )
    assert re.findall(r"<tspan[^>]*>([^<]*)</tspan>", svg) == ["+10.0", "\u221210.0"]
    assert "rule" in svg


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=20))
def test_any_label_is_text(label: str) -> None:
    estimate = Estimate(0.5, 0.4, 0.6, 3)
    for svg in (
        columns([(label, estimate)], label, label),
        lines([(label, [(0, 0.0), (1, 1.0)])], label, label),
        intervals([(label, estimate)], label),
    ):
        root = parse(svg)
        assert {node.tag for node in root.iter()} <= {"svg", "g", "path", "circle", "text", "tspan", "title"}
        assert label in (root.get("aria-label") or "")
