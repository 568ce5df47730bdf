"""Who must agree to what when an insider drains an assistant; times are proposals, tunable."""

from datetime import timedelta

from schemas.gate import GatePolicy, OnSilence
from workflows.exfiltration.parameters import Parameters

COMMAND = GatePolicy(
    id="take-command",
    asks="Confidential documents may be leaving. Containment has begun. Take command?",
    roles=("commander",),
    timer=timedelta(minutes=15),
    ladder=("deputy-commander", "security-on-call"),
)
COUNSEL = GatePolicy(
    id="counsel-informed",
    asks="Restricted: documents may be leaving through an insider. Take the legal side?",
    roles=("legal-counsel",),
    timer=timedelta(minutes=15),
    ladder=("deputy-counsel", "general-counsel"),
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
)
OFFLINE = GatePolicy(
    id="take-offline",
    asks="Take the assistant offline for all, for forensics?",
    roles=("commander", "service-owner"),
    timer=timedelta(minutes=10),
    on_silence=OnSilence.PROCEED,
)
ROTATE = GatePolicy(
    id="rotate-credential",
    asks="Make a new key for the assistant's own access? The evidence is sealed.",
    roles=("security-on-call", "service-owner"),
    quorum=2,
    timer=timedelta(hours=4),
    ladder=("ciso",),
    ladder_every=timedelta(hours=4),
)
DELETE_KEY = GatePolicy(
    id="delete-key",
    asks="Delete the retired key for good? (Check first: litigation hold.)",
    roles=("security-on-call", "legal-counsel"),
    quorum=2,
    timer=timedelta(hours=24),
    ladder=("ciso", "general-counsel"),
    ladder_every=timedelta(hours=24),
)
CONTROLS = GatePolicy(
    id="apply-controls",
    asks="Turn on per-caller permissions and the output filter? (Check: Art. 73(6) AI Act hold.)",
    roles=("service-owner", "security-on-call"),
    quorum=2,
    timer=timedelta(hours=24),
    ladder=("ciso",),
    ladder_every=timedelta(hours=24),
)
BRING_BACK = GatePolicy(
    id="bring-back-closed",
    asks="Start the assistant again behind its closed route, to try it?",
    roles=("commander", "security-on-call"),
    quorum=2,
    timer=timedelta(hours=4),
    ladder=("deputy-commander",),
    ladder_every=timedelta(hours=4),
)
REENABLE = GatePolicy(
    id="re-enable-assistant",
    asks="Open the assistant again, in stages? The suspended keys stay refused.",
    roles=("ciso", "legal-counsel", "service-owner"),
    quorum=2,
    timer=timedelta(hours=4),
    ladder=("commander",),
    ladder_every=timedelta(hours=4),
)
BOARD = GatePolicy(
    id="board-report",
    asks="Is this the content of the report to the board?",
    roles=("commander", "general-counsel"),
    timer=timedelta(hours=24),
)
CLOSE = GatePolicy(
    id="close-incident",
    asks="Close the incident? Holds stay until counsel lifts them.",
    roles=("commander", "legal-counsel"),
    quorum=2,
    timer=timedelta(hours=24),
)


def determination(regime: str) -> GatePolicy:
    """Counsel decides whether a regime applies; a rejection is a determination too."""
    return GatePolicy(
        id=f"determine-{regime}"[:63],
        asks="Does this regime ask for a notification? Approve: yes. Reject: no. Say why.",
        roles=("legal-counsel",),
        timer=timedelta(hours=24),
        ladder=("deputy-counsel", "general-counsel"),
        ladder_every=timedelta(hours=12),
    )


def filing(regime: str) -> GatePolicy:
    """What goes to an authority."""
    return GatePolicy(
        id=f"file-{regime}"[:63],
        asks="File this text with the authority?",
        roles=("legal-counsel", "dpo"),
        quorum=2,
        timer=timedelta(hours=24),
        ladder=("general-counsel",),
        ladder_every=timedelta(hours=12),
    )


def statement(audience: str) -> GatePolicy:
    """What goes to anyone else outside."""
    return GatePolicy(
        id=f"state-{audience}"[:63],
        asks="Send this text?",
        roles=("legal-counsel", "comms"),
        quorum=2,
        timer=timedelta(hours=24),
        ladder=("executive",),
        ladder_every=timedelta(hours=12),
    )


def of_service(parameters: Parameters) -> tuple[GatePolicy, ...]:
    """The gates that a service's own regimes and audiences bring with them."""
    regimes = [regime.id for regime in parameters.regimes]
    return (
        *(determination(regime) for regime in regimes),
        *(filing(regime) for regime in regimes),
        *(statement(audience) for audience in parameters.audiences),
    )
