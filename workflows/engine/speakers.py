"""Who may speak to an incident: only a person who provably said this, to this incident, once.

A signal by anyone with full access to Temporal, without a statement that holds, is journaled as
unauthenticated with its reason, pages the security on-call, and changes nothing. An incident that
was opened without keys has none of this: there everyone is who they say they are.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pydantic import JsonValue
from temporalio import workflow

from schemas.base import Frozen, iso
from schemas.gate import TWO_PAIRS_OF_EYES, GatePolicy, Refusal
from schemas.journal import Kind
from schemas.signed_statement import PERSON, Heard, Place, Unproven, content_of, verify
from schemas.speakers import SpeakerKeys
from workflows.engine.paging import Pager
from workflows.engine.record import Record

SECURITY = "security-on-call"
"""The role that is paged when somebody speaks without proof of who they are."""

PAGE_AGAIN = timedelta(minutes=10)
"""A flood of forged signals pages once in this time; each one is journaled."""


class Voice(NamedTuple):
    """Someone who is heard; *heard* is the proof, None where an incident asks for none."""

    heard: Heard | None = None

    def record(self) -> dict[str, JsonValue]:
        """What the journal keeps of the proof, besides the statement itself."""
        if self.heard is None:
            return {}
        said = self.heard.statement
        return {
            "subject": said.subject,
            "method": said.method,
            "authenticated_at": iso(said.authenticated_at),
            "stepped_up_at": iso(said.stepped_up_at) if said.stepped_up_at else None,
            "channel": said.channel,
            "said_at": iso(said.said_at),
            "key": said.kid,
        }

    def falls_short(self, policy: GatePolicy | None) -> Refusal | None:
        """Why a proof that holds is not enough at this gate; None if it is."""
        fresh = policy and (policy.step_up or policy.step_class in TWO_PAIRS_OF_EYES)
        return self.lacks_own_key(policy) or (self.lacks_step_up() if fresh else None)

    def lacks_own_key(self, policy: GatePolicy | None) -> Refusal | None:
        """The refusal where only the person's own key counts and the gateway's signed."""
        asked = policy is not None and policy.own_key
        gateways = self.heard is not None and not self.heard.own_key
        return Refusal.OWN_KEY_ASKED if asked and gateways else None

    def lacks_step_up(self) -> Refusal | None:
        """The refusal where the proof of identity is not a fresh one."""
        stale = self.heard is not None and not self.heard.stepped_up
        return Refusal.STEP_UP_ASKED if stale else None


class Speakers:
    """The keys that one incident trusts by now, and the statements it has heard."""

    def __init__(
        self, record: Record, pager: Pager, incident: str, run: str, keys: SpeakerKeys | None
    ) -> None:
        self._record = record
        self._pager = pager
        self._incident = incident
        self._run = run
        self._keys = keys
        self._spent: dict[str, datetime] = {}
        self._pages = 0
        self._paged_at: datetime | None = None

    @property
    def declared(self) -> bool:
        """Whether an incident asks for proof of who speaks."""
        return self._keys is not None

    def admit(
        self,
        signal: str,
        said: Frozen,
        named: dict[str, JsonValue],
        kind: str = PERSON,
        *,
        grave: bool = False,
    ) -> Voice | None:
        """Return who says it, or None: it was refused, and *named* tells the journal what.

        What is *grave* though no gate asks it takes a fresh proof where the keys say so.
        """
        if self._keys is None:
            return Voice()
        now = workflow.now()
        envelope: str | None = getattr(said, "statement", None)
        place = Place(self._incident, self._run, signal)
        answer = verify(envelope, said, place, self._keys, now, self._spent, kind=kind)
        if isinstance(answer, Unproven):
            self._refuse(signal, said, answer, named, kind)
            return None
        self._learn(answer)
        self._spend(answer, now)
        voice = Voice(answer)
        short = voice.lacks_step_up() if grave and self._keys.fresh_besides_gates else None
        if short is None:
            return voice
        self._record.write(
            Kind.REFUSED,
            f"A decision changed nothing: {short.value}",
            data={"refusal": short.value, **named, **voice.record()},
        )
        return None

    def _learn(self, heard: Heard) -> None:
        known = {key.kid for key in self._keys.keys} if self._keys else set()
        self._keys = heard.keys
        for key in heard.keys.keys:
            if key.kid not in known:
                data: dict[str, JsonValue] = {"key": key.kid, "person": key.person}
                self._record.write(
                    Kind.FINDING, "A new key speaks, introduced by a known one", data=data
                )

    def _spend(self, heard: Heard, now: datetime) -> None:
        """Remember the statement for as long as it would be fresh."""
        over = heard.keys.fresh_for
        self._spent = {id_: at for id_, at in self._spent.items() if now - at <= over}
        self._spent[heard.statement.id] = heard.statement.said_at

    def _refuse(
        self, signal: str, said: Frozen, why: Unproven, named: dict[str, JsonValue], kind: str
    ) -> None:
        # Heard before, it is a person's, and what a second click does: nobody is woken for it.
        again = why is Unproven.USED_BEFORE
        refusal = Refusal.DUPLICATE if again else Refusal.UNAUTHENTICATED
        asked = "be a person's" if kind == PERSON else "come through the gateway"
        says = "Heard before" if again else f"Not proven to {asked}"
        self._record.write(
            Kind.REFUSED,
            f"{says}: {why.value}",
            data={
                "refusal": refusal.value,
                "because": why.value,
                "signal": signal,
                "content": content_of(signal, said),
                **named,
            },
        )
        if not again:
            self._page(signal, why, "of a person" if kind == PERSON else "that the gateway sent it")

    def _page(self, signal: str, why: Unproven, proof: str) -> None:
        now = workflow.now()
        if self._paged_at is not None and now - self._paged_at < PAGE_AGAIN:
            return
        self._paged_at, self._pages = now, self._pages + 1
        self._pager.call(
            SECURITY,
            f"unauthenticated-{self._pages}",
            f"`{signal}` was sent without proof {proof} ({why.value}); it changed nothing",
        )

    def opened(self) -> dict[str, JsonValue]:
        """What the first entry of the journal tells of the keys."""
        if self._keys is None:
            return {}
        return {"speakers": [{"key": key.kid, "person": key.person} for key in self._keys.keys]}

    def dump(self) -> dict[str, JsonValue]:
        """What the next run of this incident needs."""
        return {
            "keys": self._dumped_keys(),
            "spent": {id_: iso(at) for id_, at in self._spent.items()},
            "pages": self._pages,
            "paged_at": iso(self._paged_at) if self._paged_at else None,
        }

    def _dumped_keys(self) -> dict[str, JsonValue] | None:
        """The keys, as an incident of an older edition hands them on where it is one."""
        if self._keys is None:
            return None
        later = None if self._keys.fresh_besides_gates else {"fresh_besides_gates"}
        return self._keys.model_dump(mode="json", exclude=later)

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what an earlier run left."""
        self._keys = SpeakerKeys.model_validate(dumped["keys"])
        self._spent = {id_: datetime.fromisoformat(at) for id_, at in dumped["spent"].items()}
        self._pages = dumped["pages"]
        at = dumped["paged_at"]
        self._paged_at = datetime.fromisoformat(at) if at else None
