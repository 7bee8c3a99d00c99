"""What plugin authors test with: installations, distributions made on the spot, a driver for programs."""
