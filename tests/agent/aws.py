"""AWS on a machine of the tests: the metadata service, Secrets Manager, the trust store, and a server that plays RDS.

They are at their true addresses: the machine's own interface has that of the metadata service, its /etc/hosts has the
names of the others, and it trusts the authority that signed their certificate. The agent is told of nothing.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from infra.machines.embedded import client, container
from tests.agent.lab import Lab

REGION = "eu-central-1"
MANAGER = f"secretsmanager.{REGION}.amazonaws.com"
TRUST = "truststore.pki.rds.amazonaws.com"
DATABASE = f"shop-1a2b3c4.c0ffee.{REGION}.rds.amazonaws.com"
PORT = 5433
ARN = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:rds!db-0123-AbCdEf"
SERVER: dict[str, Any] = {"host": DATABASE, "port": PORT, "region": REGION, "secret": ARN, "storage": 20}
FOLDER = "/root/aws"
HOSTS = f"127.0.0.2 {MANAGER} {TRUST}\n127.0.0.3 {DATABASE}\n"

SERVICE = """
import http.server, json, pathlib, ssl, sys, threading
FOLDER, ARN = pathlib.Path(sys.argv[1]), sys.argv[2]
KEYS = {"Code": "Success", "AccessKeyId": "ASIA1", "SecretAccessKey": "key-canary", "Token": "token-canary"}

class Aws(http.server.BaseHTTPRequestHandler):
    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *words):
        pass

class Metadata(Aws):
    def do_PUT(self):
        self.answer(200 if self.headers.get("X-aws-ec2-metadata-token-ttl-seconds") else 400, "session")

    def do_GET(self):
        names = "/latest/meta-data/iam/security-credentials/"
        if self.headers.get("X-aws-ec2-metadata-token") != "session":
            self.answer(401, "")
        else:
            self.answer(200, "machine-role" if self.path == names else json.dumps(KEYS))

class Services(Aws):
    def do_GET(self):
        self.answer(200, (FOLDER / "rds.pem").read_text())

    def do_POST(self):
        wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        signed = self.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=ASIA1/")
        if not signed or self.headers["X-Amz-Security-Token"] != "token-canary" or wanted != {"SecretId": ARN}:
            self.answer(400, json.dumps({"__type": "AccessDeniedException"}))
            return
        with open(FOLDER / "asked", "a") as file:
            file.write("asked\\n")
        secret = {"username": "launchpad", "password": (FOLDER / "password").read_text().strip()}
        if (FOLDER / "next").exists():
            (FOLDER / "next").rename(FOLDER / "password")
        self.answer(200, json.dumps({"ARN": ARN, "SecretString": json.dumps(secret)}))

metadata = http.server.ThreadingHTTPServer(("169.254.169.254", 80), Metadata)
services = http.server.ThreadingHTTPServer(("127.0.0.2", 443), Services)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(FOLDER / "web.pem", FOLDER / "web.key")
services.socket = context.wrap_socket(services.socket, server_side=True)
(FOLDER / "ready").touch()
threading.Thread(target=metadata.serve_forever, daemon=True).start()
services.serve_forever()
"""


def install(lab: Lab, folder: Path) -> None:
    """Have the machine be one in AWS, with a database server that has a master user and nothing else.

    Args:
        lab: The machine.
        folder: An empty folder of this computer.
    """
    for authority, name, hosts in (("authority", "web", (MANAGER, TRUST)), ("rds", "database", (DATABASE,))):
        _certify(folder, authority, name, hosts)
    lab.sudo(f"mkdir --mode=700 {FOLDER}")
    for name in ("authority.pem", "rds.pem", "web.pem", "web.key", "database.pem", "database.key"):
        _put(lab, f"{FOLDER}/{name}", (folder / name).read_text())
    _put(lab, f"{FOLDER}/service.py", SERVICE)
    lab.sudo(f"cp {FOLDER}/authority.pem /usr/local/share/ca-certificates/tests.crt")
    lab.sudo("update-ca-certificates")
    lab.sudo("tee --append /etc/hosts", HOSTS)
    _address(lab, "169.254.169.254/32")
    lab.sudo(f"systemd-run --unit=tests-aws python3 {FOLDER}/service.py {FOLDER} '{ARN}'")
    _install_database(lab)
    lab.sudo(f"timeout 60 sh -c 'until test -e {FOLDER}/ready; do sleep 0.1; done'")
    rotate(lab, "first-canary")


def rotate(lab: Lab, password: str) -> None:
    """Give the master another password, as RDS does by itself every week."""
    ask(lab, f"ALTER ROLE launchpad PASSWORD '{password}'")
    _put(lab, f"{FOLDER}/password", password)


def rotate_ahead(lab: Lab, password: str) -> None:
    """Do the same, with a secret that is behind: it has the former password for one more question."""
    ask(lab, f"ALTER ROLE launchpad PASSWORD '{password}'")
    _put(lab, f"{FOLDER}/next", password)


def asked(lab: Lab) -> int:
    """How often the master's password was read until now."""
    return len(lab.sudo(f"sh -c 'cat {FOLDER}/asked 2>/dev/null || true'").split())


def ask(lab: Lab, statement: str, database: str = "postgres") -> str:
    """Have the database server do something, as AWS itself may."""
    return lab.sudo(f"setpriv --reuid=postgres --clear-groups psql -p {PORT} -XAtq -d {database}", statement)


def _address(lab: Lab, address: str) -> None:
    """Give the machine an address of its own, from outside: it may not change its network itself."""
    file = client.machines() / lab.name / "machine.json"
    record = json.loads(subprocess.check_output([*client.privilege(), "cat", str(file)]))
    (leader,) = [pid for pid in container.children(record["pid"]) if container.listens(pid, "/run/systemd/private")]
    words = ["nsenter", f"--target={leader}", "--net", "ip", "address", "add", address, "dev", "lo"]
    subprocess.run([*client.privilege(), *words], check=True)


def _put(lab: Lab, path: str, text: str) -> None:
    lab.sudo(f"sh -c 'umask 077; cat >{path}'", text)


def _certify(folder: Path, authority: str, name: str, hosts: tuple[str, ...]) -> None:
    """Make an authority, and a certificate of it for some hosts."""
    names = ",".join(f"DNS:{host}" for host in hosts)
    (folder / "extensions").write_text(f"subjectAltName={names}\n")
    use = "-addext keyUsage=critical,keyCertSign"
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    by = f"-CA {authority}.pem -CAkey {authority}.key -CAcreateserial -days 30 -extfile extensions"
    for line in (
        f"req -x509 {key} -keyout {authority}.key -out {authority}.pem -days 30 -subj /CN={authority} {use}",
        f"req {key} -keyout {name}.key -out {name}.csr -subj /CN={name}",
        f"x509 -req -in {name}.csr -out {name}.pem {by}",
    ):
        subprocess.run(["openssl", *line.split()], cwd=folder, check=True, capture_output=True)


def _install_database(lab: Lab) -> None:
    """A PostgreSQL 17 that takes TLS and passwords only, whose master is no superuser."""
    lab.sudo("apt-get -qq update")
    lab.sudo("apt-get -qq install -y --no-install-recommends postgresql")
    data = "/etc/postgresql/17/main"
    lab.sudo(f"install -o postgres -m 600 {FOLDER}/database.key {FOLDER}/database.pem {data}")
    lines = [
        "listen_addresses = '127.0.0.3'",
        f"port = {PORT}",
        "ssl = on",
        f"ssl_cert_file = '{data}/database.pem'",
        f"ssl_key_file = '{data}/database.key'",
        "log_statement = 'all'",
    ]
    lab.sudo(f"tee {data}/conf.d/rds.conf", "\n".join(lines) + "\n")
    access = "local all postgres peer\nhostssl all all 0.0.0.0/0 scram-sha-256\nhostnossl all all 0.0.0.0/0 reject\n"
    lab.sudo(f"tee {data}/pg_hba.conf", access)
    lab.sudo("systemctl restart postgresql@17-main")
    ask(lab, "CREATE ROLE launchpad LOGIN CREATEDB CREATEROLE")
    ask(lab, "ALTER DATABASE postgres OWNER TO launchpad")


def spec(**more: Any) -> dict[str, Any]:
    """What a message says of an app's database on this RDS."""
    return {"database": {"engine": "rds", "server": SERVER, **more}}
