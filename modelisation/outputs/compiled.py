"""Where the command line keeps the networks that it compiled, so that the next run need not.

The API in the same clone uses the same folder; `back.runtime.engines.compiled_files` says how it is kept whole and
small. Worth: seconds until a model is loaded, and then until it is ready for a size (1280x720), without and with:
SegFormer 0.99 + 0.57 and 0.37 + 0.20, DeepLabV3+ 0.44 + 0.17 and 0.24 + 0.09, Mask2Former 1.66 + 1.71 and 0.39 + 0.20
(2-core AMD EPYC).
"""

from back.runtime.proof import compiled_dir
from modelisation.provenance import REPOSITORY

COMPILED = compiled_dir(REPOSITORY / ".cache")
