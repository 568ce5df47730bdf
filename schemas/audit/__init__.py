"""What the record for auditors is made of: pure, shared by who seals and who verifies."""
