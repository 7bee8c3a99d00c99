"""This plugin's own API, generated from protos/."""
