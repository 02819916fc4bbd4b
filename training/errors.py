"""The error of a command that no module of its own raises."""


class Failed(Exception):
    """A command that could not do what it was asked; its text says why."""
