"""Routes of the service, one file per concern; each has a `router`."""
