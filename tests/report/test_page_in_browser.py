"""The page in headless Chromium: what a person can do with keys alone, and that nothing leaves the page."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iterpref.report.page import write_page
from iterpref.store import Run
from iterpref.types import Attempt, Pair, Span, Task, Trajectory
from tests.report.conftest import HOSTILE, PASS, add_sessions, wrong
from tests.report.large import fill

By = pytest.importorskip("selenium.webdriver.common.by", reason="selenium is not installed").By
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(sample: Path, tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with Run(sample, read_only=True) as run:
        return write_page(run, tmp_path_factory.mktemp("page") / "report.html", tokenizer=tokenizer)


@pytest.fixture
def opened(browser: Any, report: Path) -> Any:
    """The report, freshly opened on a desktop."""
    size(browser, 1280, 900)
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(report.as_uri())
    return browser


def size(browser: Any, width: int, height: int, dark: bool = False) -> None:
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    wishes = {"prefers-color-scheme": "dark" if dark else "light", "prefers-reduced-motion": "reduce"}
    features = [{"name": name, "value": value} for name, value in wishes.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def press(browser: Any, keys: str) -> None:
    browser.switch_to.active_element.send_keys(keys)


def until(what: Callable[[], Any]) -> None:
    for _ in range(100):
        if what():
            return
        time.sleep(0.05)
    raise AssertionError("the page did not come to what was waited for")


def search(browser: Any, text: str) -> None:
    box = browser.find_element(By.ID, "f-text")
    box.clear()
    box.send_keys(text, Keys.ENTER)


def title(browser: Any) -> str:
    return str(browser.find_element(By.CSS_SELECTOR, "#t-detail h3").text)


def programs(browser: Any) -> list[str]:
    script = "return [...document.querySelectorAll('#t-detail .code')].map((code) => code.textContent)"
    return list(browser.execute_script(script))


def test_no_errors_and_no_requests(opened: Any, report: Path) -> None:
    search(opened, "largest")
    press(opened, "t")
    assert opened.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
    sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert [url for url in sent if not url.startswith("data:")] == [report.as_uri()]


def test_nothing_hostile_runs_and_text_is_shown_as_it_is(opened: Any) -> None:
    search(opened, "hostile")
    assert title(opened) == "world/<b>hostile</b>"
    shown = programs(opened)[0]
    expected = HOSTILE
    for hidden, sign in (("\x00", "\u2400"), ("\x1b", "\u241b"), ("\u202e", "\u2426")):
        expected = expected.replace(hidden, sign)
    assert shown == expected
    press(opened, "t")
    assert programs(opened)[0] == expected
    assert opened.execute_script("return window.injected") is None
    assert opened.execute_script("return document.querySelectorAll('img, b.injected, article script').length") == 0


def test_own_scripts_alone_may_run(opened: Any) -> None:
    opened.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.injected = 5'; document.body.append(s)"
    )
    assert opened.execute_script("return window.injected") is None
    assert "Content Security Policy" in opened.get_log("browser")[0]["message"]


def test_the_list_is_walked_with_keys(opened: Any) -> None:
    search(opened, "world/")
    names = [row.text.split("\n")[0][2:] for row in opened.find_elements(By.CSS_SELECTOR, "#t-list li")]
    assert title(opened) == names[0]
    press(opened, "j")
    press(opened, "j")
    assert title(opened) == names[2]
    press(opened, "k")
    assert title(opened) == names[1]
    opened.find_element(By.ID, "t-list").send_keys(Keys.ARROW_DOWN)
    assert title(opened) == names[2]
    opened.find_element(By.ID, "t-list").send_keys(Keys.END)
    assert title(opened) == names[-1]
    press(opened, "/")
    assert opened.switch_to.active_element.get_attribute("id") == "f-text"


def test_versions_are_tabs(opened: Any) -> None:
    search(opened, "world/largest")
    tabs = opened.find_elements(By.CSS_SELECTOR, "[role=tab]")
    assert [tab.text for tab in tabs] == ["version 0 ✗", "version 1 ✗", "version 2 ✗", "y+ version 3 ✓"]
    tabs[0].send_keys(Keys.ARROW_RIGHT)
    assert opened.switch_to.active_element.text == "version 1 ✗"
    press(opened, Keys.ARROW_RIGHT)
    assert "repeats an earlier version" in opened.find_element(By.ID, "v-panel").text


def test_marks_say_what_they_are(opened: Any) -> None:
    def marks(kind: str) -> str:
        return "".join(
            node.get_attribute("textContent") for node in opened.find_elements(By.CSS_SELECTOR, f"article mark.{kind}")
        )

    search(opened, "world/largest")
    assert marks("pen") == "    return sorted(xs)[:n]\n"
    assert marks("pref") == "    return sorted(xs, reverse=True)[:n]\n"
    press(opened, "t")
    assert marks("pen") == "\n    return sorted(xs)[:n]\n"  # newline and indentation are one token
    assert len(opened.find_elements(By.CSS_SELECTOR, "article .tok")) > 20
    press(opened, "t")
    search(opened, "world/mean")
    gap = opened.find_element(By.CSS_SELECTOR, "article mark.gap")
    assert gap.get_attribute("data-label") == "missing: what follows is penalised"
    assert marks("pen") == ""


def test_what_running_proves_irrelevant_has_its_own_mark_and_reason(
    browser: Any, tokenizer: Any, tmp_path: Path
) -> None:
    rejected = "def f(n):\n    k = n\n    # one more\n    return k - 1\n"
    chosen = "def f(n):\n    total = n\n    return total + 1\n"
    name, line = rejected.index("k = n"), rejected.index("    return")
    spans = (
        Span(name, name + 1, 0.0, "renamed"),
        Span(rejected.index("    #"), line, 0.0, "irrelevant"),
        Span(line, len(rejected), 1.0, "changed"),
        Span(len(rejected), len(rejected), 0.0, "irrelevant"),
    )
    versions = (Attempt(0, rejected, wrong("f(1)")), Attempt(1, chosen, PASS))
    with Run(tmp_path / "run") as run:
        add_sessions(run, {"one": Trajectory(Task("one", "Add one."), versions)})
        pair = run.get("pair", "one/0", Pair)
        assert pair is not None
        run.replace(["pair"], [("pair", "one/0", replace(pair, rejected_spans=spans))])
        report = write_page(run, tmp_path / "report.html", tokenizer=tokenizer)
    size(browser, 1280, 900)
    browser.get(report.as_uri())

    def marks(kind: str) -> list[tuple[str, str]]:
        nodes = browser.find_elements(By.CSS_SELECTOR, f"article mark.{kind}")
        return [(n.get_attribute("textContent").strip(), n.get_attribute("title")) for n in nodes]

    told = "irrelevant: the tests pass without this change"
    for unit in ("characters", "tokens"):
        texts = [mark for mark in marks("irr") if mark[0]]
        assert ("k", "irrelevant: only renamed") in texts, unit
        assert "".join(text for text, title in texts if title == told).replace(" ", "") == "#onemore", unit
        assert ("", told) in marks("gap"), unit
        press(browser, "t")
    assert {title for text, title in marks("pen") if text} == {"penalised: changed"}
    assert "No penalty: 2 irrelevant, 1 renamed." in browser.find_element(By.ID, "v-panel").text
    rows = [row.get_attribute("data-sign") for row in browser.find_elements(By.CSS_SELECTOR, "#v-panel .code .row")]
    assert rows[:4] == [None, "=", "=", "\u2212"]


def test_filters_narrow_down(opened: Any) -> None:
    def choose(name: str, value: str) -> str:
        opened.find_element(By.CSS_SELECTOR, f"#f-{name} option[value='{value}']").click()
        return str(opened.find_element(By.ID, "t-found").text)

    search(opened, "world/")
    assert choose("solved", "no").startswith("1 of")
    assert title(opened) == "world/never"
    assert choose("solved", "yes").startswith("5 of")  # one of them again in round 2
    assert choose("kind", "ZeroDivisionError").startswith("2 of")
    assert choose("round", "2").startswith("1 of")
    assert choose("teacher", "search").startswith("0 of")
    assert "Nothing matches" in opened.find_element(By.ID, "t-list").text
    opened.find_element(By.CSS_SELECTOR, "#filters button[type=reset]").click()
    until(lambda: title(opened))


def test_flips_show_both_programs(opened: Any) -> None:
    found = opened.find_element(By.ID, "p-found")
    assert "won by the tuned model" in found.text
    assert len(opened.find_elements(By.CSS_SELECTOR, "#p-detail .code")) == 2
    opened.find_element(By.CSS_SELECTOR, "input[name=side][value=lost]").send_keys(Keys.SPACE)
    assert "lost by the tuned model" in found.text


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 390, 768, 1280])
def test_nothing_is_wider_than_the_screen(opened: Any, width: int, dark: bool) -> None:
    size(opened, width, 844, dark)
    press(opened, "t")
    assert opened.execute_script("return document.documentElement.scrollWidth") <= width
    script = (
        "return [...document.querySelectorAll('body *')].filter((node) => !node.closest('.scroll, svg, .skip') &&"
        " node.getBoundingClientRect().right > innerWidth + 1).map((node) => node.outerHTML.slice(0, 90))"
    )
    assert opened.execute_script(script) == []


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out(opened: Any, dark: bool) -> None:
    """Contrast of at least 4.5 (WCAG AA) for the page's text colours on what they stand on."""
    size(opened, 1280, 900, dark)
    on = {"--paper": ["--ink", "--dim", "--accent", "--pen", "--pref"], "--card": ["--ink", "--dim", "--accent"]}
    on |= {
        "--pen-bg": ["--ink"],
        "--pref-bg": ["--ink"],
        "--rec-bg": ["--ink"],
        "--irr-bg": ["--ink", "--irr"],
        "--gap-bg": ["--gap"],
    }
    on |= {"--accent": ["--paper"], "--accent-soft": ["--ink", "--dim"], "--soft": ["--ink", "--dim"]}
    for ground, inks in on.items():
        for ink in inks:
            assert contrast(colour(opened, ink), colour(opened, ground)) >= 4.5, (ink, ground)


def colour(browser: Any, name: str) -> tuple[int, ...]:
    text = browser.execute_script(
        "return getComputedStyle(document.documentElement).getPropertyValue(arguments[0])", name
    )
    digits = text.strip().lstrip("#")
    return tuple(int(digits[index : index + 2], 16) for index in (0, 2, 4))


def contrast(one: tuple[int, ...], two: tuple[int, ...]) -> float:
    def luminance(rgb: tuple[int, ...]) -> float:
        parts = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_first_tab_stop_skips_to_the_figures(opened: Any) -> None:
    opened.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    focused = opened.switch_to.active_element
    assert focused.text == "Skip to the figures"
    assert opened.execute_script("return arguments[0].getBoundingClientRect().left >= 0", focused)


def test_a_large_run_opens_and_filters(browser: Any, tmp_path: Path) -> None:
    fill(tmp_path / "run", 50_000)
    with Run(tmp_path / "run", read_only=True) as run:
        report = write_page(run, tmp_path / "report.html")
    size(browser, 1280, 900)
    browser.get_log("browser")
    browser.get(report.as_uri())
    assert browser.find_element(By.ID, "t-found").text == "2,000 of 2,000 match"
    assert len(browser.find_elements(By.CSS_SELECTOR, "#t-list li")) == 50
    search(browser, "timeout")
    assert browser.find_element(By.ID, "t-found").text.startswith("50 of")
    browser.find_element(By.CSS_SELECTOR, "#filters button[type=reset]").click()
    until(lambda: browser.find_element(By.ID, "t-page").text == "1 of 40")
    browser.find_element(By.ID, "t-next").click()
    assert browser.find_element(By.CSS_SELECTOR, "#t-list li").get_attribute("aria-posinset") == "51"
