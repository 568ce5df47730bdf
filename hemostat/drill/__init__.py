"""Drills: the production playbooks against a range that can really be attacked."""
