"""What is said: the frozen messages, errors and ports that decisions and effects share.

Law: this package imports nothing else of ours and no vendor SDK.
"""
