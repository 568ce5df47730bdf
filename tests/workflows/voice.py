"""How the people of the tests prove who they are: signed in at a gateway whose key they borrow."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hemostat.gateway.channel_voice import signed_answer
from hemostat.keys import SigningKey
from hemostat.speaking import sign
from schemas.base import Frozen
from schemas.clocks.determination import Determination
from schemas.gate import BreakGlassUse, Decision, Withdrawal
from schemas.page_answer import PageAnswer
from schemas.speakers import SpeakerKey, SpeakerKeys
from schemas.statements import Attestation, Regrading, Suspicion
from schemas.who import Who

MODELS: dict[str, type[Frozen]] = {
    "decide": Decision,
    "withdraw": Withdrawal,
    "break-glass": BreakGlassUse,
    "attest": Attestation,
    "grade": Regrading,
    "suspect": Suspicion,
    "determine": Determination,
}


def some_key(number: int, person: str | None = None) -> SigningKey:
    """A key that is the same at every run."""
    return SigningKey(Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32), person=person)


def trusted(
    *keys: SigningKey, until: datetime | None = None, besides_gates: bool = False
) -> SpeakerKeys:
    """What an incident trusts from the beginning."""
    since = datetime(2026, 1, 1, tzinfo=UTC)
    return SpeakerKeys(
        keys=tuple(
            SpeakerKey(public=key.public, person=key.person, since=since, until=until)
            for key in keys
        ),
        fresh_besides_gates=besides_gates,
    )


@dataclass
class Voice:
    """Signs for whoever the signal names; ``stepped_up`` is whether the proof is a fresh one."""

    key: SigningKey = field(default_factory=lambda: some_key(1))
    also_trusted: tuple[SigningKey, ...] = ()
    stepped_up: bool = True
    besides_gates: bool = False
    """Whether the incident asks for a fresh proof of what is grave besides its gates."""
    ahead: timedelta = timedelta(0)
    """How far the test has skipped."""
    until: datetime | None = None

    @property
    def keys(self) -> SpeakerKeys:
        """What an incident of this test trusts."""
        keys = (self.key, *self.also_trusted)
        return trusted(*keys, until=self.until, besides_gates=self.besides_gates)

    def passed_on(self, body: dict[str, Any], incident: str, run: str) -> dict[str, Any]:
        """Return the body of a page's answer as the gateway passes it on."""
        answer = PageAnswer.model_validate(body)
        now = datetime.now(UTC) + self.ahead
        signed = signed_answer(answer, self.key, incident=incident, run=run, now=now)
        return dict(signed.model_dump(mode="json"))

    def signed(
        self,
        signal: str,
        body: dict[str, Any],
        incident: str,
        run: str,
        *,
        key: SigningKey | None = None,
        **who: Any,
    ) -> dict[str, Any]:
        """Return the body of *signal* with its statement, as the gateway would send it."""
        said: Any = MODELS[signal].model_validate(body)
        now = datetime.now(UTC) + self.ahead
        person = Who.model_validate(
            {
                "person": said.actor,
                "subject": f"local:{said.actor}",
                "roles": (),
                "method": "passkey",
                "authenticated_at": now - timedelta(hours=1),
                "stepped_up_at": now - timedelta(minutes=1) if self.stepped_up else None,
                **who,
            }
        )
        signed = sign(
            said, person, key or self.key, incident=incident, run=run, channel="console", now=now
        )
        return dict(signed.model_dump(mode="json"))
