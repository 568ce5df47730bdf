"""What an activity's failure may say: our own sentences, never a stranger's.

Law: a ``HemostatError`` becomes a Temporal failure of the same class name and sentence. Any other
exception keeps its class and the place where it was raised, and loses its text, its cause and its
frames' source: those may quote a request with its credentials, a response body, or what an
attacker wrote. The same holds for the log line that the SDK writes about it.
"""

import logging
import traceback
from pathlib import PurePath
from typing import Any

from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from schemas.errors import HemostatError

_ACTIVITY_LOGGER = "temporalio.activity"


class FailuresInOurWords(Interceptor):
    """Maps what adapters raise to what histories may keep. One for a worker."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Wrap the activity's call."""
        return _Inbound(next)


class _Inbound(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        try:
            return await super().execute_activity(input)
        except FailureError:
            raise  # Temporal's own: a cancellation, or a failure someone phrased already
        except Exception as error:  # noqa: BLE001 - all others are rephrased
            failure = failure_of(error)
        raise failure  # outside the handler, so that the original is not its context


def failure_of(error: Exception) -> ApplicationError:
    """Return the failure that may be recorded for *error*.

    A foreign exception is a fault of an adapter or of its SDK: it may pass, so it is retried.
    """
    kind = type(error).__name__
    if isinstance(error, HemostatError):
        return ApplicationError(str(error), type=kind, non_retryable=not error.retryable)
    return ApplicationError(f"unexpected {kind} {place_of(error)}.", type=kind)


def place_of(error: BaseException) -> str:
    """Return where *error* was raised: ours as ``file:line in function``, and below it theirs."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "at an unknown place"
    ours = [frame for frame in frames if PurePath(frame.filename).parent.name == "activities"]
    places = (*ours[-1:], frames[-1])
    told = dict.fromkeys(f"{PurePath(f.filename).name}:{f.lineno} in {f.name}" for f in places)
    return "at " + ", from ".join(reversed(told))


class _WithoutTraceback(logging.Filter):
    """Replaces the exception that the SDK attaches to its log lines by one line in our words."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if error is not None:
            said = error if isinstance(error, FailureError) else None
            if isinstance(error, Exception) and said is None:
                said = failure_of(error)
            kind = getattr(said, "type", None) or type(error).__name__
            # Not formatted with what comes from outside: the text may hold a percent sign.
            record.msg, record.args = "%s: %s: %s", (record.getMessage(), kind, said or "")
        record.exc_info = record.exc_text = None
        return True


_FILTER = _WithoutTraceback()


def keep_tracebacks_out_of_the_log() -> None:
    """Make the SDK's log lines about failed activities safe to keep. Idempotent."""
    logging.getLogger(_ACTIVITY_LOGGER).addFilter(_FILTER)
