"""What plugin authors test with: an installation in process, a real server, a driver for programs."""
