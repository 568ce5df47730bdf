"""What the documents' tests need of a real Temporal: the same as the playbooks' tests."""

from tests.workflows.conftest import client, queue, temporal, world

__all__ = ["client", "queue", "temporal", "world"]
