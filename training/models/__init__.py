"""Stores bundles: the model store, cards, golden orders, and MLflow's record of runs.

May import history and learning; MLflow in mlflow_adapter.py only. Start reading in model_store.py.
"""
