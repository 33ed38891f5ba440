"""The units that serve an app's public files below ``$DATA_DIR``: a socket, and the program behind it."""

from __future__ import annotations

from infra.agent.process.units import HARDENING
from infra.agent.system import files, sh, systemd
from infra.agent.system.layout import FILE_SERVER, PROXY_USER, UNITS, App

NAME = "# Written by launchpad-agent; changes are overwritten by the next deployment.\n"


def socket_unit(app: App) -> str:
    """The unit of the socket: root's, so that nothing can take its place, and open to the proxy alone."""
    return f"""\
{NAME}[Unit]
Description={app.name} (public files)

[Socket]
ListenStream={app.files_socket}
SocketUser=root
SocketGroup={PROXY_USER}
SocketMode=0660
DirectoryMode=0755

[Install]
WantedBy=sockets.target
"""


def service_unit(app: App) -> str:
    """The unit of the program: the app's user in the app's sandbox, without a network, and it writes nothing."""
    return f"""\
{NAME}[Unit]
Description={app.name} (public files)
StartLimitIntervalSec=0

[Service]
Type=exec
User={app.user}
Group={app.user}
ExecStart=/usr/bin/python3 -I {FILE_SERVER} {app.static} {app.data}
SyslogIdentifier={app.name}-files
ProtectSystem=strict
{HARDENING.replace("RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK", "RestrictAddressFamilies=AF_UNIX")}
PrivateNetwork=yes
TasksMax=512
"""


def renew(app: App) -> bool:
    """Write the socket's unit anew where there is one, without stopping it. Says whether systemd has to read it."""
    path = UNITS / f"{app.files_unit}.socket"
    return path.exists() and files.write(path, socket_unit(app))


def ensure(app: App) -> None:
    """Have the socket listen, now and after a reboot; systemd starts the program when somebody asks."""
    socket, service = f"{app.files_unit}.socket", f"{app.files_unit}.service"
    changed = [files.write(UNITS / socket, socket_unit(app)), files.write(UNITS / service, service_unit(app))]
    if any(changed):
        systemd.reload()
    if changed[0] or not app.files_socket.exists():
        sh.run(["systemctl", "stop", service])
        sh.run(["systemctl", "restart", socket])
    elif changed[1]:
        sh.run(["systemctl", "stop", service])
    systemd.enable(socket, UNITS / socket, systemd.SOCKETS)
