"""The engine `local`: drives programs durably with a journal in the store."""
