"""The sentiment service that is poisoned. Law: it knows nothing of ours but itself."""
