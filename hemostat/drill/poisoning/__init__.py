"""The drill of the feedback-poisoning playbook, in the sentiment range."""
