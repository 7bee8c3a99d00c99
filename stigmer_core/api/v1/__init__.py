"""This project's own API, generated from protos/."""
