from tests.server.postgres import ledger_url, postgresql, postgresql_url

__all__ = ["ledger_url", "postgresql", "postgresql_url"]
