"""A Ray of the tests' own: prints its address, and ends when its standard input does."""

import os
import sys

os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # on 127.0.0.1 only

import ray

if __name__ == "__main__":
    num_cpus, folder = sys.argv[1:]
    ray.init(
        address="local",
        num_cpus=int(num_cpus),
        num_gpus=0,
        object_store_memory=100_000_000,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        _temp_dir=folder,
    )
    sys.stdout.write(ray.get_runtime_context().gcs_address + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    ray.shutdown()
