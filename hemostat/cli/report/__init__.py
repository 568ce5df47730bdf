"""``hemostat report``: what people read afterwards; each file here is a command."""

from hemostat.cli import group

command = group(__name__, "Write reports from the record: post-mortem, board, metrics.")
