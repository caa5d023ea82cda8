"""A real OpenAI-compatible server: ``transformers serve`` with the shipped small model behind it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.teachers.server import free_port


@pytest.fixture(scope="session")
def transformers_serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A ``transformers serve`` process with the shipped model behind it, and that model's folder."""
    folder = tmp_path_factory.mktemp("served") / "model"
    with served(folder) as (url, _):
        yield url, folder


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Its address and its process; ``folder`` is made, and gets the model."""
    pytest.importorskip("fastapi", reason="transformers serve needs transformers[serving]")
    pytest.importorskip("uvicorn", reason="transformers serve needs transformers[serving]")
    from transformers import AutoTokenizer

    from iterpref.micro import base_path

    shutil.copytree(base_path(), folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    # the model knows instructions only, not what is said around them
    tokenizer.chat_template = "{{ messages[-1].content.split('\n\n')[0] + '\n' }}"
    tokenizer.save_pretrained(folder)
    port = free_port()
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(folder), "--device", "cpu"]
    log = folder.with_suffix(".log")
    with log.open("w") as handle:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port), "--dtype", "float32"],
            stdout=handle,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(folder.parent), "OMP_NUM_THREADS": "1"},
        )
        try:
            for _ in range(600):
                assert process.poll() is None, log.read_text()
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1)
                    break
                except (urllib.error.URLError, OSError):
                    time.sleep(0.2)
            yield f"http://127.0.0.1:{port}/v1", process
        finally:
            process.terminate()
            process.wait(timeout=30)
