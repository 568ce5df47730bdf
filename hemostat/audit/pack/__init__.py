"""The pack: one file that holds the record of one incident, specified in docs/reference/pack.md.

Law: reading one needs no network, no Temporal and no vendor's SDK.
"""
