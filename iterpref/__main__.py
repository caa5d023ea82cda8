"""``python -m iterpref``."""

from iterpref.cli import main

main()
