"""Speak to hosts through the user's own OpenSSH: their config, agent, jump hosts, known hosts."""
