"""The schema of this plugin's own tables."""
