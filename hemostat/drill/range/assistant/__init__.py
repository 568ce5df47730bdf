"""The assistant that is drained, and the wiki it reads. Law: it knows nothing of ours but itself."""
