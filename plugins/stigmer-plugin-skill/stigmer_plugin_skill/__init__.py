"""The Skill kind of Stigmer: instructions pushed as content-addressed archives."""
