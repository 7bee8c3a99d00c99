"""The recent activity of an organization."""
