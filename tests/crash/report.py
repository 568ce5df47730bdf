"""The table of a crash matrix: one row a fault, and whether it left a trace outside."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Row:
    """One disturbed incident, compared with the undisturbed one."""

    playbook: str
    fault: str
    point: str
    effects_differ: list[str] = field(default_factory=list)
    record_differs: list[str] = field(default_factory=list)
    recovered: float | None = None
    """Seconds from the fault until the act was known to be done, or, where a system failed after
    the act, until its step was proven."""
    took: float | None = None
    """Seconds from the alert to the close."""
    order: tuple[object, ...] = ()
    """Where it stands in the table."""

    @property
    def held(self) -> bool:
        """Whether nothing was lost or doubled, and the record is whole."""
        return not self.effects_differ and not self.record_differs

    @property
    def told(self) -> str:
        """Where it is in the matrix."""
        return f"{self.playbook}, {self.fault}, {self.point}"

    def cells(self) -> tuple[str, ...]:
        """As the table shows it."""
        return (
            self.playbook,
            self.fault,
            self.point,
            "equal" if not self.effects_differ else "DIFFER",
            "whole" if not self.record_differs else "BROKEN",
            "-" if self.recovered is None else f"{self.recovered:.1f}",
            "-" if self.took is None else f"{self.took:.1f}",
        )


HEAD = ("playbook", "fault", "at", "effects", "record", "recovered s", "incident s")


@dataclass
class Report:
    """All rows, and how long everything took."""

    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The table as Markdown that also reads well in a terminal."""
        table = [HEAD, *(row.cells() for row in sorted(self.rows, key=_order))]
        widths = [max(len(cells[column]) for cells in table) for column in range(len(HEAD))]
        made = [_line(cells, widths) for cells in table]
        made.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return [*made, "", *self._summary(), *self.notes]

    def _summary(self) -> list[str]:
        held = sum(row.held for row in self.rows)
        said = [f"{held} of {len(self.rows)} faults left neither a lost nor a doubled effect."]
        for row in self.rows:
            said += [f"{row.told}: {what}" for what in row.effects_differ]
            said += [f"{row.told}: {what}" for what in row.record_differs]
        for fault in dict.fromkeys(row.fault for row in self.rows):
            times = sorted(
                row.recovered
                for row in self.rows
                if row.fault == fault and row.recovered is not None
            )
            if times:
                middle, most = times[len(times) // 2], times[-1]
                said.append(
                    f"{fault}: recovered after {middle:.1f} s (median), {most:.1f} s (most)."
                )
        return said

    def write(self, path: Path) -> None:
        """Keep it as a file."""
        path.parent.mkdir(exist_ok=True)
        path.write_text("# Crash matrix\n\n" + "\n".join(self.lines()) + "\n", encoding="utf-8")


def _order(row: Row) -> tuple[str, ...]:
    return tuple(f"{part:>03}" for part in row.order)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "| " + " | ".join(padded) + " |"
