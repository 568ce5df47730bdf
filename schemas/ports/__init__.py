"""The ports: every verb a playbook can use, by capability."""
