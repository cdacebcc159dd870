"""How word scores come about: gradients, attention, perturbation and controls; and how words are selected by them."""
