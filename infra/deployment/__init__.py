"""Deploying the app to a machine: wait for SSH, prepare the machine, push the source, release."""
