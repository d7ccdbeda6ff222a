// SPDX-License-Identifier: GPL-3.0-or-later
// A line a file of verbs: cli_NAME.cpp defines `void addNAME(CLI::App& root, Session& session)`.
VERBS(Train)    // train, evaluate
VERBS(Generate) // generate, logits
VERBS(Data)     // tokenize, split, check
VERBS(Runs)     // runs …
VERBS(Export)   // export
VERBS(Models)   // models …
