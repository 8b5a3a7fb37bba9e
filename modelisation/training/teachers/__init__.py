"""Trained networks that label photos with probabilities for another one to learn from; what is done with them is not
here."""
