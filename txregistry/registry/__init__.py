"""The rules of a registry: repositories, blobs, uploads, manifests, tags, referrers; no HTTP, no paths."""
