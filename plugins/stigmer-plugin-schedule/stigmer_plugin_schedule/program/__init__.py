"""The program of the runner `schedule`: pure, as every program is."""
