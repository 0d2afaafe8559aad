"""The devices that workers compute on: which, how exactly, and what happens when one fails."""
