"""The HTTP API, ``/api/v1``: what the desk reads and says, as JSON, for programs.

Law: an operation is a line in ``operations``, and the reference (OpenAPI 3.1) is made from those
lines. Every error is a problem (RFC 9457) that repeats nothing of what was sent. What changes
anything takes a bearer token; a browser's cookie alone never speaks.
"""
