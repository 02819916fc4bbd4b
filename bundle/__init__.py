"""The contract between training and the service: manifest, store, seeds and latents."""
