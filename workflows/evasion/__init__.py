"""What the playbook of adversarial evasion is made of: its gates, and what its proofs look at."""
