"""The page of a playbook says all that its code names: no verb and no file of it is forgotten."""

import inspect

import pytest

from hemostat.console.book import VERBS, book_of
from workers.registry import discover_playbooks, spec_of
from workflows.engine.playbook import Playbook

NOT_STEPS = {
    "alongside", "attempts", "beside", "choose", "contain_again", "done_before", "is_stuck", "keep",
    "shows", "unproven", "watch",
}  # fmt: skip
"""What takes a title and begins no step of its own; a watch looks on and shows nothing new."""


def test_each_verb_that_begins_a_step_is_known() -> None:
    titled = {
        name
        for name, verb in inspect.getmembers(Playbook, inspect.isfunction)
        if list(inspect.signature(verb).parameters)[1:2] == ["title"] and not name.startswith("_")
    }
    assert titled - NOT_STEPS == set(VERBS) - {"seal"}


@pytest.mark.parametrize(
    ("playbook", "titles"),
    [
        ("feedback-poisoning", {"Survey the feedback", "Re-enable the feedback"}),
        ("adversarial-evasion", {"Read the human queue", "Take uploads again"}),
        ("assistant-exfiltration", {"Take the assistant offline", "Re-enable the assistant"}),
    ],
)
def test_a_page_has_the_steps_of_every_file_of_its_playbook(
    playbook: str, titles: set[str]
) -> None:
    found = discover_playbooks()[playbook]
    book = book_of(found, spec_of(found))
    assert titles <= {step.title for step in book.steps}
    assert len({gate.id for gate in book.gates}) == len(book.gates)
