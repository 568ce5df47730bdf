"""How fast it is, beside a floor: ``python -m bench`` measures, and writes ``bench/RESULTS.md``.

Law: every figure stands next to that of a floor, the barest program that does the same work,
measured in the same run, on the same server, in turns. Figures of one machine say little; the
ratio says what Hemostat costs. Nothing in here is a test, and no production code knows of it.
"""
