from tests.datasets import stripes

__all__ = ["stripes"]
