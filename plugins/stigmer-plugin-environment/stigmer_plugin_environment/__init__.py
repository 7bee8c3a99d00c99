"""The Environment and ExecutionContext kinds of Stigmer: variables, and the secrets among them."""
