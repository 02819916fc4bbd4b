"""Images in, bundle out: everything that trains a generator."""
