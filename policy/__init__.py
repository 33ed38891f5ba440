"""Security rules as code: the same functions judge recorded registrations in tests and live ones in a policy pack."""

from policy import controls, database_controls  # noqa: F401 - they add themselves to the list
