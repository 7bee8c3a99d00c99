"""The Artifact kind of Stigmer: files that runs leave behind."""
