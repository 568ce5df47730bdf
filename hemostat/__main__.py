"""``python -m hemostat``: the same as the command ``hemostat``."""

from hemostat.cli import main

main()
