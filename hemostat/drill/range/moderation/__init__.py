"""The image moderation service that is evaded. Law: it knows nothing of ours but itself."""
