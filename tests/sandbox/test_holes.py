"""Objects that are made after the holes between older ones are filled lie side by side."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# In an interpreter of its own: what other tests have left in this one's memory is nobody's to know.
MEASURE = """
import json, sys
from iterpref.sandbox.holes import fill

size, page = int(sys.argv[1]), 4096
many = [bytes(size) for _ in range(20_000)]
holes = many[::50]  # one each in many pages
del many[::50]
count = len(holes) // 2
scattered = len({id(hole) // page for hole in holes[:count]})
del holes
filled = fill()
new = [bytes(size) for _ in range(count)]
least = -(-count * (size + 33) // page)
print(json.dumps([len({id(piece) // page for piece in new}), least, scattered, len(filled)]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other allocators place objects otherwise")
@pytest.mark.parametrize("size", [100, 300, 2000])
def test_new_objects_lie_side_by_side(size: int) -> None:
    done = subprocess.run([sys.executable, "-c", MEASURE, str(size)], capture_output=True, text=True, check=True)
    after, least, scattered, filled = json.loads(done.stdout)
    assert filled
    assert after <= 1.2 * least + 6 < scattered
