"""The credentials' part of the procedure: each has its own step, its own proof, its own row."""

import asyncio
from datetime import datetime
from typing import Any, Final

from pydantic import JsonValue

from schemas.base import iso
from schemas.ports import assistant, connectors, credentials, sessions
from schemas.step import StepState
from workflows.engine import Check, Playbook, Proof, Stands, do
from workflows.engine.undo import UNDO_IS_SHOWN
from workflows.exfiltration import gates, shown, words
from workflows.exfiltration.parameters import Credential, Parameters

LAST_USE: Final = "a revoked key's last use is watched"

SAYS_OF_LAST_USE: Final = {
    StepState.PROVEN: "last used before it was put out of use, by the cloud's record",
    StepState.DISPROVEN: "USED AFTER it was put out of use, by the cloud's record",
    StepState.UNPROVABLE: "when it was used last, the cloud's record cannot show",
}


class Credentials(Playbook[Parameters]):
    """Revoke what may be in wrong hands; replace what the service itself needs."""

    watching_uses: "list[asyncio.Task[None]]"

    def looks(self, *checks: Check[Any, Any]) -> Proof:
        """The service's own rhythm of looking."""
        p = self.parameters
        return Proof(checks, polls=p.looks, every=p.look_every, within=p.look_within)

    # Revoke

    async def revoke(self, principal: str, facts: words.Facts) -> None:
        """Each key of a principal by itself, then the sessions that were made with them."""
        before = self.moment(f"sessions of {principal} from before are denied")
        listed = await self.try_to_observe(
            f"List the keys of {principal}",
            do(credentials.list_keys, credentials.ListKeys(principal=principal)),
        )
        alive = listed.active() if listed else ()
        if listed is None:
            says = f"keys of {principal}: NOT LISTED, NOT REVOKED"
            facts.credentials.append(says)
            self.finding(f"not listed {principal}", f"Not revoked: {says}", {})
        for place, key_id in enumerate(alive):
            left = alive[place + 1 :]  # theirs is the next turn
            turn = credentials.TurnKey(principal=principal, key_id=key_id)
            dead = await self.contain(
                f"Deactivate {key_id} of {principal}",
                do(credentials.deactivate_key, turn),
                proof=self.looks(
                    shown.key_is_dead(key_id), shown.active_keys_are(principal, *left)
                ),
                undo=[do(credentials.reactivate_key, turn)],
                undo_proof=self.looks(shown.key_is_accepted(key_id)),
                stands=Stands(by=self.looks(shown.key_is_dead(key_id))),
            )
            facts.credentials.append(f"{key_id} of {principal}: {'dead' if dead else 'NOT SHOWN'}")
            self.begin_to_watch_last_use(principal, key_id, facts)
        deny = credentials.DenyOlderSessions(principal=principal, before=before)
        await self.contain(
            f"Deny older sessions of {principal}",
            do(credentials.deny_older_sessions, deny),
            proof=self.looks(shown.older_sessions_are_refused(principal, before)),
            undo=[do(credentials.allow_older_sessions, deny)],
            undo_proof=self.looks(shown.older_sessions_are_let_be(principal))
            if self.follows(UNDO_IS_SHOWN)
            else None,
            stands=Stands(),
        )

    def begin_to_watch_last_use(self, principal: str, key_id: str, facts: words.Facts) -> None:
        """A refusal is seen from here; by the last use the cloud tells what it saw from anywhere."""
        if not self.follows(LAST_USE):
            return
        since, title = self.moment(f"{key_id} is out of use"), f"Watch the last use of {key_id}"
        work = self.watch_last_use(title, principal, key_id, since, facts)
        self.watching_uses.append(self.alongside(title, work))

    async def watch_last_use(
        self, title: str, principal: str, key_id: str, since: datetime, facts: words.Facts
    ) -> None:
        """It stands still, or the key is not dead after all, or the record cannot show it."""
        p = self.parameters
        still = Proof(
            [shown.last_use_stands(key_id, since)],
            polls=p.looks,
            every=p.frozen_for / max(p.looks - 1, 1),
            within=p.frozen_for,
        )
        read = do(credentials.read_last_use, credentials.ReadLastUse(key_id=key_id))
        state = await self.shows(title, read, still)
        says = SAYS_OF_LAST_USE.get(state, SAYS_OF_LAST_USE[StepState.UNPROVABLE])
        facts.credentials.append(f"{key_id} of {principal}: {says}")
        if state is StepState.PROVEN:
            return
        data: dict[str, JsonValue] = {"key": key_id, "state": state.value, "since": iso(since)}
        self.finding(title, f"{key_id}: {says}", data)
        if state is StepState.DISPROVEN:
            self.unproven(f"Deactivate {key_id} of {principal}", says)
            self.page_commander(f"used-{key_id}", f"{key_id}: {says}")

    async def end_sessions(self, caller: str, facts: words.Facts) -> None:
        """Whatever the person is signed in with, at the identity provider; they may not be again."""
        before = await self.try_to_observe(
            f"Try a session of {caller}",
            do(sessions.try_session, sessions.TrySession(subject=caller)),
        )
        lived = before is not None and before.answer == "accepted"
        title = f"End the sessions of {caller}"
        dead = await self.contain(
            title,
            do(sessions.end_sessions, sessions.EndSessions(subject=caller)),
            proof=self.looks(shown.session_is_refused(caller, lived=lived)),
            undo=[],
            stands=Stands(),
        )
        self.keep(title)
        facts.credentials.append(f"sessions of {caller}: {'ended' if dead else 'NOT SHOWN'}")

    async def end_connectors(self, facts: words.Facts) -> None:
        """What other systems gave the assistant is ended there; only they can give it anew."""
        for name in self.parameters.connectors:
            title = f"End the access of {name}"
            dead = await self.contain(
                title,
                do(connectors.revoke_connector, connectors.RevokeConnector(connector=name)),
                proof=self.looks(shown.connector_is_dead(name)),
                undo=[],
                stands=Stands(),
            )
            self.keep(title)
            facts.credentials.append(f"access of {name}: {'ended' if dead else 'NOT SHOWN'}")

    # 5 Rotate: create, distribute, cut over, verify, retire; delete behind its own gate

    async def rotate(self, facts: words.Facts) -> None:
        """One new key for each access of the assistant's own; only with sealed evidence."""
        for own in self.parameters.credentials:
            made = await self.create_key(own)
            if made is None:
                continue
            await self.cut_over(own, made.key_id, made.version)
            await self.retire(own, made.key_id)
            facts.credentials.append(f"{made.key_id} of {own.principal}: new, in use")
            await self.delete_old_keys(own, made.key_id)

    async def create_key(self, own: Credential) -> credentials.NewKey | None:
        """Make the key; its secret goes from the cloud into the secret store and nowhere else."""
        request = credentials.CreateKey(
            principal=own.principal,
            secret=own.secret,
            rotation=self.once_in_this_incident(own.principal),
        )
        return await self.destroy(
            f"Create a new key for {own.principal}",
            do(credentials.create_key, request),
            agree=gates.ROTATE,
            proof=lambda made: self.looks(
                shown.key_is_accepted(made.key_id),
                shown.active_keys_are(own.principal, made.key_id),
            ),
        )

    async def cut_over(self, own: Credential, key_id: str, version: str) -> None:
        """Make the new version current, and the assistant take it."""
        title = f"Cut over to {key_id}"
        give = credentials.DistributeKey(secret=own.secret, version=version)
        await self.contain(
            title,
            do(credentials.distribute_key, give),
            do(assistant.reload_credentials, assistant.ReloadCredentials()),
            proof=self.looks(
                shown.secret_holds(own.secret, key_id, own.principal),
                shown.assistant_uses(key_id),
            ),
            undo=[],
        )
        self.keep(title)

    async def retire(self, own: Credential, keep: str) -> None:
        """One key works, no other; none of them comes back, whatever the alert turns out to be."""
        title = f"Retire the older keys of {own.principal}"
        await self.contain(
            title,
            do(credentials.retire_keys, credentials.RetireKeys(principal=own.principal, keep=keep)),
            proof=self.looks(
                shown.active_keys_are(own.principal, keep), shown.key_is_accepted(keep)
            ),
            undo=[],
            stands=Stands(),
        )
        self.keep(title)
        for key_id in await self.older_keys(own, keep):
            self.keep(f"Deactivate {key_id} of {own.principal}")

    async def delete_old_keys(self, own: Credential, keep: str) -> None:
        """For good, if those who hold the evidence agree."""
        for key_id in await self.older_keys(own, keep):
            turn = credentials.TurnKey(principal=own.principal, key_id=key_id)
            await self.destroy(
                f"Delete {key_id} of {own.principal}",
                do(credentials.delete_key, turn),
                agree=gates.DELETE_KEY,
                proof=lambda gone: self.looks(
                    shown.key_is_gone(gone.principal, gone.key_id), shown.key_is_dead(gone.key_id)
                ),
            )

    async def older_keys(self, own: Credential, keep: str) -> list[str]:
        """The keys there were before, by id."""
        listed = await self.try_to_observe(
            f"List the keys of {own.principal} after rotation",
            do(credentials.list_keys, credentials.ListKeys(principal=own.principal)),
        )
        return [key.key_id for key in (listed.keys if listed else ()) if key.key_id != keep]
