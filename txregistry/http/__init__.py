"""A streaming HTTP/1.1 server on httptools; it knows nothing of registries."""
