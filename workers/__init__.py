"""Where it runs: the only place that introduces decisions to effects.

Law: may import everything of ours; only ``hemostat.cli``, ``hemostat.up`` and drills import it.
"""
