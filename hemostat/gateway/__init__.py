"""The HTTP gateway: alerts in. It holds no state; what it accepted is in Temporal and the vault.

Law: bytes are verified before they are parsed, nothing from outside is echoed, and whatever
happens an answer is JSON and never 500.
"""
