"""The machine as an EC2 instance: a pure planner, a thin component that makes what it planned, and a preflight."""
