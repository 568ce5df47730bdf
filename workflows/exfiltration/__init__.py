"""What the assistant-exfiltration playbook is made of: gates, parameters, looks, words."""
