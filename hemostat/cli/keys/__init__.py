"""``hemostat keys``: the keys with which people speak to incidents; each file here is a command."""

from hemostat.cli import group

command = group(__name__, "Create, list, rotate and certify keys that speak.")
