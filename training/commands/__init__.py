"""The commands of `python -m training`, one module each: `ABOUT`, and `add`, which gives a parser its arguments."""
