"""Bring your own generator: a foreign SavedModel or Keras file becomes a bundle.

`opening` reads the file, `operations` says what its graph could do to this machine, `finding` finds latents and images
in its signature, `probing` runs it and finds layout, range and size, `wrapping` makes the graph of the bundle,
`publishing` writes it.
"""
