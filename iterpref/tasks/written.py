"""Tasks that a teacher wrote: read strictly, and checked for tests that test something.

The form is EpiCoder's: an instruction, ``<file>`` marks with a fenced block each (one module, one test file), and a
JSON object of file names and packages. The test file imports the module; here both share one namespace, so that import
becomes a plain name. From then on the tests are frozen.

What makes tests worth having is seen by running them on stubs: programs of the same names that do nothing, or return
an object that goes along with everything. Tests that pass on a stub test nothing, and a stub must fail in a comparison
at least once: so an assertion is known to have been executed.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from iterpref.syntax import parse
from iterpref.teachers.chat import fenced_blocks, strip_reasoning
from iterpref.types import Case, Outcome, Tests, Verdict

__all__ = ["NewTests", "Unusable", "Written", "check_tests", "parse_task", "review_tests", "stubs"]

Judge = Callable[[str, Tests], Verdict]

_INSTRUCTION = re.compile(r"<instruction>(.*?)</instruction>", re.DOTALL)
_FILE = re.compile(r"^[ \t]*<file>([^<\n]+)</file>[ \t]*$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\bTODO\b|\bFIXME\b|raise NotImplementedError|^\s*\.\.\.\s*$", re.MULTILINE)
_ANYTHING = """\
class _Anything:
    def __getattr__(self, name): return self
    def __call__(self, *args, **kwargs): return self
    def __getitem__(self, key): return self
    def __iter__(self): return iter(())
    def __len__(self): return 0
    def __bool__(self): return True
    def __enter__(self): return self
    def __exit__(self, *args): return None
    def __add__(self, other): return self
    __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __mod__ = __pow__ = __add__
    def __lt__(self, other): return False
    __gt__ = __le__ = __ge__ = __lt__
    def __abs__(self): return self
    def __round__(self, digits=0): return self
"""


class Unusable(ValueError):
    """An answer that is no task. The message says what is wrong, to its author; ``reason`` is the same in a word."""

    def __init__(self, reason: str, told: str = "") -> None:
        super().__init__(told or reason)
        self.reason = reason


@dataclass(frozen=True)
class Written:
    """A task as its author wrote it, with tests in our form."""

    instruction: str
    solution: str
    tests: Tests


@dataclass(frozen=True)
class NewTests:
    """Tests that came with a repair. They decide nothing; this is what running them said.

    ``usable`` is what :func:`check_tests` says of them, empty where they are fit; ``outcome`` how the repair they came
    with fares in them.
    """

    code: str
    usable: str
    outcome: str


def parse_task(text: str, form: str) -> Written:
    """Read an answer.

    Raises:
        Unusable: a part is missing, doubled or does not parse, or a package is not installed.
    """
    text = strip_reasoning(text)
    instructions = _INSTRUCTION.findall(text)
    if len(instructions) != 1 or not instructions[0].strip():
        raise Unusable(
            "no instruction", "it must hold exactly one <instruction> ... </instruction> with the task in it"
        )
    files, rest = _files(text)
    names = list(files)
    tests_name = next((name for name in names if "test" in name.lower()), "")
    modules = [name for name in names if name != tests_name]
    if len(names) != 2 or not tests_name or not modules[0].endswith(".py"):
        raise Unusable("not two files", "it must hold one module (solution.py) and one test file, and no other file")
    _check_listing(rest, names)
    solution = files[modules[0]]
    if _PLACEHOLDER.search(solution):
        raise Unusable(
            "solution is a placeholder", "the solution must be complete, without TODO or NotImplementedError"
        )
    if form == "contest":
        tests = _cases(files[tests_name])
    else:
        tests = _test_code(files[tests_name], modules[0].removesuffix(".py"))
    return Written(instructions[0].strip(), solution + "\n", tests)


def _files(text: str) -> tuple[dict[str, str], str]:
    """File name -> text of its block, and the text behind the last of these blocks."""
    marks = list(_FILE.finditer(text))
    files: dict[str, str] = {}
    rest = text
    for mark, end in zip(marks, [*(mark.start() for mark in marks[1:]), len(text)], strict=True):
        part = text[mark.end() : end]
        blocks = fenced_blocks(part)
        name = mark[1].strip()
        if not blocks or name in files:
            raise Unusable("a file without its block", f"<file>{name}</file> must be followed by one fenced block")
        files[name] = blocks[0][1]
        rest = part
    return files, rest


def _check_listing(rest: str, names: list[str]) -> None:
    told = 'it must end in a json block such as {"file_names": ["solution.py", "test_solution.py"], "packages": []}'
    blocks = [code for language, code in fenced_blocks(rest) if language == "json" and "file_names" in code]
    found = blocks[-1:] or re.findall(r"\{[^{}]*\"file_names\"[^{}]*\}", rest)[-1:]
    try:
        listing: Any = json.loads(found[0]) if found else None
        packages = listing["packages"]
        listed = listing["file_names"]
    except (ValueError, KeyError, TypeError):
        raise Unusable("no list of files and packages", told) from None
    if not isinstance(packages, list) or not isinstance(listed, list) or set(listed) != set(names):
        raise Unusable("no list of files and packages", told)
    missing = [package for package in packages if not _installed(str(package))]
    if missing:
        raise Unusable("needs packages", f"{missing[0]} cannot be used; use the standard library only")


def _installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package.split(".")[0].replace("-", "_")) is not None
    except (ImportError, ValueError):
        return False


def _cases(text: str) -> Tests:
    told = 'the tests must be a JSON list of objects with text in "input" and "output", at least one'
    try:
        rows = json.loads(text)
        cases = tuple(Case(args=(row["input"],), expected=row["output"]) for row in rows)
    except (ValueError, KeyError, TypeError):
        raise Unusable("tests do not parse", told) from None
    if not cases or not all(isinstance(each, str) for case in cases for each in (*case.args, case.expected)):
        raise Unusable("tests do not parse", told)
    return Tests("stdio", cases=cases)


def _test_code(text: str, module: str) -> Tests:
    try:
        tree = parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise Unusable("tests do not parse", f"the test file is not valid Python ({error})") from None
    tree.body = [each for node in tree.body for each in _own_names(node, module)]
    cases = any(isinstance(node, ast.ClassDef) for node in tree.body)
    calls = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test")}
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    if not cases:  # functions that a test runner would call
        tree.body += [parse(f"{name}()").body[0] for name in sorted(calls - called)]
    code = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
    asserts = any(isinstance(node, ast.Assert) for node in ast.walk(tree))
    methods = any(
        isinstance(node, ast.Attribute) and node.attr.startswith(("assert", "fail")) for node in ast.walk(tree)
    )
    if not asserts and not methods:
        raise Unusable("tests assert nothing", "the tests must compare results with expected values")
    return Tests("unittest" if cases else "asserts", code=code)


def _own_names(node: ast.stmt, module: str) -> list[ast.stmt]:
    """A statement of the test file, with imports of the module made assignments; ``unittest.main()`` is left out."""
    if isinstance(node, ast.ImportFrom) and node.module == module and not node.level:
        renamed = [(name.asname, name.name) for name in node.names if name.asname and name.asname != name.name]
        return [parse(f"{new} = {old}").body[0] for new, old in renamed]
    if isinstance(node, ast.Import) and any(name.name == module for name in node.names):
        raise Unusable("tests import the module whole", f"the test file must use `from {module} import names`")
    if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
        return []
    return [node]


def stubs(solution: str, tests: Tests) -> tuple[str, ...]:
    """Programs with the names of the solution that do nothing useful; for scripts the empty program.

    A solution that does not parse gives its names by what the tests call.
    """
    if tests.kind == "stdio":
        return ("pass\n",)
    made = []
    for result in ("None", "_Anything()"):
        try:
            tree = parse(solution)
        except (SyntaxError, ValueError, RecursionError):
            called = {node.id for node in ast.walk(parse(tests.code)) if isinstance(node, ast.Name)}
            tree = parse("".join(f"def {name}(*args, **kwargs): pass\n" for name in sorted(called - _BUILTINS)))
        kept = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
        tree.body = [node for node in tree.body if isinstance(node, (*kept, ast.AsyncFunctionDef))]
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                special = node.name.startswith("__")
                node.body = parse("pass" if special else f"return {result}").body
        made.append(_ANYTHING + ast.unparse(ast.fix_missing_locations(tree)) + "\n")
    return tuple(made)


_BUILTINS = frozenset(dir(__builtins__) if not isinstance(__builtins__, dict) else __builtins__) | {"self", "unittest"}


def check_tests(solution: str, tests: Tests, judge: Judge) -> str:
    """Why the tests are of no use, or nothing.

    The reasons: they pass on a stub, no assertion of them was reached on any, or they cannot be used at all. Empty also
    where the machine failed: the tests are judged again with every program.
    """
    verdicts = [judge(stub, tests) for stub in stubs(solution, tests)]
    if any(verdict.passed for verdict in verdicts):
        return "tests pass on a stub"
    unusable = next((each for each in verdicts if each.outcome in (Outcome.INVALID, Outcome.UNSUPPORTED)), None)
    if unusable is not None:
        return f"tests cannot be used: {unusable.feedback}"[:160]
    if all(verdict.outcome not in (Outcome.WRONG, Outcome.INFRA) for verdict in verdicts):
        return "no assertion of the tests was reached on a stub"
    return ""


def review_tests(frozen: Tests, solution: str, program: str, code: str, judge: Judge) -> NewTests | None:
    """What tests beside a repair are worth; None where they are the frozen ones, word for word."""
    try:
        tests = _test_code(code, _module_of(code))
    except Unusable as error:
        return NewTests(code, error.reason, "")
    if tests.code == frozen.code:
        return None
    usable = check_tests(solution, tests, judge)
    return NewTests(code, usable, "" if usable else judge(program, tests).outcome.value)


def _module_of(code: str) -> str:
    """The module whose names a test file imports: the first that is not installed."""
    try:
        imports = [node for node in parse(code).body if isinstance(node, ast.ImportFrom) and node.module]
    except (SyntaxError, ValueError, RecursionError):
        return ""
    return next((str(node.module) for node in imports if not _installed(str(node.module))), "solution")
