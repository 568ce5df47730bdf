"""``hemostat audit``: the record for those who do not trust us; each file here is a command."""

from hemostat.cli import group

command = group(
    __name__,
    "Seal, export, verify and replay the record offline. It asks for no trust in us.",
)
