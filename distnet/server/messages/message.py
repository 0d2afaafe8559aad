"""What travels over HTTP: frozen models, the same for server, client and attempt.

Every refusal is `{"error": {"code": CODE, "message": TEXT}}`; the codes are those of
`distnet.server.errors`. Times are Unix seconds.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Key = Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$")]
Priority = Annotated[int, Field(ge=-1000, le=1000)]


class Message(BaseModel):
    """Frozen; what is not known is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
