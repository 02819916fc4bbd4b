"""Bundle in, images out over HTTP."""
