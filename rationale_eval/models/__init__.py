"""Models that choose between options, behind one face."""

from rationale_eval.models.kernels import bound_kernel_caches

bound_kernel_caches()
