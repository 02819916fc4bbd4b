"""HTTP: routes, parameters, problems."""
