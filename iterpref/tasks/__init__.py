"""Stage 1: where tasks come from."""

from iterpref.tasks.features import load_tree
from iterpref.tasks.recorded import read_recorded, read_rows
from iterpref.tasks.synthesis import synthesise
from iterpref.tasks.written import review_tests

__all__ = ["load_tree", "read_recorded", "read_rows", "review_tests", "synthesise"]
