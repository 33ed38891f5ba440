"""What another web server needs in its configuration to pass an app's requests on to Launchpad's proxy. Pure."""

from __future__ import annotations

NGINX = """\
server {{
    listen 80;
    server_name {name};
    client_max_body_size 0;
    location / {{
        proxy_pass http://127.0.0.1:{port};
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $http_connection;
        proxy_request_buffering off;
        proxy_buffering off;
        proxy_read_timeout 1h;
    }}
}}"""
CADDY = """\
{name} {{
    reverse_proxy 127.0.0.1:{port}
}}"""
APACHE = """\
<VirtualHost *:80>
    ServerName {name}
    ProxyPreserveHost On
    RequestHeader set X-Forwarded-Proto expr=%{{REQUEST_SCHEME}}
    ProxyPass / http://127.0.0.1:{port}/ upgrade=websocket
</VirtualHost>"""
SERVERS = {
    "nginx": ("nginx", "a file such as /etc/nginx/conf.d/{app}.conf, then: nginx -t && systemctl reload nginx", NGINX),
    "caddy": ("Caddy", "/etc/caddy/Caddyfile, then: systemctl reload caddy", CADDY),
    "apache2": (
        "Apache",
        "/etc/apache2/sites-available/{app}.conf, then: a2enmod proxy proxy_http headers && a2ensite {app} && "
        "systemctl reload apache2",
        APACHE,
    ),
}
"""For each program: what people call the server, where the text goes, and the text."""
NOBODY = "app.example.org"
"""Stands for the name of an app that has none yet."""


def advice(program: str, app: str, names: tuple[str, ...], port: int) -> str:
    """What to do where another program has the app's public port.

    Args:
        program: The program, as the kernel calls it.
        app: The app.
        names: The app's domains; empty if it has none.
        port: A port that is free.
    """
    if program not in SERVERS:
        return "Stop it, or give the app another http_port."
    called, place, text = SERVERS[program]
    separator = ", " if program == "caddy" else " "
    without = f" Take launchpad:domain out of the config, for HTTPS is then {called}'s."
    name = separator.join(names) or NOBODY
    if program == "apache2" and names:
        name = "\n    ServerAlias ".join([names[0], " ".join(names[1:])] if names[1:] else names)
    return (
        f"Stop it, or leave it there and have {called} pass the app's requests on:{without if names else ''}\n"
        f"    pulumi config set launchpad:http_port {port}\n"
        "    pulumi config set --path 'launchpad:trusted_proxies[0]' 127.0.0.1/32\n"
        f"and for {called} in {place.format(app=app)}\n\n" + text.format(name=name, port=port)
    )
