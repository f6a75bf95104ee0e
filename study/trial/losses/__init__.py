"""What a student is trained towards: hard labels, the teacher's outputs, or a mixture.

    loss = alpha * CE(z_s, y) + (1 - alpha) * soft(z_s, z_t)

with student logits z_s, teacher logits z_t, labels y.

Reading order: `objective.py` (the mixture), `distillation.py` (the registry of `soft`: each loss is one
decorated function).
"""
