"""The ApiKey kind of Stigmer: keys that authenticate calls."""
