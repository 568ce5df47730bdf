"""The drill of the assistant-exfiltration playbook, in the assistant range."""
