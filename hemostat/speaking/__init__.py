"""How people speak to an incident: a decision in the making, and what is said, signed and sent."""

from hemostat.speaking.statement import (
    MayNotSpeak,
    Spoken,
    became_of,
    became_of_unless_known,
    id_of,
    send,
    sign,
    signal_of,
    speak,
    speak_alone,
)

__all__ = [
    "MayNotSpeak",
    "Spoken",
    "became_of",
    "became_of_unless_known",
    "id_of",
    "send",
    "sign",
    "signal_of",
    "speak",
    "speak_alone",
]
