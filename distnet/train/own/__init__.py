"""The user's own optimizers, schedules and callbacks: made from their classes, checked in use."""
