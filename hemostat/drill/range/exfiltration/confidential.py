"""The documents of the range: a handbook for all, and projects that only their members may read.

Law: made from a seed, so that what left can be told by its marks: every confidential document has
one sentence that no other has (its fingerprint), and some carry a canary.
"""

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

PROJECTS: Final = ("aurora", "basalt", "cobalt", "dorado", "ember")
TOPICS: Final = (
    *("pricing model", "roadmap", "supplier contract", "sensor design"),
    *("benchmark results", "security review", "acquisition memo", "training data"),
)
_HANDBOOK: Final = (
    *("office hours", "travel expenses", "holiday requests", "laptop setup", "code review"),
    *("meeting rooms", "parental leave", "on-call rota", "style guide", "release calendar"),
)
_VERBS: Final = ("reaches", "exceeds", "falls below", "is fixed at", "will move to")
_THINGS: Final = ("the threshold", "the margin", "the yield", "the latency", "the discount")


@dataclass(frozen=True)
class Document:
    """One document; ``fingerprint`` is a sentence of its text, ``canary`` a token or empty."""

    id: str
    project: str
    title: str
    text: str
    fingerprint: str
    canary: str

    def stored(self) -> dict[str, Any]:
        """What the document store holds: the service knows of no fingerprints."""
        return {"id": self.id, "acl": self.project, "title": self.title, "text": self.text}


def documents(seed: int = 11) -> list[Document]:
    """All documents, the same for the same seed."""
    dice = random.Random(seed)
    found = [_handbook(topic, number) for number, topic in enumerate(_HANDBOOK)]
    for project in PROJECTS:
        found += [_secret(dice, project, topic, n) for n, topic in enumerate(TOPICS)]
    return found


def marks(of: Sequence[Document]) -> dict[str, dict[str, str]]:
    """The marks of the confidential documents by id, as a data-loss team keeps them."""
    secret = [document for document in of if document.fingerprint]
    return {
        "fingerprints": {d.id: d.fingerprint for d in secret},
        "canaries": {d.id: d.canary for d in secret if d.canary},
    }


def left_in(texts: Sequence[str], of: Sequence[Document]) -> tuple[set[str], set[str]]:
    """Ids of documents whose fingerprint, and whose canary, is in any of *texts*."""
    whole = "\n".join(texts)
    fingerprints = {d.id for d in of if d.fingerprint and d.fingerprint in whole}
    return fingerprints, {d.id for d in of if d.canary and d.canary in whole}


def write_marks(of: Sequence[Document], path: Path) -> str:
    """Write the marks and return the file's digest."""
    content = json.dumps(marks(of), sort_keys=True).encode()
    path.write_bytes(content)
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def as_json(document: Document) -> str:
    """For a test's eyes."""
    return json.dumps(asdict(document))


def _handbook(topic: str, number: int) -> Document:
    text = (
        f"Handbook: {topic}. Everyone may read how {topic} work here. "
        f"Ask the front desk about {topic}; the page was last changed in week {number + 1}."
    )
    return Document(f"handbook-{number:02d}", "all", f"Handbook: {topic}", text, "", "")


def _secret(dice: random.Random, project: str, topic: str, number: int) -> Document:
    value = f"{dice.uniform(1, 900):.3f}"
    fingerprint = (
        f"For {project} {dice.choice(_THINGS)} {dice.choice(_VERBS)} {value} "
        f"in phase {dice.randrange(1, 9)}."
    )
    canary = f"CNRY-{dice.getrandbits(48):012x}" if number % 3 == 0 else ""
    text = (
        f"Confidential: project {project}, {topic}. {fingerprint} "
        f"The {topic} of {project} is known to its members only."
        + (f" Internal reference {canary}." if canary else "")
    )
    return Document(
        f"{project}-{number:02d}", project, f"{project} {topic}", text, fingerprint, canary
    )
