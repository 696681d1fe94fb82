"""What each endpoint of the specification means in HTTP."""
