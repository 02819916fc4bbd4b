"""From a picture to the latent that comes closest: the search, without TensorFlow."""
