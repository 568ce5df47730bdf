"""Strict replay: whether the recorded decisions follow from the recorded inputs.

Temporal's own replayer compares the kinds of commands and their order. It accepts a history whose
activity arguments, activity results or outcome were changed. Here every command is compared with
all that it carried, and the journal that the replay writes with the one in the record.

Law: nothing in here but ``today`` knows which playbooks there are, and nothing else of ours is
imported than ``schemas``: the same files run beside another version of the code (``elsewhere``).
"""
