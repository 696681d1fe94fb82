"""Several processes that serve on one socket: the parent that starts and replaces them, and what they say to it."""
