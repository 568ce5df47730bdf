"""Verifies a pack: offline, without Temporal, trusting the trust file and nothing else.

Law: nothing it is given makes it raise; whatever it finds has a code, a place and a meaning.
"""
