"""Security rules as code: the same functions judge recorded registrations in tests and live ones in a policy pack."""
