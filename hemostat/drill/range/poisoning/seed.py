"""The past of the sentiment service: old accounts, weeks of honest labels, three clean versions.

    python -m hemostat.drill.range.poisoning.seed SETTINGS

Law: deterministic but for the present moment. Trains while the registry is still starting, then
registers v1 (cut-off 60 days ago), v2 (30) and v3 (7), each the parent of the next, and makes v3
the champion as its last act: a champion means that the past is complete.
"""

import argparse
import random
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from hemostat.drill.range.poisoning import corpus
from hemostat.drill.range.population import CANARY_ACCOUNT, KNOWN_GOOD, MEMBERS
from hemostat.drill.range.sentiment.model import SentimentModel, artifact_digest
from hemostat.drill.range.sentiment.registry import Registry, RegistryError
from hemostat.drill.range.sentiment.settings import SentimentSettings
from hemostat.drill.range.sentiment.store import Inference, Store, timestamp
from hemostat.drill.range.sentiment.training import Trained, assemble, fit, register

_CUTOFFS: Final = tuple(timedelta(days=days) for days in (60, 30, 7))
_LABELS: Final = 160
_PAST: Final = timedelta(days=90)
_ANSWERS: Final = 800
_RETRY_SECONDS: Final = 0.1


def seed(settings: SentimentSettings) -> None:
    """Write the past into the database and, once it answers, the registry."""
    present = datetime.now(UTC)
    with closing(Store(Path(settings.database))) as store:
        _add_accounts(store, present)
        _add_labels(store, present)
        versions = [fit(settings, assemble(settings, store, present - ago)) for ago in _CUTOFFS]
        _add_answers(store, present, versions[-1])
    with Registry(settings.registry_url, settings.model, settings.alias) as registry:
        experiment, parent = _first_contact(registry), None
        for ago, trained in zip(_CUTOFFS, versions, strict=True):
            made = register(
                registry,
                trained,
                parent=parent,
                validated_at=present - ago + timedelta(days=1),
                experiment_id=experiment,
            )
            parent = made.version
        if parent != KNOWN_GOOD:
            raise RuntimeError(f"the last seeded version is {parent}, not {KNOWN_GOOD}")
        registry.set_champion(KNOWN_GOOD)


def _first_contact(registry: Registry) -> str:
    while True:  # the process that started us ends us when the registry never comes up
        try:
            return registry.create_model()
        except RegistryError as error:
            if error.status is not None:
                raise
            time.sleep(_RETRY_SECONDS)


def _add_accounts(store: Store, present: datetime) -> None:
    dice = random.Random("accounts")
    for name in (*MEMBERS, CANARY_ACCOUNT):
        store.add_account(name, timestamp(present - timedelta(days=dice.randint(100, 900))))


def _add_labels(store: Store, present: datetime) -> None:
    dice = random.Random("labels")
    ages = sorted((dice.random() * _PAST for _ in range(_LABELS)), reverse=True)
    for age, row in zip(ages, corpus.training_reviews(_LABELS, 2), strict=True):
        moment = timestamp(present - age - timedelta(minutes=5))
        store.add_feedback(dice.choice(MEMBERS), row.text, row.label, moment)


def _add_answers(store: Store, present: datetime, newest: Trained) -> None:
    """An hour of answers up to now, so that a first window is full."""
    model = SentimentModel.load(newest.files, artifact_digest(newest.files))
    texts = [row.text for row in corpus.reviews(_ANSWERS, 3)]
    moments = [present - timedelta(hours=1) * (1 - n / _ANSWERS) for n in range(_ANSWERS)]
    store.add_inferences(
        Inference(timestamp(moment), text, label, KNOWN_GOOD, f"r{1 + number % 2}")
        for number, (moment, text, label) in enumerate(
            zip(moments, texts, model.predict(texts), strict=True)
        )
    )


def main(argv: list[str] | None = None) -> None:
    """Seed and exit."""
    parser = argparse.ArgumentParser(prog="seed")
    parser.add_argument("settings", type=Path)
    seed(SentimentSettings.load(parser.parse_args(argv).settings))


if __name__ == "__main__":
    main()
