"""Generated secrets: made once, kept for good."""

from infra.deployment.generated_secrets import GeneratedSecretsProvider


def test_a_value_is_generated_once_and_kept() -> None:
    provider = GeneratedSecretsProvider()
    made = provider.create({"names": ["SECRET_KEY"], "values": None}).outs or {}
    assert len(made["values"]["SECRET_KEY"]) == 64
    assert provider.diff("", made, {"names": ["SECRET_KEY"], "values": None}).changes is False
    assert provider.diff("", made, {"names": [], "values": None}).changes is False
    more = {"names": ["JWT_SECRET", "SECRET_KEY"], "values": None}
    assert provider.diff("", made, more).changes is True
    updated = (provider.update("", made, more).outs or {})["values"]
    assert updated["SECRET_KEY"] == made["values"]["SECRET_KEY"]
    assert len({*updated.values()}) == 2
