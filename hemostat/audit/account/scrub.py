"""Takes people and secrets out of text that leaves the record: reports and exports.

What is taken out: who spoke (as ids of people in the record), addresses of mail, and what looks
like a key, a token or a password. What only a person can see to be a name stays; a person reads
what is disclosed before it leaves, and two pairs of eyes agree to it.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from hemostat.audit.account.account import Account
from hemostat.terminal import clean

_KEY_ID: Final = re.compile(r"\b(?:AKIA|ASIA|AIDA|AROA)[A-Z0-9]{4,}\b")
"""No secret, but an account's: the last four tell keys of one incident apart."""
_SECRETS: Final = (
    re.compile(r"\b(?:sk|pk|rk|ghp|gho|xox[abp])[-_][A-Za-z0-9_-]{8,}\b"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)?"),
    re.compile(r"(?i)\b(?:bearer|basic)\s+[A-Za-z0-9+/=._-]{8,}"),
    re.compile(r"(?i)\b(?:password|passwd|secret|token|api[_-]?key)\s*[=:]\s*\S+"),
    re.compile(r"-----BEGIN [A-Z ]+-----[\s\S]*?(?:-----END [A-Z ]+-----|$)"),
)
_MAIL: Final = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")


class Scrubber:
    """Scrubs text of one incident."""

    def __init__(self, account: Account) -> None:
        names = [p for p in account.people() if len(p) > 1]
        self._people = (
            re.compile(r"(?<![\w-])(?:" + "|".join(map(re.escape, names)) + r")(?![\w-])")
            if names
            else None
        )

    def text(self, said: object, limit: int = 2000) -> str:
        """Return *said* without people and secrets, cleaned and cut."""
        text = str(said)
        for secret in _SECRETS:
            text = secret.sub("[secret]", text)
        text = _KEY_ID.sub(lambda found: f"[key …{found[0][-4:]}]", text)
        text = _MAIL.sub("[address]", text)
        if self._people is not None:
            text = self._people.sub("[person]", text)
        return clean(text, limit)

    def value(self, value: Any) -> Any:
        """Return a JSON value with every text in it scrubbed."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(name): self.value(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(inner) for inner in value]
        return value
