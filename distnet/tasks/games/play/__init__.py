"""Games that a task plays: environments of gymnasium, what was played, and whole episodes."""
