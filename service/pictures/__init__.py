"""From pixels to files, and back to what made them: grids, stills, animations, archives; pure functions of arrays."""
