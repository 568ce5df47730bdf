"""What the documents' tests need of a real Temporal: the same as the playbooks' tests."""

from tests.workflows.conftest import client, queue, temporal, world

collect_ignore = ["walkthrough"]  # what a page shows is run where its package is installed

__all__ = ["client", "queue", "temporal", "world"]
