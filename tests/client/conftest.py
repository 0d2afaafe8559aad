from tests.client.fixtures import config, job_file, server

__all__ = ["config", "job_file", "server"]
