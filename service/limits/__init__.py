"""How much a client may send, ask for and hold: rates in images, sizes, times and connections."""
