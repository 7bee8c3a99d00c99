"""The runner of workflows: a program that interprets the CNCF workflow DSL, and the activities it asks for."""
