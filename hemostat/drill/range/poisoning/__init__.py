"""Who is around the sentiment service: users, the poisoner, the monitor; and its range, whole."""
