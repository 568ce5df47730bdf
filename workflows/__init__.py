"""What is decided: one deterministic playbook a file.

Law: imports ``schemas`` and Temporal's workflow API only; no clock, dice, network or disk but
Temporal's. A playbook exists because its file does.
"""
