"""`python -m twinlens` is the command line."""

from __future__ import annotations

import sys

from twinlens.cli import main

sys.exit(main())
