"""The Memory kind of Stigmer: facts that agents remember of people."""
