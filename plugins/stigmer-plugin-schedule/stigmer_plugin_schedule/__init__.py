"""The Schedule kind of Stigmer: agent runs at set times."""
