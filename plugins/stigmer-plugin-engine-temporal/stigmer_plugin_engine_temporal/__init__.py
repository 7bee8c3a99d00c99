"""The engine `temporal`: drives programs on a Temporal cluster."""
