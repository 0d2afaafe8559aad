"""Users, their tokens, and the authentication of requests."""
