"""The Organization kind of Stigmer."""
