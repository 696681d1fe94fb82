"""Looking for what is damaged, and putting it aside."""
