"""What goes wrong and where it is tried: the points of a matrix, and how incidents share them."""

import itertools
import os
from collections.abc import Iterator, Sequence
from enum import StrEnum

from tests.crash.fault import Act, Point, When

TOGETHER = int(os.environ.get("HEMOSTAT_CRASH_TOGETHER", "5"))
"""At how many points one incident is disturbed; 1 tells which of them did harm."""
SEALS = ("seal_edge", "seal_registry", "seal_serving", "seal_probes")


class Fault(StrEnum):
    """What goes wrong."""

    WORKER_KILLED = "worker killed"
    TEMPORAL_KILLED = "Temporal killed"
    MLFLOW_DOWN = "MLflow down"
    CADDY_DOWN = "Caddy down"
    NO_ANSWER = "acted, no answer"


def points(fault: Fault, acts: tuple[Act, ...]) -> Iterator[Point]:
    """Where *fault* is tried."""
    for act in acts:
        match fault:
            case Fault.WORKER_KILLED | Fault.TEMPORAL_KILLED:
                yield Point(act, When.BEFORE)
                yield Point(act, When.AFTER)
            case Fault.MLFLOW_DOWN:
                if act.port in {"seal_registry", "move_alias", "retrain_without_poison"}:
                    yield Point(act, When.BEFORE)
                if act.port in {"move_alias", "reload_replicas"}:
                    yield Point(act, When.AFTER)
            case Fault.CADDY_DOWN:
                # While a stage is open, an edge that is gone breaks its guard, and the playbook
                # rightly closes the feedback again: another course, not the same one disturbed.
                if act.port in {"isolate_endpoint", "restore_endpoint"}:
                    yield Point(act, When.BEFORE)
                    yield Point(act, When.AFTER)
            case Fault.NO_ANSWER:
                if act.port not in SEALS:  # nothing is done outside that an answer could be about
                    yield Point(act, When.AFTER)


SHARED = {
    *("page", "acknowledge_page", "resolve_page", "open_ticket", "seal_edge"),
    *("isolate_endpoint", "restore_endpoint", "admit_cohort"),
}
"""Ports of several playbooks; those of feedback poisoning are always killed on both sides."""


def one_each(acts: tuple[Act, ...]) -> list[Point]:
    """One point for each port of its own: its first act, on one side or the other in turns."""
    first = {act.port: act for act in reversed(acts) if act.port not in SHARED}
    sides = itertools.cycle((When.AFTER, When.BEFORE))
    chosen = [act for act in acts if first.get(act.port) == act]
    return [Point(act, side) for act, side in zip(chosen, sides, strict=False)]


def shared_out(chosen: Sequence[Point], *, at_least: int) -> list[list[Point]]:
    """The points of each incident: neighbours in the course go into different ones."""
    incidents = max(at_least, -(-len(chosen) // TOGETHER))
    return [points for n in range(incidents) if (points := list(chosen[n::incidents]))]
