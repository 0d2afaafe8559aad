"""Launch on Ray: start or join one, place workers, run them under Ray Train."""

import logging
import warnings

# In a notebook without ipywidgets Ray and tqdm advise to install it; what distnet shows needs none.
logging.getLogger("ray.widgets.util").setLevel(logging.WARNING)
warnings.filterwarnings("ignore", "IProgress not found")
