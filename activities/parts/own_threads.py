"""Threads for one vendor's blocking SDK: a system that drips for ever holds up nobody else.

Law: an SDK that reads without an end in time keeps its thread, whatever is given up meanwhile. So
these are not the threads that all share (``asyncio.to_thread``), there are so many and no more, and
none of them keeps the process from ending.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


class OwnThreads:
    """At most *most* at once; who finds none free waits, as long as it has time."""

    def __init__(self, name: str, most: int = 16) -> None:
        self._name = name
        self._free = threading.Semaphore(most)

    async def run(self, work: Callable[[], T]) -> T:
        """Run *work* in a thread; a caller that is cancelled leaves it to itself."""
        while not self._free.acquire(blocking=False):
            await asyncio.sleep(0.05)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def settle(result: T | None, error: BaseException | None) -> None:
            if done.cancelled():
                return
            if error is not None:
                done.set_exception(error)
            else:
                done.set_result(result)  # type: ignore[arg-type]  # None where T is None

        def carry_out() -> None:
            result: T | None = None
            error: BaseException | None = None
            try:
                result = work()
            except BaseException as raised:  # noqa: BLE001 - raised again where it is awaited
                error = raised
            finally:
                self._free.release()
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, result, error)

        try:
            threading.Thread(target=carry_out, name=self._name, daemon=True).start()
        except RuntimeError:  # the machine gives no more threads: this place is free all the same
            self._free.release()
            raise
        return await done
