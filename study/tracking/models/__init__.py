"""The best student of each arm as a model in MLflow: loadable and servable by MLflow alone."""
