"""The command line at a gateway elsewhere: a person's own token, and the API, instead of Temporal.

Where nobody is signed in and no ``--server`` is given, commands speak to Temporal itself.
"""
