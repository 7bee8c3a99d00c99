"""What this server is: the platform queries of the Stigmer API."""
