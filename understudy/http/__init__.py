"""HTTP: the protocol, the middleware, routing, and responses."""
