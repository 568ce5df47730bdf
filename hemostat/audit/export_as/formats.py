"""The formats there are, by name: how each is made and how it is checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hemostat.audit.account.account import Account
from hemostat.audit.export_as import aiid, atlas, ocsf, stix


@dataclass(frozen=True)
class Format:
    """One format."""

    title: str
    export: Callable[[Account], Any]
    check: Callable[[Any], list[str]]


FORMATS: Final[Mapping[str, Format]] = {
    "ocsf": Format("OCSF incident and detection finding", ocsf.export, ocsf.check),
    "atlas": Format("MITRE ATLAS case study, a draft", atlas.export, atlas.check),
    "aiid": Format("AI Incident Database report, a draft", aiid.export, aiid.check),
    "stix": Format("STIX 2.1 bundle", stix.export, stix.check),
}
