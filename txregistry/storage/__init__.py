"""Named byte sequences on a driver, and the blob and link stores over it."""
