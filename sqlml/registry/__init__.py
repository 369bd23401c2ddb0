"""What the database remembers: models, versions, runs, metrics, deployments, compiled SQL."""
