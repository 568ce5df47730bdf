"""How people reach Hemostat: the CLI, the HTTP gateway, the console, drills and the audit tools.

This package never imports ``activities``; effects reach it only through Temporal.
"""

__version__ = "0.1.0"
