"""`python -m service.access`."""

import sys

from service.access.cli import main

sys.exit(main())
