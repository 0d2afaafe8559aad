"""Messages, errors and states that server, agent and client share; one file a subject."""
