"""From pixels to files: PNG, grids, animated WebP and GIF; pure functions of arrays."""
