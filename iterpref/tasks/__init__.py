"""Stage 1: where tasks come from."""

from iterpref.tasks.recorded import read_recorded, read_rows

__all__ = ["read_recorded", "read_rows"]
