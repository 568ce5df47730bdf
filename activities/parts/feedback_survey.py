"""The marks of a poisoning campaign in a stream of feedback. Pure, and of bounded memory.

Near-duplicates: two texts are the same when their sets of words of four letters and more are, in
any case, order and Unicode form; marks, numbers and short fillers do not count. It costs one hash
a row. Who adds a long word to each text passes it; the other marks do not depend on it.
"""

import hashlib
import math
import re
import unicodedata
from collections import Counter
from datetime import datetime, timedelta
from typing import Final

from pydantic import AwareDatetime, BaseModel

from schemas.ports.serving import FeedbackSurvey

_WORD: Final = re.compile(r"[^\W\d_]{4,}")
_DISTINCT: Final = 500_000
"""Accounts, and texts, that are told apart; those beyond are counted but not as new ones."""


class Feedback(BaseModel):
    """One row of the label store; an account of unknown age counts as young."""

    id: int
    at: AwareDatetime
    account: str
    account_created_at: AwareDatetime | None = None
    text: str

    def is_young(self, young: timedelta) -> bool:
        """Whether the account was made less than *young* before it gave this."""
        return self.account_created_at is None or self.at - self.account_created_at < young


class Survey:
    """Counts the rows from *start* on; those before it only for the volume and the onset."""

    def __init__(self, start: datetime, young: timedelta) -> None:
        self._start = start
        self._young = young
        self._before = 0
        self._rows = 0
        self._suspicious = 0
        self._repeated = 0
        self._onset: datetime | None = None
        self._accounts: Counter[bytes] = Counter()
        self._contents: set[bytes] = set()

    def add(self, row: Feedback) -> None:
        """Take one row into account."""
        young = row.is_young(self._young)
        if young and (self._onset is None or row.at < self._onset):
            self._onset = row.at
        if row.at < self._start:
            self._before += 1
            return
        self._rows += 1
        self._suspicious += young
        account = _short(row.account)
        if account in self._accounts or len(self._accounts) < _DISTINCT:
            self._accounts[account] += 1
        words = content_words(row.text)
        if not words:
            return
        content = _short(" ".join(sorted(words)))
        if content in self._contents:
            self._repeated += 1
        elif len(self._contents) < _DISTINCT:
            self._contents.add(content)

    def result(self) -> FeedbackSurvey:
        """Return what was counted."""
        rows, accounts = self._rows, len(self._accounts)
        busiest = self._accounts.most_common(math.ceil(accounts / 100))
        return FeedbackSurvey(
            rows=rows,
            accounts=accounts,
            volume_ratio=rows / self._before if self._before else None,
            young_share=_share(self._suspicious, rows),
            top_share=_share(sum(count for _, count in busiest), rows),
            near_duplicate_share=_share(self._repeated, rows),
            suspicious_rows=self._suspicious,
            first_suspicious_at=self._onset if self._suspicious else None,
        )


def content_words(text: str) -> frozenset[str]:
    """Return the words that make two texts the same one."""
    return frozenset(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def _short(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
