"""What the workstation and the agent both know. Standard library only; imports nothing of the rest."""
