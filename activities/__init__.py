"""What is done: one adapter to one real system a file, named capability first.

Law: imports ``schemas``, ``hemostat.settings`` and ``hemostat.vault``; adapters know neither each
other nor any playbook. An adapter exists because its file does: ``<capability>_<vendor>.py`` with
a ``Connection`` model (what a ``[connections.NAME]`` table may say) and one class whose methods
carry ``@fulfils(port)``.
"""
