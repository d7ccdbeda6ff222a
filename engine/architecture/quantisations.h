// SPDX-License-Identifier: GPL-3.0-or-later
// What linear layers can be held in beside the types that are computed with, a line a kind: its name, its word in
// model.precision, what people are told, and bytes(values, double quantisation). model/quantised/ has a file for each.
QUANTISATION(Nf4, "nf4", "NF4", nf4HeldBytes) // QLoRA (Dettmers et al. 2023)
