"""What adapters are made of, and none of them is: each part knows no adapter."""
