"""The drill of the adversarial-evasion playbook, in the moderation range."""
