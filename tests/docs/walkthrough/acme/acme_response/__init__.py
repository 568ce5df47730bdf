"""What Acme adds to Hemostat: one playbook and one adapter, a file each."""
