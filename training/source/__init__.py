"""Where images come from: a folder, a zip, an .npz, an IDX file; their labels; and one image as an array.

listing.py    a path ──► Source: its entries and its labels
folder.py     a folder, however deep
archive.py    a zip of files
npz.py        a NumPy archive
idx.py        IDX, the format of MNIST
arrays.py     what the two have in common: a file that holds one array of images
labels.py     class folders, `dataset.jsonl`, arrays of labels
decoding.py   an encoded image ──► uint8 [resolution, resolution, channels]
"""

from training.source.decoding import decode, open_image
from training.source.entry import Content, DataError, Entry, shown
from training.source.listing import Source, list_entries, open_source

__all__ = ["Content", "DataError", "Entry", "Source", "decode", "list_entries", "open_image", "open_source", "shown"]
