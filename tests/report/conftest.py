from tests.run_folder.fixtures import digits, failed, new, resumed, table

__all__ = ["digits", "failed", "new", "resumed", "table"]
