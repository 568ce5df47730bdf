"""What a person can read and say, in one place for the console, the API and the command line.

Law: nothing here knows HTTP or a terminal. Whoever asks is a :class:`schemas.who.Who`; what they
must not see does not exist for them, in lists, counts, feeds and errors alike.
"""
