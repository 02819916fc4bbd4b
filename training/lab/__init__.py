"""The lab: small experiments in which what is said of GANs can be computed and seen."""
