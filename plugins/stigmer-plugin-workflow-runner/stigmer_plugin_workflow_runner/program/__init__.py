"""The program of a workflow run: a pure state machine over JSON frames.

Nothing in this package does I/O, reads a clock or draws a random number; an import contract keeps it so. The modules
in reading order: `faults`, `templates`, `document`, `compiler`, `tasks/`, `execution`, `machine`.
"""
