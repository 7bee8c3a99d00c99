"""Full-text search over every kind of resource."""
