from tests.client.fixtures import config, job_file, server
from tests.datasets import stripes

__all__ = ["config", "job_file", "server", "stripes"]
