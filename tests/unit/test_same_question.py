"""Many who ask the same: few questions, no old answer, and nobody harmed by another's end."""

import asyncio

import pytest

from hemostat.incidents.same_question import SameQuestion


class Slow:
    """Answers with how often it was asked, once it is let go."""

    def __init__(self) -> None:
        self.asked = 0
        self.go = asyncio.Event()

    async def __call__(self) -> int:
        self.asked += 1
        number = self.asked
        await self.go.wait()
        if number == 3:
            raise OSError("the third fails")
        return number


async def test_a_hundred_who_ask_while_one_is_on_its_way_share_the_next_answer() -> None:
    same, slow = SameQuestion(), Slow()
    first = asyncio.ensure_future(same.ask("list", slow))
    await asyncio.sleep(0)
    crowd = [asyncio.ensure_future(same.ask("list", slow)) for _ in range(100)]
    await asyncio.sleep(0)
    assert slow.asked == 1
    slow.go.set()
    assert await first == 1
    assert await asyncio.gather(*crowd) == [2] * 100  # none was given the answer begun before it


async def test_other_questions_wait_for_nobody_and_later_ones_ask_anew() -> None:
    same, slow, quick = SameQuestion(), Slow(), Slow()
    quick.go.set()
    waits = asyncio.ensure_future(same.ask("slow", slow))
    assert await same.ask("quick", quick) == 1
    assert await same.ask("quick", quick) == 2
    slow.go.set()
    assert await waits == 1


async def test_who_goes_away_takes_nobodys_answer_and_a_failure_is_only_of_those_who_shared_it() -> (
    None
):
    same, slow = SameQuestion(), Slow()
    gone = asyncio.ensure_future(same.ask("list", slow))
    await asyncio.sleep(0)
    stays = asyncio.ensure_future(same.ask("list", slow))
    await asyncio.sleep(0)
    gone.cancel()
    slow.go.set()
    assert await stays == 2
    with pytest.raises(OSError, match="third"):
        await same.ask("list", slow)
    assert await same.ask("list", slow) == 4


async def test_a_kept_answer_serves_only_those_for_whom_it_is_young_enough() -> None:
    same, quick = SameQuestion(), Slow()
    quick.go.set()
    before = asyncio.get_running_loop().time()
    assert await same.ask_unless_kept("list", before, quick) == 1
    assert await same.ask_unless_kept("list", before, quick) == 1
    after = asyncio.get_running_loop().time()
    assert await same.ask_unless_kept("list", after, quick) == 2
