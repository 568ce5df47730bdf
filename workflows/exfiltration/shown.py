"""What must be seen before a credential counts as dead, an assistant as offline, a leak as closed."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from schemas.ports import assistant, callers, connectors, credentials, gateway, sessions
from workflows.engine import Check


def caller_is_refused(caller: str) -> Check[Any, Any]:
    """As that caller, from outside."""
    return Check(
        f"the key of {caller} is refused at the public edge",
        callers.try_caller,
        lambda _: callers.TryCaller(caller=caller),
        lambda seen: seen.status in (401, 403),
    )


def caller_stays_out(caller: str) -> Check[Any, Any]:
    """Refused by itself, or with everybody at a closed route."""
    return Check(
        f"the key of {caller} does not pass at the public edge",
        callers.try_caller,
        lambda _: callers.TryCaller(caller=caller),
        lambda seen: seen.status in (401, 403, 503),
    )


def caller_passes(caller: str) -> Check[Any, Any]:
    """The good thing still works."""
    return Check(
        f"the key of {caller} passes at the public edge",
        callers.try_caller,
        lambda _: callers.TryCaller(caller=caller),
        lambda seen: seen.status == 200,
    )


def caller_meets_nobody(caller: str) -> Check[Any, Any]:
    """Offline is offline for all."""
    return Check(
        f"{caller} meets a closed route at the public edge",
        callers.try_caller,
        lambda _: callers.TryCaller(caller=caller),
        lambda seen: seen.status == 503,  # not 403: that key alone may be refused
    )


def caller_is_blocked(incident: str, caller: str) -> Check[Any, Any]:
    """The gateway says so when asked anew."""
    return Check(
        f"the gateway refuses {caller} for this incident",
        callers.read_caller,
        lambda _: callers.ReadCaller(caller=caller),
        lambda seen: incident in seen.blocked_by,
    )


def caller_is_not_blocked(incident: str, caller: str) -> Check[Any, Any]:
    """For keys behind a closed route: nobody can try them there."""
    return Check(
        f"the gateway does not refuse {caller} for this incident",
        callers.read_caller,
        lambda _: callers.ReadCaller(caller=caller),
        lambda seen: incident not in seen.blocked_by,
    )


def connector_is_dead(connector: str) -> Check[Any, Any]:
    """By its authority and by what it opened; another error than a refusal shows nothing."""
    return Check(
        f"the access of {connector} is ended and refused from outside",
        connectors.try_connector,
        lambda _: connectors.TryConnector(connector=connector),
        lambda seen: not seen.active and seen.status in (401, 403),
    )


def session_is_refused(subject: str, *, lived: bool) -> Check[Any, Any]:
    """By a token from before, which worked then, while others' tokens work."""
    return Check(
        f"a session of {subject} from before is refused",
        sessions.try_session,
        lambda _: sessions.TrySession(subject=subject, lived=lived),
        lambda seen: seen.ended(),
    )


def key_is_dead(key_id: str) -> Check[Any, Any]:
    """Known from outside, without its secret."""
    return Check(
        f"the cloud refuses {key_id}",
        credentials.knock_with_key,
        lambda _: credentials.KnockWithKey(key_id=key_id),
        lambda seen: not seen.accepted,
    )


def key_is_accepted(key_id: str) -> Check[Any, Any]:
    """The new one works."""
    return Check(
        f"the cloud knows {key_id}",
        credentials.knock_with_key,
        lambda _: credentials.KnockWithKey(key_id=key_id),
        lambda seen: seen.accepted,
    )


def last_use_stands(key_id: str, since: datetime) -> Check[Any, Any]:
    """By the cloud's record; one that knows of no use at all shows nothing."""
    return Check(
        f"{key_id} was not used after it was put out of use",
        credentials.read_last_use,
        lambda _: credentials.ReadLastUse(key_id=key_id),
        lambda seen: seen.stood_still(since),
    )


def active_keys_are(principal: str, *wanted: str) -> Check[Any, Any]:
    """Nobody made another one meanwhile."""
    return Check(
        f"{principal} has {len(wanted)} key(s) in use, and no other",
        credentials.list_keys,
        lambda _: credentials.ListKeys(principal=principal),
        lambda seen: set(seen.active()) == set(wanted),
    )


def key_is_gone(principal: str, key_id: str) -> Check[Any, Any]:
    """Deleted."""
    return Check(
        f"{principal} has no {key_id} any more",
        credentials.list_keys,
        lambda _: credentials.ListKeys(principal=principal),
        lambda seen: key_id not in {key.key_id for key in seen.keys},
    )


def older_sessions_are_refused(principal: str, before: datetime) -> Check[Any, Any]:
    """A dead key leaves its sessions alive."""
    return Check(
        f"sessions of {principal} from before are refused",
        credentials.read_sessions,
        lambda _: credentials.ReadSessions(principal=principal),
        lambda seen: seen.refused(before),
    )


def older_sessions_are_let_be(principal: str) -> Check[Any, Any]:
    """The denial is gone."""
    return Check(
        f"sessions of {principal} are not denied any more",
        credentials.read_sessions,
        lambda _: credentials.ReadSessions(principal=principal),
        lambda seen: seen.denied_before is None,
    )


def secret_holds(secret: str, key_id: str, principal: str) -> Check[Any, Any]:
    """Signed in with what services read now."""
    return Check(
        f"the secret holds {key_id}, and the cloud accepts it",
        credentials.try_secret,
        lambda _: credentials.TrySecret(secret=secret),
        lambda seen: seen.accepted and (seen.key_id, seen.principal) == (key_id, principal),
    )


def assistant_uses(key_id: str) -> Check[Any, Any]:
    """Cut over: what is in use is not always what is in the store."""
    return Check(
        f"the assistant reads documents with {key_id}",
        assistant.read_assistant,
        lambda _: assistant.ReadAssistant(),
        lambda seen: seen.key_id == key_id,
    )


def assistant_is(online: bool) -> Check[Any, Any]:
    """Asked at its own door, not the gateway's."""
    return Check(
        f"the assistant itself is {'online' if online else 'offline'}",
        assistant.read_assistant,
        lambda _: assistant.ReadAssistant(),
        lambda seen: seen.seen(online=online),
    )


def log_is_held(incident: str) -> Check[Any, Any]:
    """Retention reads back as held."""
    return Check(
        "the assistant's log is held for this incident",
        assistant.read_assistant,
        lambda _: assistant.ReadAssistant(),
        lambda seen: incident in seen.holds,
    )


def replay_leaks_nothing(caller: str) -> Check[Any, Any]:
    """The same prompts, in a sandbox: no document any more, and harmless questions answered."""
    return Check(
        f"the prompts of {caller} yield no document that is not theirs",
        assistant.replay_prompts,
        lambda _: assistant.ReplayPrompts(caller=caller),
        lambda seen: seen.leaked == 0 and seen.canaries == 0 and seen.answered >= 1.0,
    )


def their_replay(caller: str) -> Check[Any, Any]:
    """As above, of prompts that the log is known to hold: a log that forgot them shows nothing."""
    leaks_nothing = replay_leaks_nothing(caller)
    return replace(
        leaks_nothing, holds=lambda seen: leaks_nothing.holds(seen) if seen.prompts else None
    )


def controls_are_on() -> Check[Any, Any]:
    """By the assistant's own state, asked anew: also where nobody's prompts can be replayed."""
    return Check(
        "the assistant gives callers only what they may read, and filters what goes out",
        assistant.read_assistant,
        lambda _: assistant.ReadAssistant(),
        lambda seen: seen.own_permissions and seen.filters_output,
    )


def route_is_open(incident: str, route: str) -> Check[Any, Any]:
    """The gateway has nothing of this incident on the route any more."""
    return Check(
        f"the {route} route is not closed by this incident",
        gateway.read_endpoint,
        lambda _: gateway.ReadEndpoint(route=route),
        lambda seen: incident not in seen.isolated_by,
    )
