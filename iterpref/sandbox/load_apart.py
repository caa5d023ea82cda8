"""The namespace that tests get where they run in another process than the program (``apart``)."""

from __future__ import annotations

import ast
import builtins
import contextlib
import sys
from typing import Any

from iterpref.sandbox.apart import Link
from iterpref.sandbox.canary import asserting_lines
from iterpref.sandbox.loading import new_module
from iterpref.sandbox.names import library_imports, module_names, scan
from iterpref.sandbox.proxy import TYPE, Remote
from iterpref.sandbox.results import BadTestsError, Results

__all__ = ["load_apart"]

_LARGEST_VARIABLE = 10_000  # characters of a container that is told anew whenever it has changed


def load_apart(link: Link, job: dict[str, Any], results: Results) -> dict[str, Any] | None:
    """Have the program loaded by the other half; returns a namespace of proxies for the names that the tests use."""
    link.results = results
    program, tests = _parse(job["program"]), ast.parse(job["code"])
    link.inspecting = any(name == "inspect" for name, _ in library_imports(program))
    mentioned = {node.id for node in ast.walk(tests) if isinstance(node, ast.Name)}
    made = {node.id for node in ast.walk(tests) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    own = module_names(tests, ast.walk(tests))
    link.classes = {name for name in mentioned - made if name[:1].isupper() and not hasattr(builtins, name)}
    link.asserting = asserting_lines(tests)
    results.why_unclear = link.why_unclear
    if shared := made & scan(program)[0] & own:
        link.unclear = f"program and tests have a variable {min(shared)!r} in common"
    wanted = mentioned | {job["entry_point"]} - {""}
    namespace = link.namespace = new_module("tests")
    namespace["type"] = TYPE
    # Library names that the program imports mean the library's own, imported here before the program runs.
    local = {name: node for name, node in library_imports(program) if name in mentioned - {job["entry_point"]}}
    local |= {name: ast.Import([ast.alias(name)]) for name in _modules_used(tests) & scan(program)[0] - {*local}}
    for name, node in local.items():
        with contextlib.suppress(Exception):
            exec(compile(ast.fix_missing_locations(ast.Module([node], [])), "tests.py", "exec"), namespace)
            link.libraries.add(name)
    # Beside its tests a program sees what they import.
    imports = [ast.unparse(node) for node in tests.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    link.trusted = _libraries(tests) | _libraries(_parse(job["setup"]))
    link.send({key: job[key] for key in ("program", "setup", "entry_point", "kind")} | {"imports": imports})
    reply = link.receive()
    if "invalid" in reply and job["setup"]:
        raise BadTestsError(str(reply["invalid"]))
    if "loaded" not in reply:
        results.first_failure = False
        results.record(failure=reply.get("failure"))
        return None
    tested = _tested(job, tests, scan(program)[0])
    for name in sorted(wanted - link.libraries):
        if not hasattr(builtins, name) or name in tested:
            with contextlib.suppress(KeyError):
                namespace[name] = link.ask("name", name)
            value = namespace.get(name)
            if name in namespace and name not in made | own and type(value) is not Remote:
                link.variables[name] = link.text_of(value)
            if len(link.variables.get(name, "")) > _LARGEST_VARIABLE:
                del link.variables[name]
                link.unclear = f"the tests look at the program's large variable {name!r}"
    return namespace


def _modules_used(tests: ast.Module) -> set[str]:
    """Modules of the standard library that the tests use as such: ``math.isclose``."""
    owners = {n.value.id for n in ast.walk(tests) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)}
    return owners & sys.stdlib_module_names


def _libraries(tree: ast.Module) -> set[str]:
    """What is imported at the top and does not belong to Python."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {""}


def _parse(program: str) -> ast.Module:
    try:
        return ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])  # loading it says so


def _tested(job: dict[str, Any], tests: ast.Module, bound: set[str]) -> set[str]:
    """Names that mean the program's function although a builtin has them: the entry point, else what is called."""
    if job["entry_point"]:
        return {job["entry_point"]}
    called = {n.func.id for n in ast.walk(tests) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)} & bound
    return set() if any(not hasattr(builtins, name) for name in called) else called
