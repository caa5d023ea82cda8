"""Runs one program with its tests, inside the jail: calls and scripts here, assert and unittest code in ``suite``."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from iterpref.plain import NotPlain, to_json
from iterpref.plain import from_json as decode
from iterpref.sandbox.apart import Link, load_apart
from iterpref.sandbox.describe import show, type_name
from iterpref.sandbox.loading import compile_code, compile_program, load, new_module
from iterpref.sandbox.normal import to_plain
from iterpref.sandbox.results import PROGRAM, SETUP, TESTS, BadTestsError, Results
from iterpref.sandbox.suite import run_asserts, run_unittest

__all__ = ["run_job"]


def run_job(job: dict[str, Any], result_fd: int, link: Link | None = None) -> NoReturn:
    """Run ``job`` and end the process; with ``link`` the program runs in the process at its other end."""
    sources = {PROGRAM: job["program"], TESTS: job["code"], SETUP: job["setup"]}
    results = Results(result_fd, job["nonce"], sources)
    try:
        for path, text in job["files"].items():
            if os.path.dirname(path):
                os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                file.write(text)
        _KINDS[job["kind"]](job, results, load if link is None else partial(load_apart, link))
    except BadTestsError as error:
        results.record(invalid=str(error))
    except BaseException:  # what the harness itself relies on has been replaced
        results.broken_off()
    results.exit(0)
    raise AssertionError  # not reached


Load = Callable[[dict[str, Any], Results], "dict[str, Any] | None"]


def _run_calls(job: dict[str, Any], results: Results, load: Load) -> None:
    """Call functions of the program and hand out what they return; it is compared in the caller's process."""
    calls = job["calls"]
    encode, normalise, name_of, lookup = to_json, to_plain, type_name, _lookup
    seconds, timer, set_timer = job["call_seconds"], signal.ITIMER_VIRTUAL, signal.setitimer
    namespace = load(job, results)
    if namespace is None:
        results.finish(len(calls))
    if job["imports"]:
        try:
            exec(compile_code(job["imports"], TESTS), namespace)
        except BaseException as error:
            results.failed(error)
            results.finish(len(calls))
    for call in calls:
        if seconds:
            set_timer(timer, seconds)  # at its end the kernel kills
        try:
            value = lookup(namespace, call["function"])(*decode(call["args"]), **decode(call["kwargs"]))
        except BaseException as error:
            results.record(error=results.explain(error))
            continue
        try:
            if job["exact"]:
                results.returned(encode(value))
                continue
            try:
                results.returned(encode(value))
            except NotPlain:
                greedy = type(value).__module__ == "program" and _equals_anything(value)
                results.returned(encode(normalise(value)), shown=show(value), of=name_of(value), greedy=greedy)
        except (NotPlain, ValueError, RecursionError, MemoryError):
            greedy = not job["exact"] and _equals_anything(value)
            results.record(odd=name_of(value), shown="" if job["exact"] else show(value), greedy=greedy)
            if job["exact"]:
                break  # the tests have to run beside the program
    results.finish(len(calls))


def _equals_anything(value: Any) -> bool:
    """Whether a returned object claims to equal one that was made this moment."""
    try:
        return bool(value == object())
    except BaseException:
        return False


def _lookup(namespace: dict[str, Any], name: str) -> Any:
    if name in namespace:
        return namespace[name]
    builtins = namespace["__builtins__"]
    known = builtins if isinstance(builtins, dict) else vars(builtins)
    if name in known:
        return known[name]
    raise NameError(f"name '{name}' is not defined")


def _run_script(job: dict[str, Any], results: Results, load: Load) -> None:
    """Run the program as a script; its output is judged outside, so all that is said here is what it raised."""
    run_exit_functions, join_threads = atexit._run_exitfuncs, threading._shutdown  # type: ignore[attr-defined]
    sys.argv = [PROGRAM]
    code = compile_program(job["program"], results)
    if code is None:
        return
    namespace = new_module("__main__")
    try:
        try:
            if job["setup"]:
                exec(compile_code(job["setup"], SETUP), namespace)
            exec(code, namespace)
        finally:
            join_threads()
            run_exit_functions()
            sys.stdout.flush()
    except SystemExit as error:
        if error.code not in (None, 0):
            results.failed(error)
    except BaseException as error:
        results.failed(error)


_KINDS: dict[str, Callable[[dict[str, Any], Results, Load], None]] = {
    "calls": _run_calls,
    "asserts": run_asserts,
    "check": run_asserts,
    "unittest": run_unittest,
    "stdio": _run_script,
}
