"""How automations run: their triggers are evaluated, and actions follow."""
