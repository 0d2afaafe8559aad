"""`python -m distnet.cli`: the command line without the installed script."""

import sys

from distnet.cli.start import main

sys.exit(main())
