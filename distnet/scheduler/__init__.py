"""What starts, stops and changes its workers, and why: pure functions of plain values."""
