"""Distribution's YAML configuration as a typed model, and its loading."""
