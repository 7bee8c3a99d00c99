"""The message types of Session, which workflow manifests use."""
