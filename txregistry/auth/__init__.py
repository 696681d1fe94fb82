"""Who asks, and what that person or machine may do."""
