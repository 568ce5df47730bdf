"""``hemostat up``: everything on one machine, and the first settings where there are none."""

from hemostat.up.running import TEMPORAL_PORT, UI_PORT, Running, run_up

__all__ = ["TEMPORAL_PORT", "UI_PORT", "Running", "run_up"]
