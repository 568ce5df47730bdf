"""Legal clocks: which notification is due when, to whom, and who decided that it is. No legal advice.

Arithmetic is ours; whether a clock applies, and from when it runs, is what counsel decides and the
record keeps. What needs no calendar is pure here (``definition``, ``arithmetic``, ``ledger``,
``states``) and runs in workflows; what does is ``readings``, behind a port.
"""

NOT_LEGAL_ADVICE = (
    "Research data and arithmetic, not legal advice: counsel decides what applies and from when."
)
