"""``hemostat accounts``: who signs in with an account of this machine; each file is a command."""

from hemostat.cli import group

command = group(__name__, "Add, list, reset and remove the accounts of this machine.")
