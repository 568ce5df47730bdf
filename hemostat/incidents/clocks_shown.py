"""A legal clock in the words of its catalogue: which law, whom to tell, what it is about. Pure."""

from schemas.clocks.definition import ClockDefinition
from schemas.clocks.view import ClockRow


def addressed_to(clock: ClockDefinition) -> str:
    """Return whom to notify; nothing where the law names nobody."""
    return ", ".join(clock.addressees).replace("_", " ")


def about(clock: ClockDefinition) -> str:
    """Return what the law applies to and whom it wants told, as far as the catalogue says."""
    told = f"to the {to}" if (to := addressed_to(clock)) else ""
    return "; ".join(said for said in (clock.trigger or clock.rule or "", told) if said)


def other_readings(row: ClockRow) -> str:
    """Return when it is due by other readings, for counsel to judge."""
    if row.readings is None:
        return ""
    read = [f"{where} {at:%Y-%m-%d %H:%M} UTC" for where, at in row.readings.legal.items()]
    read += [f"{where} relief {at:%Y-%m-%d %H:%M} UTC" for where, at in row.readings.relief.items()]
    if row.readings.day:
        read.append(f"on {row.readings.day}")
    return "; ".join(read)
