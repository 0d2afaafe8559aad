"""The numbers of messages: each has bounds, and none is taken for a value of another type.

Without `Strict`, pydantic takes `false` for 0 and "3" for 3. Parameters of a query are text, so
their numbers have the bounds only.
"""

from typing import Annotated

from pydantic import Field, Strict

LATEST = 253_370_764_800.0
"""The start of the year 9999: a date that can be written in every time zone."""
LARGEST = 1e150
"""Of what is measured: squares and sums of such values are still numbers."""

Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict(), Field(ge=0, lt=2**53)]
Positive = Annotated[int, Strict(), Field(gt=0, lt=2**31)]
Priority = Annotated[int, Strict(), Field(ge=-1000, le=1000)]
Time = Annotated[float, Strict(), Field(ge=0, le=LATEST, allow_inf_nan=False)]
"""In Unix seconds."""
TimeInQuery = Annotated[float, Field(ge=0, le=LATEST, allow_inf_nan=False)]
NumberInQuery = Annotated[int, Field(ge=0, lt=2**53)]
Seconds = Annotated[float, Strict(), Field(ge=0, le=1e12, allow_inf_nan=False)]
"""A duration, or those of many processors together."""
Amount = Annotated[float, Strict(), Field(ge=0, le=1e9, allow_inf_nan=False)]
"""Of CPUs, or of GPUs."""
Measured = Annotated[float, Strict(), Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
