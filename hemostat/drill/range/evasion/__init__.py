"""Who is around the moderation service: members, the attacker, the monitor; and its range, whole."""
