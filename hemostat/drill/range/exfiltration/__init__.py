"""Who is around the assistant: callers, the insider, the monitor; and its range, whole."""
