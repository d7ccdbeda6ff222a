# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes every golden file of tests/parity/golden, or of the folder given, in one process: importing the peers takes longest."""
import make_logits  # noqa: F401
import make_adapters  # noqa: F401
import make_nf4  # noqa: F401
import make_families
import make_generation
import make_gradients
import make_training

for script in (make_gradients, make_generation, make_training, make_families):
    script.main()
