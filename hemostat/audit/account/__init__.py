"""What the record tells of an incident, gathered from its journal and from nothing else.

Law: every fact here carries the numbers of the entries that show it. What no entry shows is None
or absent; nothing is guessed, and nothing is taken from what an incident "must have" done.
"""
