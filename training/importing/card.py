"""The card of an imported generator."""

from bundle.manifest import Manifest
from training.parity import Parity


def imported_card(manifest: Manifest, parity: Parity) -> str:
    """The card as Markdown: where it comes from, how it was read, what is not known."""
    image, data, settings = manifest.image, manifest.data, manifest.settings
    fixed = ", ".join(f"{name} = {value}" for name, value in settings["fixed"].items())
    return f"""# {manifest.name}, version {manifest.version}

A generator of {image.width} × {image.height} px images with {image.channels} channels, from latents of
{manifest.latent_dim} numbers. It was not trained by Figment but imported. `samples.png` shows the seeds 0 … 63.

## Data

Trained on: {data.name}.

- Licence: {data.license}
- Attribution: {data.attribution}

Pictures that this model draws carry the same attribution.

## How it was imported

From a {settings["source"]} ({settings["digest"]}), signature `{settings["signature"]}`:

- latents: input `{settings["input"]}`, {settings["latent_shape"]} numbers each, from a standard normal distribution
- images: output `{settings["output"]}`, {settings["layout"].upper()}, values {settings["range"]}, to 8 bits by rounding
- batch size: {settings["batch"] or "any"}
- other inputs: {fixed or "none"}

What is served, compared with the foreign generator: {parity}.

## Measures

None were taken.

## Limits

How it was trained, and on how many images, is not known here. If its latents were not standard normal in training
(some generators take uniform ones), its images are worse than they could be.
"""
