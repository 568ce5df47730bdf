"""Strict stand-ins for vendors' clouds, each a process that can be told to lie."""
