"""The message types of Environment and ExecutionContext, which other kinds' manifests use."""
