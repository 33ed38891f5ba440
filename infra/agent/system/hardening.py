"""The lines of a systemd sandbox that every service of ours has, whatever it does."""

KERNEL = """\
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
LockPersonality=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
"""
"""Closes what of the kernel no web app and no proxy needs: its clock, logs, modules, settings and namespaces."""
