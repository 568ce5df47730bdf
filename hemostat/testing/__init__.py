"""For the tests of your own playbooks: the production worker, fakes for systems, time that skips.

Law: what decides, and what hands its requests on, is what runs in production: the playbook as the
package that brings it is installed, the engine, the sandbox, Temporal's own server. Only the systems
outside are fakes, objects whose methods carry ``@fulfils(port)`` as an adapter's do. It is no part
of what answers incidents; nothing else of Hemostat imports it.
"""

from hemostat.testing.alerts import alert
from hemostat.testing.incident import Incident
from hemostat.testing.pager import Pager
from hemostat.testing.rehearsal import Rehearsal, rehearsal
from hemostat.testing.server import skipping_temporal
from hemostat.testing.vault import MemoryVault

__all__ = [
    "Incident",
    "MemoryVault",
    "Pager",
    "Rehearsal",
    "alert",
    "rehearsal",
    "skipping_temporal",
]
