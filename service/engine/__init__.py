"""Latents in, pixels out: batching and inference, without HTTP."""
