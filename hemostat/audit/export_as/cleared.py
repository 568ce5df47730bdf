"""Whether a draft may leave: it says itself on what that depends, and a record shows who agreed.

Law: nothing here makes a draft fit to leave. Two people do, at a gate of class ``disclose``, by
agreeing to exactly a text; what is cleared is that text, byte for byte, and no later draft.
"""

import json
from typing import Any, Final

from hemostat.audit.account.account import Account
from hemostat.audit.account.gates import GateTold
from hemostat.audit.export_as.formats import Format
from hemostat.audit.export_as.letter import letter_in
from schemas.canonical import digest_bytes
from schemas.errors import NotHeld

LABEL: Final = "draft-not-cleared-by-itself"
NOTICE: Final = (
    "DRAFT. It may leave the company only if the record of the incident shows a disclose gate at "
    "which two people approved exactly this text."
)


def marked(form: str, exported: Any) -> Any:
    """Return *exported* with the notice, where its format has a place for one."""
    if form == "ocsf":
        return [
            {
                **finding,
                "message": NOTICE,
                "metadata": {
                    **finding["metadata"],
                    "labels": [*finding["metadata"]["labels"], LABEL],
                },
            }
            for finding in exported
        ]
    if form == "stix":
        objects = [
            {**one, "labels": [*one.get("labels", ()), LABEL]}
            if one["type"] in ("incident", "report")
            else one
            for one in exported["objects"]
        ]
        return {**exported, "objects": objects}
    return {"notice": NOTICE, **exported}


def cleared_text(account: Account, gate: str, form: Format, draft: str | None = None) -> str:
    """Return the text of this *form* that two people cleared at *gate*; ``NotHeld`` says why not.

    Where they approved a letter, that is *draft*, if it is the one whose digest the letter names.
    """
    asked = [told for told in account.gates if told.id == gate]
    if not asked:
        raise _not("the record has no such gate", gate)
    told = asked[-1]
    if told.shown.get("class") != "disclose":
        raise _not("that gate is not of class disclose", gate)
    approved = {
        str(entry.data.get("actor"))
        for entry in told.decisions
        if entry.data.get("choice") == "approve" and entry.data.get("digest") == told.digest
    }
    if told.outcome != "approved" or len(approved) < 2:
        raise _not("two people did not approve it", gate)
    text = _shown_text(told)
    if text is None:
        raise _not("it shows no text that was to leave", gate)
    letter = letter_in(text)
    if letter is not None:
        if draft is None:
            raise _not("what was approved is a letter; give the draft that it names", gate)
        if digest_bytes(draft.encode()) != letter.digest:
            raise _not("the letter that was approved names another draft", gate)
        text = draft
    try:
        wrong = form.check(json.loads(text))
    except (ValueError, LookupError, TypeError, AttributeError):
        wrong = ["it is not in that form"]
    if wrong:
        raise _not(f"what was approved is no {form.title}", gate)
    return text


def _shown_text(gate: GateTold) -> str | None:
    """The text that the approvers saw, if it is the one whose digest they saw."""
    acts = gate.shown.get("acts")
    for act in acts if isinstance(acts, list) else ():
        request = act.get("request") if isinstance(act, dict) else None
        if isinstance(request, dict) and act.get("port") == "send_disclosure":
            text = str(request.get("text", ""))
            if digest_bytes(text.encode()) == request.get("text_digest"):
                return text
    return None


def _not(what: str, gate: str) -> NotHeld:
    return NotHeld(
        f"it is not cleared: {what}",
        where=ascii(gate)[:80],
        next_step="have the draft approved as the text of a step of class disclose.",
    )
