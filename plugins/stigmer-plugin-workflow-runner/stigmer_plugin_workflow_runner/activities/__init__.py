"""The effects that workflows ask for."""
