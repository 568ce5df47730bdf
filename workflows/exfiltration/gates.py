"""Who must agree to what when an insider drains an assistant; times are proposals, tunable.

``CLASSIFY``, ``FILE``, ``PRE_AUTHORISE``, ``COMPLETE`` and ``STATE`` are patterns: each legal clock and each audience gets its own.
"""

from datetime import timedelta

from schemas.clocks.catalogue import catalogue
from schemas.gate import GatePolicy, OnSilence
from workflows.engine.agreement import each_of
from workflows.exfiltration.parameters import Parameters

COMMAND = GatePolicy(
    id="take-command",
    asks="Confidential documents may be leaving. Containment has begun. Take command?",
    roles=("commander",),
    timer=timedelta(minutes=5),
    ladder=("deputy-commander", "security-on-call"),
)
COUNSEL = GatePolicy(
    id="counsel-informed",
    asks="Restricted: documents may be leaving through an insider. Take the legal side?",
    roles=("counsel",),
    timer=timedelta(minutes=15),
    ladder=("deputy-counsel", "general-counsel"),
)
HR = GatePolicy(
    id="hr-informed",
    asks="Restricted: someone of ours may be concerned. Take the people's side, with counsel?",
    roles=("hr",),
    timer=timedelta(minutes=15),
    ladder=("counsel", "general-counsel"),
)
CLASSIFY = each_of(
    id="classify",
    asks="By the evidence shown: was it this? A no asks for the next; who it was stays open till then.",
    roles=("commander", "security-on-call"),
    timer=timedelta(hours=4),
    ladder=("deputy-commander", "ciso"),
    on_reject="the next possibility is asked about; after the last it is undetermined",
)
CLASSIFY_ANEW = each_of(
    id="classify-anew",
    asks="Determine anew who it was? What was determined stays in the record.",
    roles=("commander", "security-on-call"),
    on_silence=OnSilence.STAND,
)
KEEP_SCOPED = GatePolicy(
    id="keep-scoped",
    asks=(
        "A covert case: only this caller is suspended. Keep it so? "
        "Rejecting revokes everything and takes the assistant offline."
    ),
    roles=("commander", "hr"),
    timer=timedelta(minutes=30),
    ladder=("deputy-commander",),
    on_silence=OnSilence.PROCEED,
    on_reject="everything is revoked and the assistant is taken offline",
)
OFFLINE = GatePolicy(
    id="take-offline",
    asks="Refuse every caller's key and take the assistant offline for all, for forensics?",
    roles=("commander", "service-owner"),
    timer=timedelta(minutes=10),
    on_silence=OnSilence.PROCEED,
    on_reject="only the suspects' access and the assistant's own are revoked",
)
ROTATE = each_of(
    id="rotate-credential",
    asks="Make a new key for the assistant's own access? The evidence is sealed.",
    roles=("security-on-call", "service-owner"),
    timer=timedelta(hours=4),
    ladder=("ciso",),
)
DELETE_KEY = each_of(
    id="delete-key",
    asks="Delete the retired key for good? (Check first: litigation hold.)",
    roles=("security-on-call", "counsel"),
    timer=timedelta(hours=24),
    ladder=("ciso", "general-counsel"),
    on_reject="it stays, out of use, as evidence",
)
CONTROLS = each_of(
    id="apply-controls",
    asks="Turn on per-caller permissions and the output filter?",
    roles=("service-owner", "security-on-call"),
    timer=timedelta(hours=24),
    ladder=("ciso",),
)
BRING_BACK = each_of(
    id="bring-back-closed",
    asks="Start the assistant again behind its closed route, to try it?",
    roles=("commander", "security-on-call"),
    timer=timedelta(hours=4),
    ladder=("deputy-commander",),
)
LET_IN = each_of(
    id="let-callers-in",
    asks="Take the refusal off the keys of all callers that are not suspected? The route stays shut.",
    roles=("security-on-call", "service-owner"),
    timer=timedelta(hours=4),
    ladder=("ciso",),
    on_reject="every key stays refused and the assistant stays closed",
)
REENABLE = each_of(
    id="re-enable-assistant",
    asks="Open the assistant again, in stages? The suspended keys stay refused.",
    roles=("ciso", "counsel", "service-owner"),
    timer=timedelta(hours=4),
    ladder=("commander",),
)
BOARD = each_of(
    id="board-report",
    asks="Is this the content of the report to the board?",
    roles=("commander", "general-counsel"),
    timer=timedelta(hours=24),
)
CLOSE = each_of(
    id="close-incident",
    asks="Close the incident? Holds stay until counsel lifts them.",
    roles=("commander", "counsel"),
    timer=timedelta(hours=24),
)
FILE = each_of(
    id="file",
    asks="File this text with the authority? What it does not know yet it says so.",
    roles=("counsel", "dpo"),
    timer=timedelta(hours=4),
    ladder=("deputy-counsel", "general-counsel"),
)
PRE_AUTHORISE = each_of(
    id="pre-authorise",
    asks=(
        "Agree beforehand: file exactly this incomplete notification when 15 % of the time is "
        "left, if nothing else was filed by then?"
    ),
    roles=("counsel", "dpo"),
    on_silence=OnSilence.STAND,
)
COMPLETE = each_of(
    id="complete",
    asks="Complete the notification with this text?",
    roles=("counsel", "dpo"),
    timer=timedelta(hours=24),
    ladder=("deputy-counsel", "general-counsel"),
    ladder_every=timedelta(hours=12),
)
STATE = each_of(
    id="state",
    asks="Send this text?",
    roles=("counsel", "comms", "executive"),
    timer=timedelta(hours=24),
    ladder=("general-counsel",),
    ladder_every=timedelta(hours=12),
)


CLASSES = {
    "human-with-assistant": (
        "Was it the person whose key this is, with the assistant? Approving keeps them and their "
        "delegates out, with HR."
    ),
    "assistant-hijacked": (
        "Was the assistant hijacked, the person whose key this is unaware? Approving lets that "
        "person take part again; their key stays refused."
    ),
    "stolen-credentials": (
        "Were the credentials stolen from the person whose key this is? Approving lets that "
        "person take part again; their key stays refused."
    ),
}
"""What is asked for each class that people may determine; in this order."""


def classify_as(what: str) -> GatePolicy:
    """The gate of one class: ``classify-stolen-credentials``."""
    return about(CLASSIFY, what).model_copy(update={"asks": CLASSES[what]})


def about(pattern: GatePolicy, what: str) -> GatePolicy:
    """The gate of one clock or audience: ``file-gdpr-33``, ``state-researcher``."""
    return pattern.model_copy(update={"id": f"{pattern.id}-{what}"[:63]})


def of_service(parameters: Parameters) -> tuple[GatePolicy, ...]:
    """The gates that a service's own authorities and audiences bring with them."""
    named = [catalogue().of(name) for name in parameters.authorities]
    clocks = {clock.id: clock for found in named for clock in found if clock.kind == "clock"}
    phased = [name for name, clock in clocks.items() if clock.initial_incomplete_ok]
    return (
        *(classify_as(what) for what in CLASSES),
        *(about(PRE_AUTHORISE, clock) for clock in phased),
        *(about(pattern, clock) for clock in clocks for pattern in (FILE, COMPLETE)),
        *(about(STATE, audience) for audience in parameters.audiences),
    )
