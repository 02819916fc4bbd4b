"""`python -m figment_client` is the command `figment`."""

import sys

from .cli import main

sys.exit(main())
