"""Only the sandbox: judge three answers to one problem, and see why two of them fail."""

from iterpref.sandbox import Sandbox
from iterpref.types import Case, Tests

tests = Tests("calls", entry_point="mean", cases=(Case(([1, 2, 3],), 2.0), Case(([5],), 5.0)), tolerance=1e-9)
answers = {
    "right": "def mean(xs):\n    return sum(xs) / len(xs)\n",
    "off by one": "def mean(xs):\n    return sum(xs) / (len(xs) - 1)\n",
    "hostile": "import os\nos._exit(0)\n",
}

if __name__ == "__main__":
    with Sandbox() as box:
        for name, code in answers.items():
            verdict = box.judge(code, tests)
            print(f"{name}: {verdict.outcome.value}, {verdict.tests_passed} of {verdict.tests_total} tests")
            print(f"    {verdict.feedback.strip() or 'nothing to say'}".replace("\n", "\n    "))
