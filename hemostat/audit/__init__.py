"""The record for those who do not trust us: sealed while it happens, exported, verified offline."""
