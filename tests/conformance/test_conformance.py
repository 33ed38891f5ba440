"""The cases of cases/*.json against a plugin: ours, or the one that LAUNCHPAD_COMMAND_PLUGIN names.

Each case is a row of requests to one resource, and `expect` is what the official plugin 1.2.1 answered. It was recorded from
that plugin (LAUNCHPAD_CONFORMANCE_RECORD=1 does it again), never written by hand. Where ours answers differently on
purpose the step says so: `ours` is its answer (of an error `$any` is any text) and `because` the reason.
"""

import hashlib
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2

from tests.conformance.conformance_notation import Facts, contract, expand, open_texts
from tests.conformance.conformance_plugin import IS_OURS, Plugin
from tests.conformance.conformance_servers import Servers, free_port

RECORD = bool(os.environ.get("LAUNCHPAD_CONFORMANCE_RECORD")) and not IS_OURS
FILES = sorted((Path(__file__).parent / "cases").glob("*.json"))
CASES = [
    pytest.param(file, number, id=f"{file.stem}-{case['case'].replace(' ', '_')}")
    for file in FILES
    for number, case in enumerate(json.loads(file.read_text()))
]


@pytest.mark.parametrize(("file", "number"), CASES)
def test_case(file: Path, number: int, servers: Servers, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    case = json.loads(file.read_text())[number]
    plugin: Plugin = request.getfixturevalue("fresh_plugin" if case.get("fresh") else "shared_plugin")
    facts = _facts(servers, tmp_path)
    for name, content in case.get("files", {}).items():
        path = tmp_path / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_text(expand(content, facts))
    resource = Resource(plugin, case["resource"], facts)
    for step in case["steps"]:
        begun = time.monotonic()
        answer = resource.take(step)
        seconds = time.monotonic() - begun
        if "files" not in step:
            assert "CANARY" not in "".join(open_texts(answer)), f"a secret in the open: {answer}"
        if RECORD:
            step["expect"] = json.loads(json.dumps(answer, sort_keys=True))
            continue
        low, high = step.get("seconds", [0, 10])
        assert low <= seconds <= high, f"took {seconds:.2f} s"
        expected = step["ours"] if IS_OURS and "ours" in step else step["expect"]
        if expected.get("error") == "$any" and "error" in answer:
            answer["error"] = "$any"
        assert answer == expected
    if RECORD:
        cases = json.loads(file.read_text())
        cases[number] = case
        file.write_text(json.dumps(cases, indent=2, ensure_ascii=False) + "\n")


def _facts(servers: Servers, directory: Path) -> Facts:
    return {
        "dir": str(directory),
        "port": servers.port,
        "proxyPort": servers.proxy_port,
        "closedPort": servers.closed_port,
        "hostKey": servers.host_key,
        "wrongHostKey": servers.wrong_host_key,
        "rsaHostKey": servers.rsa_host_key,
        "privateKey": servers.private_key,
        "encryptedKey": servers.encrypted_key,
        "strangerKey": servers.stranger_key,
        "agentSocket": servers.agent_socket,
    }


class Resource:
    """One resource on its way through the steps of a case: the engine's memory of it."""

    def __init__(self, plugin: Plugin, token: str, facts: Facts) -> None:
        self._plugin, self._token, self._facts = plugin, token, facts
        self._urn = f"urn:pulumi:stack::project::command:{token}::name"
        self._inputs: dict[str, Any] = {}
        self._state: dict[str, Any] = {}

    def take(self, step: dict[str, Any]) -> Any:
        """Do what the step says; the answer in the cases' notation, with what was logged meanwhile."""
        verb = next(name for name in step if hasattr(self, f"_{name}") and name.islower())
        given = expand(step[verb], self._facts)
        self._plugin.log.clear()
        if "cancelAfter" in step:
            self._plugin.cancel_after(step["cancelAfter"])
        answer = contract(getattr(self, f"_{verb}")(given, step), self._facts)
        if self._plugin.log:
            lines = self._plugin.log
            texts = [text if (kind, brief) == ("INFO", True) else f"{kind}: {text}" for kind, text, brief in lines]
            texts = [re.sub(r"\d+/inf", "n/inf", text) for text in texts]  # as many as there was time for
            texts = [
                text for text, before in zip(texts, ["", *texts], strict=False) if "n/inf" not in text or text != before
            ]
            answer["log"] = contract(texts, self._facts)
        return answer

    def _check(self, inputs: Any, _step: Any) -> Any:
        response = self._plugin.request("Check", provider_pb2.CheckRequest(urn=self._urn, news=_struct(inputs)))
        failures = sorted([failure["property"], failure["reason"]] for failure in response.get("failures", []))
        return {"failures": failures} if failures else {"inputs": response.get("inputs", response)}

    def _diff(self, inputs: Any, step: Any) -> Any:
        """From the inputs before to these."""
        response = self._plugin.request(
            "Diff",
            provider_pb2.DiffRequest(
                id="id",
                urn=self._urn,
                olds=_struct(self._state),
                old_inputs=_struct(self._inputs),
                news=_struct(inputs),
                ignoreChanges=step.get("ignoreChanges", []),
            ),
        )
        changes = {path: change.get("kind", "ADD") for path, change in response.pop("detailedDiff", {}).items()}
        lists = {name: sorted(response.pop(name)) for name in ("diffs", "replaces") if name in response}
        return {**response, **lists, "detailedDiff": dict(sorted(changes.items()))}

    def _create(self, inputs: Any, step: Any) -> Any:
        message = provider_pb2.CreateRequest(
            urn=self._urn,
            properties=_struct(inputs),
            preview=step.get("preview", False),
            timeout=step.get("timeout", 0),
        )
        return self._results(inputs, self._plugin.request("Create", message), step)

    def _update(self, inputs: Any, step: Any) -> Any:
        message = provider_pb2.UpdateRequest(
            id="id",
            urn=self._urn,
            olds=_struct(self._state),
            old_inputs=_struct(self._inputs),
            news=_struct(inputs),
            preview=step.get("preview", False),
            timeout=step.get("timeout", 0),
            ignoreChanges=step.get("ignoreChanges", []),
        )
        return self._results(inputs, self._plugin.request("Update", message), step)

    def _delete(self, _given: Any, step: Any) -> Any:
        message = provider_pb2.DeleteRequest(
            id="id",
            urn=self._urn,
            properties=_struct(self._state),
            old_inputs=_struct(self._inputs),
            timeout=step.get("timeout", 0),
        )
        return self._plugin.request("Delete", message)

    def _read(self, _given: Any, _step: Any) -> Any:
        message = provider_pb2.ReadRequest(
            id="id", urn=self._urn, properties=_struct(self._state), inputs=_struct(self._inputs)
        )
        response = self._plugin.request("Read", message)
        same = response.get("properties") == self._state and response.get("inputs") == self._inputs
        return {"id": response.get("id"), "unchanged": same} if "id" in response else response

    def _invoke(self, inputs: Any, _step: Any) -> Any:
        message = provider_pb2.InvokeRequest(tok=f"command:{self._token}", args=_struct(inputs))
        response = self._plugin.request("Invoke", message)
        if "failures" in response:
            response["failures"].sort(key=lambda failure: failure["property"])
        return response if response.keys() & {"failures", "error"} else self._beyond(inputs, response["return"])

    def _files(self, directory: str, _step: Any) -> Any:
        """Not a request: what lies in a directory."""
        root = Path(directory)
        found = {}
        for path in sorted(root.rglob("*")):
            name = str(path.relative_to(root))
            if path.is_file():
                text = path.read_text()
                found[name] = text if len(text) < 1000 else hashlib.sha256(text.encode()).hexdigest()
            elif not any(path.iterdir()):
                found[name + "/"] = ""
        return found

    def _results(self, inputs: Any, response: dict[str, Any], step: Any) -> Any:
        if "error" in response:
            return response
        if not step.get("preview"):
            self._inputs, self._state = inputs, response["properties"]
        identity = {"id": re.sub(r"[0-9a-f]{8}$", "<8 hex>", response["id"])} if response.get("id") else {}
        return {**identity, "results": self._beyond(inputs, response["properties"])}

    @staticmethod
    def _beyond(inputs: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
        """The outputs that are not just the inputs over again; those that are must be there."""
        assert outputs.keys() >= inputs.keys()
        return {name: value for name, value in outputs.items() if name not in inputs or not _alike(value, inputs[name])}


def _alike(one: Any, other: Any) -> bool:
    """Equal, but for the empty fields with which the official plugin pads an asset."""
    return bool(contract(one, {}) == contract(other, {}))


def _struct(value: dict[str, Any]) -> Struct:
    struct = Struct()
    struct.update(value)
    return struct


def test_waits_for_a_machine_that_boots(servers: Servers, shared_plugin: Plugin, tmp_path: Path) -> None:
    """dialErrorLimit -1 goes on trying; here the server comes up after two seconds."""
    port = free_port()
    servers.listen(port, delay=2)
    resource = Resource(shared_plugin, "remote:Command", _facts(servers, tmp_path))
    connection = {"$connection": {"port": port, "dialErrorLimit": -1}}
    answer = resource.take({"create": {"connection": connection, "create": "echo up"}, "timeout": 30})
    assert answer["results"] == {"stdout": "up", "stderr": ""}
    assert answer["log"] == ["Dial n/inf failed: retrying", "up"]


@pytest.mark.skipif(not IS_OURS, reason="the official plugin now and then fails here, with EOF")
def test_command_that_leaves_its_input_untaken(servers: Servers, shared_plugin: Plugin, tmp_path: Path) -> None:
    resource = Resource(shared_plugin, "remote:Command", _facts(servers, tmp_path))
    inputs = {"connection": {"$connection": {}}, "create": "true", "stdin": {"$repeat": 3000000}}
    assert resource.take({"create": inputs}) == {"id": "name<8 hex>", "results": {"stdout": "", "stderr": ""}}


def test_names_its_version(shared_plugin: Plugin) -> None:
    assert shared_plugin.request("GetPluginInfo", Empty()) == {"version": "1.2.1"}


def test_says_what_it_understands(shared_plugin: Plugin) -> None:
    configured = shared_plugin.configured
    flags = (configured.acceptSecrets, configured.supportsPreview, configured.acceptResources, configured.acceptOutputs)
    assert flags == (True, True, True, True)


def test_provider_state_is_the_same_for_both(shared_plugin: Plugin) -> None:
    """What CheckConfig adds lands in the state of the provider: a difference would show when one takes the other's place."""
    urn = "urn:pulumi:stack::project::pulumi:providers:command::default_1_2_1"
    answer = shared_plugin.request(
        "CheckConfig", provider_pb2.CheckRequest(urn=urn, news=_struct({"version": "1.2.1"}))
    )
    assert answer == {"inputs": {"version": "1.2.1", "__pulumi-go-provider-version": "1.2.0"}}


def test_schema_has_every_field(shared_plugin: Plugin) -> None:
    schema = json.loads(shared_plugin.request("GetSchema", provider_pb2.GetSchemaRequest())["schema"])
    described = {
        name: (
            sorted(resource["inputProperties"]),
            sorted(resource["properties"]),
            sorted(resource.get("requiredInputs", [])),
        )
        for name, resource in schema["resources"].items()
    }
    connection = sorted(schema["types"]["command:remote:Connection"]["properties"])
    function = schema["functions"]["command:local:run"]
    described["run"] = (sorted(function["inputs"]["properties"]), sorted(function["outputs"]["properties"]), connection)
    recorded = Path(__file__).parent / "schema.json"
    if RECORD:
        recorded.write_text(json.dumps(described, indent=2, sort_keys=True) + "\n")
    assert json.loads(json.dumps(described)) == json.loads(recorded.read_text())
