# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes every golden file of tests/parity/golden, or of the folder given, in one process: importing the peers takes longest."""
import make_logits  # noqa: F401
import make_gradients  # noqa: F401
import make_generation  # noqa: F401
import make_adapters  # noqa: F401
import make_training  # noqa: F401
import make_nf4  # noqa: F401
