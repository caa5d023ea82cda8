"""The page as a file: self-contained, safe against its own contents, honest about samples."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from iterpref.config import PairsConfig, Recipe
from iterpref.report import page
from iterpref.report.page import write_page
from iterpref.store import Run
from tests.report.conftest import FIXED, HOSTILE
from tests.report.large import fill


class Elements(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def text(sample: Path, tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    with Run(sample, read_only=True) as run:
        assert write_page(run, path, tokenizer=tokenizer) == path.resolve()
    return path.read_text(encoding="utf-8")


def data_of(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    loaded: dict[str, Any] = json.loads(found[1])
    return loaded


def test_nothing_is_fetched(text: str) -> None:
    for tag, attributes in Elements(text).found:
        assert tag not in ("img", "iframe", "object", "embed", "base", "audio", "video", "source")
        assert "src" not in attributes
        if "href" in attributes:
            assert (attributes["href"] or "").startswith(("#", "data:,"))
    assert "url(" not in text.split("</style>")[0]
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_only_our_own_script_is_there(text: str) -> None:
    scripts = [attributes for tag, attributes in Elements(text).found if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "data"}, {}]
    handlers = [name for _, attributes in Elements(text).found for name in attributes if name.startswith("on")]
    assert handlers == []
    assert "reason with &lt;/td&gt;&lt;script&gt;" in text


def test_hostile_programs_arrive_unchanged(text: str) -> None:
    found = {session["id"]: session for session in data_of(text)["sessions"]}["world/<b>hostile</b>"]
    assert [version["code"] for version in found["versions"]] == [HOSTILE, FIXED]
    assert "\x00" not in text


def test_the_page_is_the_same_whenever_it_is_made(sample: Path, tmp_path: Path) -> None:
    with Run(sample, read_only=True) as run:
        first = write_page(run, tmp_path / "a.html").read_bytes()
        assert write_page(run, tmp_path / "b.html").read_bytes() == first


def test_the_headline_reports_the_model_chosen_on_validation(text: str) -> None:
    found = re.search(r'<p class="lead">(.*?)</p>', text, re.DOTALL)
    assert found is not None
    assert "over 2 rounds" in found[1]
    assert "with target-rpo (the best on validation)" in found[1]
    assert "from debugging.jsonl" in found[1]  # the file, not somebody's folders


def test_a_sample_says_so(sample: Path, tmp_path: Path) -> None:
    with Run(sample, read_only=True) as run:
        text = write_page(run, tmp_path / "report.html", limit=3).read_text(encoding="utf-8")
        sessions = run.count("end") + run.count("end", 2)
    assert f"A sample: 3 of {sessions} sessions." in text
    assert len(data_of(text)["sessions"]) == 3


def test_the_page_has_a_size_limit(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MAX_BYTES", 4000)
    with Run(sample, read_only=True) as run:
        text = write_page(run, tmp_path / "report.html").read_text(encoding="utf-8")
    shown = len(data_of(text)["sessions"])
    assert 0 < shown < 6
    assert f"A sample: {shown} of" in text


def test_a_run_that_has_only_begun_can_be_looked_at(tmp_path: Path) -> None:
    with Run(tmp_path / "run") as run:
        run.write_manifest(Recipe(run="x", pairs=PairsConfig()))
        text = write_page(run, run.path / "report.html").read_text(encoding="utf-8")
    assert "nothing has been collected yet" in text
    assert data_of(text)["sessions"] == []


def test_tokens_are_there_only_with_a_tokenizer(text: str, sample: Path, tmp_path: Path) -> None:
    with Run(sample, read_only=True) as run:
        without = write_page(run, tmp_path / "report.html").read_text(encoding="utf-8")
    assert 'value="tokens"' in text
    assert 'value="tokens"' not in without
    assert all("tokens" not in version for each in data_of(without)["sessions"] for version in each["versions"])


@pytest.mark.slow
def test_fifty_thousand_sessions_need_no_more_memory_than_five_thousand(tmp_path: Path) -> None:
    peaks = []
    for sessions in (5_000, 50_000):
        fill(tmp_path / str(sessions), sessions)
        command = [sys.executable, "-m", "tests.report.large", str(tmp_path / str(sessions)), str(tmp_path / "x.html")]
        told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
        peaks.append(int(told.stdout) / 1024)
    assert peaks[1] < peaks[0] + 40, f"MiB: {peaks}"
    text = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert "A sample: 2,000 of 50,000 sessions." in text
    assert len(text) < 4_000_000
