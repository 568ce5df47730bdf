"""Courses in which people prove who they are, and others try without."""

from datetime import UTC, datetime

from hemostat.keys import SigningKey
from schemas.gate import Choice
from schemas.journal import Kind
from schemas.signed_statement import certify
from schemas.speakers import Certificate, SpeakerKey
from tests.replay.stage import Stage
from tests.workflows.case import Case, decision
from tests.workflows.roster import staffed
from tests.workflows.voice import Voice, some_key


async def by_people_who_prove_it(stage: Stage) -> Case:
    """Forged, taken from elsewhere and sent twice; a key is rotated midway; then it resolves."""
    voice = Voice()
    case = await Case.open(stage.env.client, stage.queue, of=staffed(), voice=voice)
    gate = await case.gate("confirm-known-good")
    said = decision(gate, Choice.APPROVE, "o1", "ml-on-call")
    await case.signal("decide", said)
    elsewhere = voice.signed("decide", said, "another-incident", (await case.view()).run_id)
    await case.signal("decide", elsewhere)
    await case.until_journal(Kind.REFUSED, 2)
    signed = await case.signed(said)
    await case.signal("decide", signed)
    await case.gate("rescore-decisions")
    await case.signal("decide", signed)
    await case.until_refused("duplicate")
    await case.by("rescore-decisions", service_owner="s1")
    _rotate(voice)
    await case.by("rescore-decisions", ml_lead="m1")
    await case.by("retrain-without-poison", data_owner="d1", ml_lead="m2")
    await case.by("re-enable-feedback", commander="c1", ml_lead="m1")
    await case.by("close-incident", commander="c1")
    return case


async def with_answers_to_pages(stage: Stage) -> Case:
    """Forged and sent twice in a pager, taken in a chat, resolved over there; then it resolves."""
    voice = Voice()
    case = await Case.open(stage.env.client, stage.queue, of=staffed(), voice=voice)
    await case.gate("acknowledge")
    run = (await case.view()).run_id
    pager = {"answer_id": "p-1", "via": "pagerduty", "what": "acknowledged", "page": case.handle.id}
    await case.signal("page-answer", pager)
    await case.until_refused("unauthenticated")
    for _ in range(2):
        await case.signal("page-answer", voice.passed_on(pager, case.handle.id, run))
    await case.said("Acknowledged in pagerduty")
    await case.gate("confirm-known-good")
    chat = {"answer_id": "c-1", "via": "slack", "what": "acknowledged", "person": "o1"}
    taken = chat | {"gate": "confirm-known-good"}
    await case.signal("page-answer", voice.passed_on(taken, case.handle.id, run))
    await case.said("Acknowledged in slack")
    resolved = pager | {"answer_id": "p-2", "what": "resolved"}
    await case.signal("page-answer", voice.passed_on(resolved, case.handle.id, run))
    await case.by("confirm-known-good", ml_on_call="o1")
    await case.by("rescore-decisions", service_owner="s1", ml_lead="m1")
    await case.by("retrain-without-poison", data_owner="d1", ml_lead="m2")
    await case.by("re-enable-feedback", commander="c1", ml_lead="m1")
    await case.by("close-incident", commander="c1")
    return case


async def exclusions_by_old_and_by_fresh_proofs(stage: Stage) -> Case:
    """Who excludes somebody and sets a severity proves it afresh; facts need none. False alarm."""
    voice = Voice(besides_gates=True, stepped_up=False)
    case = await Case.open(stage.env.client, stage.queue, of=staffed(), voice=voice)
    await case.gate("confirm-known-good")
    await case.say("suspect", "l1", "counsel", person="m2")
    await case.say("grade", "c1", "commander", severity="SEV-3")
    await case.until_journal(Kind.REFUSED, 2)
    await case.say("grade", "c1", "commander", facts={"protected_data_out": "yes"})
    voice.stepped_up = True
    await case.say("suspect", "l1", "counsel", person="m2")
    await case.said("counsel excluded someone")
    await case.by("false-alarm", commander="c1", ml_lead="m1")
    return case


def _rotate(voice: Voice) -> None:
    old, new, now = voice.key, some_key(2), datetime.now(UTC)
    key = SpeakerKey(public=new.public, since=now)
    certificate = Certificate(key=key, by=old.kid, issued_at=now, retires=now)
    voice.key = SigningKey(new.private, (certify(certificate, old.private),))
