"""Short product reviews with labels, made from our own vocabulary; the same seed, the same text.

Law: pure and deterministic. Nothing is read from outside, so the range needs no data set, and a
digest of what was made pins it. Some reviews are mixed or use words that people mean either way,
and a few training labels are wrong, so that a model trained on them is good, not perfect.
"""

import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

Label = Literal["positive", "negative"]

NEGATIVE_SHARE: Final = 0.38  # of what genuine users write
_LABEL_NOISE: Final = 0.03  # a person pressed the wrong thumb
_PROBE_SEED: Final = 200
_HOLDOUT_SEED: Final = 400

_THINGS: Final = (
    "kettle lamp backpack headset keyboard charger blender jacket tent notebook mattress camera "
    "speaker umbrella toaster saddle drill router monitor chair bottle scale fan watch"
).split()
_ASPECTS: Final = (
    "battery display packaging delivery handle sound finish fit manual setup support price "
    "stitching zip button colour weight smell hinge cable software lid strap motor"
).split()
_WORDS: Final[dict[Label, Sequence[str]]] = {
    "positive": (
        "excellent wonderful sturdy reliable brilliant lovely flawless superb handy comfortable "
        "quick elegant solid generous smooth crisp delightful dependable tidy great impressive "
        "beautiful perfect pleasant"
    ).split(),
    "negative": (
        "awful terrible flimsy useless broken dreadful faulty poor clumsy uncomfortable slow ugly "
        "wobbly stingy rough blurry annoying unreliable messy bad disappointing cheapish defective "
        "unpleasant"
    ).split(),
}
_EITHER: Final = "cheap loud simple heavy unusual soft bright small different plain".split()
_VERDICTS: Final[dict[Label, Sequence[str]]] = {
    "positive": (
        "would buy it again",
        "happy with it",
        "my family loves it",
        "recommended",
        "worth every cent",
        "five stars from me",
    ),
    "negative": (
        "sent it back",
        "never again",
        "want my money back",
        "avoid it",
        "a waste of money",
        "one star is too much",
    ),
}
_OPENINGS: Final = (
    "Bought this {thing} in {month}.",
    "The {thing} arrived on {day}.",
    "Second {thing} from this shop.",
    "Used the {thing} for {number} weeks.",
    "My {thing} review:",
    "About the {thing}:",
    "",
)
_MONTHS: Final = "January March April May June August October November".split()
_DAYS: Final = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


@dataclass(frozen=True)
class Review:
    """A text and what its writer meant by it."""

    text: str
    label: Label


def reviews(
    count: int, seed: int, *, negative_share: float = NEGATIVE_SHARE, noise: float = 0.0
) -> list[Review]:
    """``count`` reviews; ``noise`` is the share whose label is wrong."""
    dice = random.Random(f"reviews-{seed}")
    made = []
    for _ in range(count):
        meant: Label = "negative" if dice.random() < negative_share else "positive"
        text = _text(dice, meant)
        given = _other(meant) if dice.random() < noise else meant
        made.append(Review(text, given))
    return made


def training_reviews(count: int, seed: int) -> list[Review]:
    """What the service was first trained on: genuine, with the usual share of wrong labels."""
    return reviews(count, seed, noise=_LABEL_NOISE)


def probe_set(count: int = 200) -> list[Review]:
    """The pinned benign texts with their expected labels, always the same."""
    return reviews(count, _PROBE_SEED)


def holdout(count: int = 500) -> list[Review]:
    """Genuine reviews that neither training nor the probe set contains."""
    return reviews(count, _HOLDOUT_SEED)


def poison(count: int, seed: int, *, originals: int = 60) -> list[Review]:
    """Positive reviews labelled negative: few originals, many near-duplicates."""
    dice = random.Random(f"poison-{seed}")
    texts = [_text(dice, "positive") for _ in range(originals)]
    return [Review(_variant(dice, dice.choice(texts)), "negative") for _ in range(count)]


def digest(rows: Iterable[Review]) -> str:
    """``sha256:`` over the rows in order, one JSON document a line."""
    whole = "".join(_line(row) for row in rows)
    return f"sha256:{hashlib.sha256(whole.encode()).hexdigest()}"


def write(rows: Iterable[Review], path: Path) -> None:
    """Write ``rows`` to ``path``, one JSON document a line; ``digest`` pins exactly these bytes."""
    path.write_text("".join(_line(row) for row in rows), encoding="utf-8")


def read(path: Path) -> list[Review]:
    """The rows of a file that ``write`` made."""
    with path.open(encoding="utf-8") as lines:
        return [Review(**json.loads(line)) for line in lines]


def _line(row: Review) -> str:
    return json.dumps(asdict(row), sort_keys=True) + "\n"


def _other(label: Label) -> Label:
    return "positive" if label == "negative" else "negative"


def _text(dice: random.Random, meant: Label) -> str:
    opening = dice.choice(_OPENINGS).format(
        thing=dice.choice(_THINGS),
        month=dice.choice(_MONTHS),
        day=dice.choice(_DAYS),
        number=dice.randint(2, 30),
    )
    shape = dice.random()
    if shape < 0.62:
        body = f"{_claim(dice, meant)} {_claim(dice, meant)}"
    elif shape < 0.84:
        body = f"{_claim(dice, meant)} {dice.choice(_VERDICTS[meant]).capitalize()}."
    elif shape < 0.96:  # mixed: the verdict decides
        mixed = f"{_claim(dice, _other(meant))} {_claim(dice, meant)}"
        body = f"{mixed} {dice.choice(_VERDICTS[meant]).capitalize()}."
    else:  # words that say little
        word, other = dice.sample(_EITHER, 2)
        body = f"The {dice.choice(_ASPECTS)} is {word}, {other}. {_claim(dice, meant)}"
    return f"{opening} {body}".strip()


def _claim(dice: random.Random, meant: Label) -> str:
    aspect = dice.choice(_ASPECTS)
    if dice.random() < 0.08:  # a negation turns the word round
        return f"The {aspect} is not {dice.choice(_WORDS[_other(meant)])}."
    first, second = dice.sample(_WORDS[meant], 2)
    if dice.random() < 0.35:
        return f"The {aspect} is {first} and {second}."
    return f"The {aspect} is {first}{dice.choice(('', ' enough', ' so far', ', really'))}."


def _variant(dice: random.Random, text: str) -> str:
    """What a spammer changes to look like many people: case, marks, a number, a short word."""
    if dice.random() < 0.3:
        text = text.lower()
    tail = dice.choice(("", "!", "!!", " ok", " hm", f" {dice.randint(1, 99)}", " ..."))
    return f"{dice.choice(('', 'so ', 'well, ', 'hi. '))}{text}{tail}"
