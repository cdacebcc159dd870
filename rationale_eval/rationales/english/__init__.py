"""What the perturbations know of English: words and their classes, synonyms, inflection, clauses, names of choices."""
